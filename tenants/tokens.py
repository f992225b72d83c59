"""Links that set a password: invitation and reset."""

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import connection
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode


class SchemaTokenGenerator(PasswordResetTokenGenerator):
    """A token is worth nothing in another schema, even for a user with the same id and e-mail."""

    def _make_hash_value(self, user, timestamp):
        return f"{connection.schema_name}:{super()._make_hash_value(user, timestamp)}"


password_tokens = SchemaTokenGenerator()


def password_link(user) -> str:
    """Where this person chooses a password; "" once there is one."""
    if user.has_usable_password():
        return ""
    path = reverse(
        "wagtailadmin_password_reset_confirm",
        urlconf=settings.ROOT_URLCONF,
        kwargs={
            "uidb64": urlsafe_base64_encode(force_bytes(user.pk)),
            "token": password_tokens.make_token(user),
        },
    )
    return f"{connection.tenant.url}{path}"
