"""What a tablet has sealed opens here, and nowhere else."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from django.core.management import CommandError, call_command
from django.db import connection
from django_tenants.utils import tenant_context

from forms_app import sealing
from forms_app.models import SealingKey

from .device import seal

ID, VERSION = "0d9a3c1e-1b53-4a53-9e0c-0f4f5f0a7a11", "7d9a3c1e-1b53-4a53-9e0c-0f4f5f0a7a12"


def sealed(key: SealingKey, content: object = None, **changes) -> dict:
    content = {"fields": [["a", "Zoë Lovelace 😀"]]} if content is None else content
    return seal(key.public_key, str(key.pk), ID, VERSION, content) | changes


@pytest.fixture
def keys(retailers):
    """A key of Acorn's and one of Birch's."""
    made = []
    for retailer in retailers:
        with tenant_context(retailer):
            made.append(sealing.current_key())
    return made


def opened(retailer, envelope) -> dict:
    with tenant_context(retailer):
        return sealing.open_envelope(envelope, sealing.keys_of([envelope]))


def test_what_was_sealed_opens_at_its_own_shop_only(retailers, keys):
    acorn, birch = retailers
    envelope = sealed(keys[0])
    assert opened(acorn, envelope) == {"fields": [["a", "Zoë Lovelace 😀"]]}
    assert "Lovelace" not in str(envelope)
    with pytest.raises(sealing.Unreadable, match="a key that isn't here"):
        opened(birch, envelope)
    with pytest.raises(sealing.Unreadable, match="damaged"):
        opened(birch, envelope | {"key": str(keys[1].pk)})


@pytest.mark.parametrize(
    "changes",
    [
        {"id": VERSION},
        {"form_version": ID},
        {"box": "AAAA"},
        {"box": "not base64!"},
        {"box": 7},
        {"iv": "AAAA"},
        {"ephemeral": "AAAA"},
        {"ephemeral": None},
    ],
    ids=str,
)
def test_an_envelope_that_was_changed_opens_nowhere(retailers, keys, changes):
    with pytest.raises(sealing.Unreadable, match="damaged"):
        opened(retailers[0], sealed(keys[0], **changes))


def test_an_envelope_without_a_part_opens_nowhere(retailers, keys):
    for name in ("id", "form_version", "ephemeral", "iv", "box"):
        envelope = sealed(keys[0])
        del envelope[name]
        with pytest.raises(sealing.Unreadable, match="damaged"):
            opened(retailers[0], envelope)


@pytest.mark.parametrize("content", [["a", "list"], "text", 7])
def test_something_else_than_a_sign_up_is_said_so(retailers, keys, content):
    with pytest.raises(sealing.Unreadable, match="something else"):
        opened(retailers[0], sealed(keys[0], content))


def test_keys_are_looked_up_together_and_nonsense_among_them_does_no_harm(retailers, keys):
    acorn, _ = retailers
    asked = [{"key": str(keys[0].pk)}, {"key": "nonsense"}, {"key": None}, {}]
    with tenant_context(acorn):
        assert list(sealing.keys_of(asked)) == [str(keys[0].pk)]


def test_a_shop_has_one_key_until_it_is_rotated_and_old_ones_go_on_opening(retailers, keys):
    acorn, birch = retailers
    before = sealed(keys[0])
    call_command("rotate_sealing_key", "acorn")
    with tenant_context(acorn):
        fresh = sealing.current_key()
        assert fresh.pk != keys[0].pk and sealing.current_key() == fresh
        assert SealingKey.objects.get(pk=keys[0].pk).retired_at
    assert opened(acorn, before) == opened(acorn, sealed(fresh))
    with tenant_context(birch):
        assert sealing.current_key() == keys[1]
    with pytest.raises(CommandError, match="no retailer 'nobody'"):
        call_command("rotate_sealing_key", "nobody")


def test_the_private_key_never_stands_in_the_database_as_it_is(retailers, keys):
    with tenant_context(retailers[0]):
        with connection.cursor() as cursor:
            cursor.execute("SELECT private_key, public_key::text FROM forms_app_sealingkey")
            private, public = cursor.fetchone()
        secret = SealingKey.objects.get().private_key["d"]
    assert secret not in private and secret not in public
    assert '"d"' not in public


def test_every_key_is_a_whole_key_of_its_curve(retailers):
    """Coordinates with leading zeros are 32 bytes all the same, as JWK wants it."""
    number = ec.derive_private_key(7, sealing.CURVE).private_numbers().public_numbers.x
    assert len(sealing.decode_url(sealing.encode_url(number.to_bytes(32)))) == 32
