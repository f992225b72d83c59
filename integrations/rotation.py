"""Bring everything that is encrypted under the newest key, while the product runs.

    1. ENCRYPTION_KEYS=old,new everywhere   every process can read both
    2. ENCRYPTION_KEYS=new,old everywhere   what is written from now on is under the new key
    3. manage.py rotate_encryption_keys     what was written before
    4. ENCRYPTION_KEYS=new                  the old key is worth nothing

Which columns there are is asked of the models, so a new EncryptedJSONField is never forgotten.
A row that the product changes in between is left as it is: it was written under the new key.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.conf import settings
from django.db import connection, models, transaction
from django_tenants.utils import get_tenant_model, schema_context

from .encryption import EncryptedJSONField, box

AT_ONCE = 500  # rows read at once


@dataclass
class Count:
    """`unreadable` are rows that none of the keys opens: they are left alone."""

    current: int = 0
    rotated: int = 0
    changed: int = 0  # by somebody else in between
    unreadable: int = 0

    def __iadd__(self, other: "Count") -> "Count":
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)
        return self


def columns() -> list[tuple[type[models.Model], EncryptedJSONField]]:
    return [
        (model, field)
        for model in apps.get_models()
        if model._meta.managed and not model._meta.proxy
        for field in model._meta.local_fields
        if isinstance(field, EncryptedJSONField)
    ]


def schemas() -> list[str]:
    """Every schema that may hold secrets: the template and public as well."""
    retailers = get_tenant_model().objects.values_list("schema_name", flat=True)
    return ["public", *sorted(retailers)]


def rotate(schema: str) -> Count:
    """All encrypted columns of one schema. May be interrupted and run again."""
    count = Count()
    with schema_context(schema):
        tables = tables_of(schema)
        for model, field in columns():
            if model._meta.db_table in tables:
                count += rotate_column(model, field)
        if Authenticator._meta.db_table in tables:
            count += rotate_factors()
    return count


def rotate_factors() -> Count:
    """The secrets of people's second factors, which stand inside JSON (tenants.doors)."""
    newest, count = Fernet(settings.ENCRYPTION_KEYS[0]), Count()
    for pk in list(Authenticator.objects.values_list("pk", flat=True)):
        with transaction.atomic():
            row = Authenticator.objects.select_for_update().filter(pk=pk).first()
            old = {
                name: row.data[name]
                for name in ("secret", "seed")
                if row is not None and row.data.get(name)
            }
            if not old:
                continue
            try:
                if is_newest(newest, old):
                    count.current += 1
                    continue
                new = {name: box().rotate(text.encode()).decode() for name, text in old.items()}
            except InvalidToken:
                count.unreadable += 1
                continue
            row.data = {**row.data, **new}
            row.save(update_fields=["data"])
            count.rotated += 1
    return count


def is_newest(newest: Fernet, texts: dict[str, str]) -> bool:
    try:
        for text in texts.values():
            newest.decrypt(text.encode())
    except InvalidToken:
        return False
    return True


def tables_of(schema: str) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema])
        return {name for (name,) in cursor.fetchall()}


def rotate_column(model: type[models.Model], field: EncryptedJSONField) -> Count:
    newest = Fernet(settings.ENCRYPTION_KEYS[0])
    quote = connection.ops.quote_name
    table, column, key = (
        quote(name) for name in (model._meta.db_table, field.column, model._meta.pk.column)
    )
    count = Count()
    for pk, old in tokens(table, column, key):
        try:
            newest.decrypt(old.encode())
            count.current += 1
            continue
        except InvalidToken:
            pass
        try:
            new = box().rotate(old.encode()).decode()
        except InvalidToken:
            count.unreadable += 1
            continue
        with connection.cursor() as cursor:
            # Only what we have read: whoever saved it since has used the newest key.
            cursor.execute(
                f"UPDATE {table} SET {column} = %s WHERE {key} = %s AND {column} = %s",
                [new, pk, old],
            )
            if cursor.rowcount:
                count.rotated += 1
            else:
                count.changed += 1
    return count


def tokens(table: str, column: str, key: str) -> Iterator[tuple[object, str]]:
    """(primary key, what is stored) of each row that holds something, in the key's order."""
    last = None
    while True:
        after = f"AND {key} > %s" if last is not None else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {column} FROM {table} WHERE {column} <> '' {after}"
                f" ORDER BY {key} LIMIT {AT_ONCE}",
                [last] if last is not None else [],
            )
            rows = cursor.fetchall()
        yield from rows
        if len(rows) < AT_ONCE:
            return
        last = rows[-1][0]
