"""Links that set a password: invitation and reset."""

from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import connection


class SchemaTokenGenerator(PasswordResetTokenGenerator):
    """A token is worth nothing in another schema, even for a user with the same id and e-mail."""

    def _make_hash_value(self, user, timestamp):
        return f"{connection.schema_name}:{super()._make_hash_value(user, timestamp)}"


password_tokens = SchemaTokenGenerator()
