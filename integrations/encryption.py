"""Credentials at rest: encrypted with the first of ENCRYPTION_KEYS, read with any of them."""

import json

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.db import models


def box() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])


class EncryptedJSONField(models.TextField):
    """A dict of credentials. Raises `cryptography.fernet.InvalidToken` if no key fits."""

    def from_db_value(self, value, expression, connection):
        return json.loads(box().decrypt(value.encode())) if value else {}

    def get_prep_value(self, value):
        return box().encrypt(json.dumps(value).encode()).decode() if value else ""

    def to_python(self, value):
        return value or {}

    def value_to_string(self, obj):
        # Serialised (fixtures, revisions), the secret stays encrypted.
        return self.get_prep_value(self.value_from_object(obj))
