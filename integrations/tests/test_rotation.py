"""Key rotation by command, while the product goes on."""

import io

import pytest
from cryptography.fernet import Fernet, InvalidToken
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection as database
from django_tenants.utils import tenant_context

from integrations import rotation
from integrations.models import Connection

SealingKey = apps.get_model("forms_app", "SealingKey")


@pytest.fixture
def secrets(retailers):
    """Secrets of both retailers under the old key; answers what is readable of them now."""
    for retailer in retailers:
        with tenant_context(retailer):
            for number in range(3):
                Connection.objects.create(
                    name=str(number),
                    kind="webhook",
                    secrets={"secret": f"{retailer.slug}-{number}"},
                )
            Connection.objects.create(name="none", kind="webhook")
            SealingKey.objects.create(public_key={}, private_key={"d": retailer.slug})

    def readable():
        found = []
        for retailer in retailers:
            with tenant_context(retailer):
                found += [str(c.secrets.get("secret")) for c in Connection.objects.order_by("name")]
                keys = SealingKey.objects.filter(private_key__gt="")
                found += [key.private_key.get("d") for key in keys if key.private_key.get("d")]
        return found

    return readable


def rotate() -> str:
    out = io.StringIO()
    call_command("rotate_encryption_keys", stdout=out)
    return out.getvalue()


def test_after_the_rotation_the_old_key_is_worth_nothing(settings, secrets):
    old, new = settings.ENCRYPTION_KEYS, [Fernet.generate_key().decode()]
    before = secrets()
    assert len([one for one in before if one != "None"]) >= 8
    settings.ENCRYPTION_KEYS = [*new, *old]
    assert secrets() == before, "nothing is unreadable in between"
    assert "already" in rotate()
    settings.ENCRYPTION_KEYS = new
    assert secrets() == before
    settings.ENCRYPTION_KEYS = old
    with pytest.raises(InvalidToken):
        secrets()


def test_every_encrypted_column_is_found_by_itself():
    names = {f"{model.__name__}.{field.name}" for model, field in rotation.columns()}
    assert {"Connection.secrets", "SealingKey.private_key"} <= names


def test_a_rotation_that_was_interrupted_goes_on_where_it_stood(
    settings, secrets, retailers, monkeypatch
):
    monkeypatch.setattr(rotation, "AT_ONCE", 2)
    before = secrets()
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    acorn, birch = retailers
    first = rotation.rotate(acorn.schema_name)
    assert first.rotated >= 4 and first.current == 0
    again = rotation.rotate(acorn.schema_name)
    assert (again.rotated, again.current) == (0, first.rotated)
    assert rotation.rotate(birch.schema_name).rotated == first.rotated
    assert secrets() == before


def test_a_secret_that_is_saved_during_the_rotation_is_not_overwritten(
    settings, secrets, retailers, monkeypatch
):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    acorn, _ = retailers
    read = rotation.tokens

    def meanwhile(table, column, key):
        rows = list(read(table, column, key))
        if "connection" in table:
            Connection.objects.filter(name="0").update(secrets={"secret": "brand-new"})
        return iter(rows)

    monkeypatch.setattr(rotation, "tokens", meanwhile)
    assert rotation.rotate(acorn.schema_name).changed == 1
    with tenant_context(acorn):
        assert Connection.objects.get(name="0").secrets == {"secret": "brand-new"}


def test_what_no_key_opens_is_said_and_left_alone(settings, secrets, retailers):
    acorn, birch = retailers
    with tenant_context(birch), database.cursor() as cursor:
        lost = Fernet(Fernet.generate_key()).encrypt(b"{}").decode()
        cursor.execute("UPDATE integrations_connection SET secrets = %s WHERE name = '1'", [lost])
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    with pytest.raises(CommandError, match=f"{birch.schema_name}: 1 can't be read"):
        rotate()
    with tenant_context(birch), database.cursor() as cursor:
        cursor.execute("SELECT secrets FROM integrations_connection WHERE name = '1'")
        assert cursor.fetchone()[0] == lost
    with tenant_context(acorn):
        assert Connection.objects.get(name="0").secrets == {"secret": "acorn-0"}


def test_the_trouble_of_one_schema_does_not_keep_the_others(
    settings, secrets, retailers, monkeypatch
):
    acorn, birch = retailers
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode(), *settings.ENCRYPTION_KEYS]
    real = rotation.rotate

    def broken(schema):
        if schema == acorn.schema_name:
            raise RuntimeError("gone")
        return real(schema)

    monkeypatch.setattr(rotation, "rotate", broken)
    with pytest.raises(CommandError, match="RuntimeError: gone"):
        rotate()
    assert real(birch.schema_name).rotated == 0
