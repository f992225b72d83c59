"""Brings a retailer back from a backup, in one transaction, under its own or another name."""

import hashlib
import json
import tarfile
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path, PurePosixPath
from typing import BinaryIO

import pyrage
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core import serializers
from django.core.cache import cache
from django.core.files.base import File
from django.db import connection, transaction
from django.utils import timezone
from django_tenants.utils import schema_context, tenant_context

from forms_app import erasing, starter
from integrations.models import Connection, Delivery, Mail

from . import audit, backup, files, schemas
from .migrating import migrations_of_this_code
from .models import AuditEntry, Domain, Retailer
from .provisioning import check_address, free_schema_name


class Damaged(Exception):
    """The file isn't a whole backup of ours; the text says what is wrong with it."""


class InTheWay(Exception):
    """What is there already, or here otherwise than there, forbids it."""


def restore(name: str, *, slug: str = "", replace: bool = False, by: str) -> Retailer:
    """Restore the backup of this name in the storage. Call it in the public schema.

    With `slug` it becomes a retailer of its own, beside the first, at a new address; else it takes
    its old place, and `replace` says that the schema and files that stand there now may go. Who was
    erased since the backup was taken is erased again, where the schema that knows it still stands.
    A copy tells nobody, and support alone can enter it.

    Raises `Damaged`, `InTheWay`, `ValidationError` (the slug), `pyrage.DecryptError`.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpack(name, Path(folder))
        told = json.loads(Path(folder, "manifest.json").read_text())
        if told["format"] != backup.FORMAT:
            raise Damaged(f"It has format {told['format']}.")
        check_content_types(told)
        return rebuild(told, Path(folder), slug, replace, by)


def unpack(name: str, folder: Path) -> None:
    """Decrypt and check; `folder` then holds what the tar held."""
    with tempfile.TemporaryFile() as plain:
        decrypt(name, plain)
        # Those of before they were compressed can be read as well.
        with tarfile.open(fileobj=plain, mode="r|*") as tar:
            tar.extractall(folder, filter="data")
    expected = json.loads((folder / "checksums.json").read_text())
    for member, digest in expected.items():
        with (folder / member).open("rb") as content:
            if hashlib.file_digest(content, "sha256").hexdigest() != digest:
                raise Damaged(f"{member} has another checksum.")


def decrypt(name: str, plain: BinaryIO) -> None:
    """Check the backup of this name, and write it in plain; `plain` then stands at its begin."""
    storage = backup.storage()
    identity = pyrage.x25519.Identity.from_str(settings.BACKUP_IDENTITY.strip())
    with storage.open(name) as sealed:
        digest = hashlib.file_digest(sealed, "sha256").hexdigest()
        with storage.open(f"{name}.sha256") as kept:
            if kept.read().decode() != digest:
                raise Damaged("Its checksum is another one.")
        sealed.seek(0)
        pyrage.decrypt_io(sealed, plain, [identity])
    plain.flush()
    plain.seek(0)


def check_content_types(told: dict) -> None:
    """Pages and permissions point to them by number; the numbers are an installation's own."""
    here = {
        str(pk): f"{app}.{model}"
        for pk, app, model in ContentType.objects.values_list("pk", "app_label", "model")
    }
    if other := sorted(name for pk, name in told["content_types"].items() if here.get(pk) != name):
        raise InTheWay(f"Content types have other numbers in this installation: {other[:5]}")


def rebuild(told: dict, folder: Path, slug: str, replace: bool, by: str) -> Retailer:
    row, domains = rows_of(told, slug)
    with transaction.atomic():
        erased = erased_since(told)
        retailers = Retailer.objects.select_for_update()
        # By its schema first: it may live at another slug by now.
        there = retailers.filter(schema_name=row.schema_name).first()
        there = there or retailers.filter(slug=row.slug).first()
        if there is None:
            insert(row, as_it_was=not slug)
            for domain in domains:
                domain.tenant = row
                domain.save(force_insert=True)
            if not slug:
                restore_audit(told, row)
                restore_belongings(told, row)
        elif replace and there.schema_name == row.schema_name:
            row = there  # what it owes and where it lives is as it is today
            with connection.cursor() as cursor:
                cursor.execute(f"DROP SCHEMA IF EXISTS {backup.quoted(row.schema_name)} CASCADE")
        else:
            raise InTheWay(f"There is a retailer at {there.slug}: name another, or say it may go.")
        build_schema(told, folder, row.schema_name)
        applied = {tuple(one) for one in told["migrations"]}
        lacking = migrations_of_this_code(row.schema_name) - applied
        row.schema_problem = "Not migrated yet." if lacking else ""
        row.save(update_fields=["schema_problem"])
        with tenant_context(row):
            starter.move_site(row.name, row.url)
            # What was in a worker's hands then is in nobody's now.
            sending = Delivery.objects.filter(state=Delivery.State.SENDING)
            sending.update(state=Delivery.State.DUE, claim=None)
            repeated = erasing.repeat(erased)
            if slug:
                silence()
        told_why = f"from a backup of {told['taken_at']}, {repeated} people erased again"
        audit.record(row, "restored", told_why, by=by)
        stale = put_media(folder / "media", row.schema_name)
    # Only when the rows are safe: interrupted here, it leaves a file too many, and none too few.
    files.delete(row.schema_name, stale)
    with tenant_context(row):
        cache.delete_pattern("*")  # pages, renditions: all of another time
    return row


def erased_since(told: dict) -> Sequence[str]:
    """Hashes of who was erased after the backup, as far as the schema it was of still stands here.

    In a new database, with the platform's own tables from their backup, it doesn't.
    """
    schema = told["schema"]
    if "forms_app_erasure" not in schemas.tables([schema]).get(schema, ()):
        return ()
    # An erasure may have been under way: a little too far back does no harm.
    since = datetime.fromisoformat(told["taken_at"]) - timedelta(minutes=5)
    with schema_context(schema):
        return erasing.hashes_since(since)


def insert(row: Retailer, as_it_was: bool) -> None:
    """`as_it_was`: in its old place. A copy is a trial that begins today."""
    began = row.created_at
    if not as_it_was:
        row.state = row.billed_state = Retailer.State.TRIAL
        row.hold, row.delete_at = "", None
    elif row.delete_at:  # or it would be deleted again within the hour
        row.delete_at = timezone.now() + timedelta(days=settings.CLOSED_DAYS)
    row.save(force_insert=True)
    if as_it_was:
        Retailer.objects.filter(pk=row.pk).update(created_at=began)
    with connection.cursor() as cursor:  # its number may be ahead of those that are given out
        cursor.execute(
            "SELECT setval('tenants_retailer_id_seq', greatest(max(id),"
            " (SELECT last_value FROM tenants_retailer_id_seq))) FROM tenants_retailer"
        )


def silence() -> None:
    """The copy, in whose schema we are, tells nobody: no CRM gets a sign-up twice, nobody a mail.

    Without secrets, because a CRM that renews a token for one of the two shuts out the other; and
    without anybody who could log in or be written to, but for support.
    """
    Connection.objects.update(state=Connection.State.OFF, secrets={})
    Mail.objects.filter(sent_at=None).delete()
    get_user_model().objects.update(is_active=False)


def rows_of(told: dict, slug: str) -> tuple[Retailer, list[Domain]]:
    """The retailer's public rows, unsaved: its own, or new ones for this slug."""
    row = deserialized([told["retailer"]])[0]
    if slug:
        check_address(slug)
        row.pk, row.slug, row.primary_host = None, slug, ""
        row.name = f"{row.name} (restored)"[:100]
        row.schema_name, row.owner_email = free_schema_name(slug), ""
        return row, [Domain(domain=row.host, is_primary=True)]
    if Retailer.objects.filter(pk=row.pk).exists():
        row.pk = None  # its number is somebody else's by now
    domains = deserialized(told["domains"])
    for domain in domains:
        domain.pk = None
    return row, domains


def deserialized(rows: list[dict]) -> list:
    return [each.object for each in serializers.deserialize("python", rows, ignorenonexistent=True)]


def build_schema(told: dict, folder: Path, schema: str) -> None:
    if not schemas.SCHEMA_NAME.match(schema):
        raise Damaged(f"{schema!r} is no name for a retailer's schema.")
    with connection.cursor() as cursor:
        cursor.execute((folder / "schema.sql").read_text().replace(backup.STAND_IN, schema))
        for table in told["tables"]:
            target = f"{backup.quoted(schema)}.{backup.quoted(table)}"
            with (folder / "data" / PurePosixPath(table).name).open("rb") as content:
                cursor.copy_expert(f"COPY {target} FROM STDIN", content)
        for name, (last, is_called) in told["sequences"].items():
            sequence = f"{backup.quoted(schema)}.{backup.quoted(name)}"
            cursor.execute("SELECT setval(%s, %s, %s)", [sequence, last, is_called])


def restore_audit(told: dict, row: Retailer) -> None:
    """Its history; of one that was deleted it is here still, without the retailer."""
    if AuditEntry.objects.filter(schema_name=row.schema_name).update(retailer=row):
        return
    for entry in deserialized(told["audit"]):
        entry.pk, entry.retailer = None, row
        entry.save()


def restore_belongings(told: dict, row: Retailer) -> None:
    """Own domains, what was granted, and what was used."""
    for each in deserialized(told.get("belongings", [])):
        each.pk, each.retailer = None, row
        each.save(force_insert=True)


def put_media(source: Path, schema: str) -> set[str]:
    """The backup's files, over those of the same name; returns those that it lacks."""
    before, kept = set(files.names(schema)), set()
    for path in source.rglob("*"):
        if path.is_file():
            name = path.relative_to(source).as_posix()
            with path.open("rb") as content:
                files.put(schema, name, File(content), replace=True)
            kept.add(name)
    return before - kept
