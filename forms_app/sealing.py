"""Opens what tablets have sealed. The other side of static/forms_app/seal.js.

An envelope is a dict of text, all bytes in base64:

    {"id": the sign-up's UUID, "form_version": UUID, "key": SealingKey's UUID,
     "ephemeral": public point, uncompressed, "iv": 12 bytes, "box": ciphertext and tag}

The key of the box is HKDF-SHA256 over the ECDH secret of a key pair made for this one entry and the
retailer's public key; the cipher is AES-256-GCM, with id and form version as additional data, so
that nobody can pass one sign-up off as another.
"""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.core.exceptions import ValidationError
from django.utils import timezone

from .sealing_keys import SealingKey

INFO = b"customerinfo sign-up 1"
CURVE = ec.SECP256R1()
COORDINATE = 32  # bytes of a coordinate or a private value on P-256


class Unreadable(Exception):
    """The envelope can't be opened; the text says why, in a retailer's words."""


def current_key() -> SealingKey:
    """The key that seals now, made when it is first needed.

    Two requests at the same moment may make two: the newer seals, both open.
    """
    return SealingKey.objects.filter(retired_at=None).first() or make_key()


def make_key() -> SealingKey:
    private = ec.generate_private_key(CURVE)
    numbers = private.private_numbers()
    public = {
        "kty": "EC",
        "crv": "P-256",
        "x": encode_url(numbers.public_numbers.x.to_bytes(COORDINATE)),
        "y": encode_url(numbers.public_numbers.y.to_bytes(COORDINATE)),
    }
    secret = {**public, "d": encode_url(numbers.private_value.to_bytes(COORDINATE))}
    return SealingKey.objects.create(public_key=public, private_key=secret)


def rotate() -> SealingKey:
    """From now on tablets seal with a new key, each from its next contact on; old keys open."""
    made = make_key()
    SealingKey.objects.exclude(pk=made.pk).filter(retired_at=None).update(retired_at=timezone.now())
    return made


def keys_of(envelopes: Iterable[Mapping]) -> dict[str, SealingKey]:
    """The keys that these envelopes name, those that there are, by id."""
    wanted = {str(envelope.get("key", "")) for envelope in envelopes}
    try:
        found = SealingKey.objects.in_bulk(wanted)
    except ValidationError:  # one of them isn't a UUID: ask for them one by one
        found = {}
        for name in wanted:
            try:
                found |= SealingKey.objects.in_bulk([name])
            except ValidationError:
                continue
    return {str(pk): key for pk, key in found.items()}


def open_envelope(envelope: Mapping, keys: Mapping[str, SealingKey]) -> dict:
    """What the tablet put in. Raises `Unreadable`."""
    key = keys.get(str(envelope.get("key", "")))
    if key is None:
        raise Unreadable("It was sealed with a key that isn't here.")
    try:
        ephemeral, iv, box = (decode(envelope[name]) for name in ("ephemeral", "iv", "box"))
        public = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, ephemeral)
        shared = private_key(key).exchange(ec.ECDH(), public)
        derived = HKDF(hashes.SHA256(), 32, salt=ephemeral, info=INFO).derive(shared)
        opened = AESGCM(derived).decrypt(iv, box, additional_data(envelope))
        content = json.loads(opened)
    except (InvalidTag, KeyError, ValueError) as error:
        raise Unreadable("It is damaged.") from error
    if not isinstance(content, dict):
        raise Unreadable("It holds something else than a sign-up.")
    return content


def private_key(key: SealingKey) -> ec.EllipticCurvePrivateKey:
    value = key.private_key["d"]
    return ec.derive_private_key(int.from_bytes(decode_url(value)), CURVE)


def additional_data(envelope: Mapping) -> bytes:
    return f"{envelope['id']}|{envelope['form_version']}".encode()


def encode_url(value: bytes) -> str:
    """As JWK wants it: base64url without padding (RFC 7515)."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def decode_url(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


def decode(value: object) -> bytes:
    """Raises ValueError for anything but base64."""
    if not isinstance(value, str):
        raise ValueError("not text")
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
