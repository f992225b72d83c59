"""The demo's own secrets, made at the first start and kept: without them its data is unreadable."""

import json
import os
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from cryptography.fernet import Fernet

FILE = "keys.json"


@dataclass(frozen=True)
class Keys:
    secret_key: str
    encryption_key: str
    crm: dict[str, str]  # account -> key
    stripe: str  # of the fake Stripe, in the form that Stripe's have
    stripe_webhooks: str


def keys_in(data_dir: Path, accounts: Iterable[str]) -> Keys:
    """The keys kept in `data_dir`; a CRM account without a key gets one."""
    file = data_dir / FILE
    kept = json.loads(file.read_text()) if file.exists() else {}
    keys = Keys(
        secret_key=kept.get("secret_key") or secrets.token_urlsafe(48),
        encryption_key=kept.get("encryption_key") or Fernet.generate_key().decode(),
        crm={name: secrets.token_urlsafe(24) for name in accounts} | kept.get("crm", {}),
        stripe=kept.get("stripe") or f"sk_test_{secrets.token_hex(16)}",
        stripe_webhooks=kept.get("stripe_webhooks") or f"whsec_{secrets.token_hex(16)}",
    )
    if asdict(keys) != kept:
        _write(file, json.dumps(asdict(keys), indent=1))
    return keys


def _write(file: Path, text: str) -> None:
    # Never half a file, whenever the power goes, and never one that others may read.
    unfinished = file.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(descriptor)
    unfinished.rename(file)
