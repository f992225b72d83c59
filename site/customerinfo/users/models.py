"""People who log in: the operator's in the public schema, a retailer's in its own schema."""

from django.contrib.auth.models import AbstractUser, UserManager as DjangoUserManager
from django.db import connection, models
from django.utils.crypto import salted_hmac


class UserManager(DjangoUserManager):
    """Users are found by e-mail, whatever its capitals."""

    def _create_user(self, email, password, **fields):
        user = self.model(email=normalise(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_user(self, email, password=None, **fields):
        return self._create_user(email, password, **fields)

    def create_superuser(self, email, password=None, **fields):
        return self._create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, email):
        return self.get(email=normalise(email))


def normalise(email: str) -> str:
    """The one form in which an e-mail is stored and looked up."""
    return email.strip().lower()


class User(AbstractUser):
    username = None
    email = models.EmailField("e-mail", unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS = []

    objects = UserManager()

    def __str__(self) -> str:
        return self.get_full_name() or self.email

    def clean(self) -> None:
        super().clean()
        self.email = normalise(self.email)

    def _get_session_auth_hash(self, secret=None):
        # The schema is part of the hash: a session row or cookie copied to another retailer's
        # schema logs nobody in, even if user ids and passwords are the same there.
        salt = f"customerinfo.users.session:{connection.schema_name}"
        return salted_hmac(salt, self.password, secret=secret, algorithm="sha256").hexdigest()
