"""Staff of a retailer, or of the operator, with a browser of their own."""

from django.contrib.auth import get_user_model
from django.test import Client
from django_tenants.utils import schema_context

PASSWORD = "a long walk home"


def browser(host: str) -> Client:
    return Client(headers={"host": host})


def give_password(schema: str, email: str):
    """The user with this e-mail in this schema; its password is PASSWORD from now on."""
    with schema_context(schema):
        user = get_user_model().objects.get(email=email)
        user.set_password(PASSWORD)
        user.save()
        return user


def log_in(host: str, email: str, password: str = PASSWORD) -> Client:
    """A browser in which this person has logged in through the form."""
    visitor = browser(host)
    answer = visitor.post("/admin/login/", {"login": email, "password": password})
    assert answer.status_code == 302, "the log-in was refused"
    return visitor


def owner_of(retailer) -> Client:
    give_password(retailer.schema_name, retailer.owner_email)
    return log_in(retailer.host, retailer.owner_email)


def superuser(schema: str, host: str, email: str = "") -> Client:
    email = email or f"root@{schema.replace('_', '-')}.test"
    with schema_context(schema):
        get_user_model().objects.create_superuser(email, PASSWORD)
    return log_in(host, email)


def with_the_same_cookies(visitor: Client, host: str) -> Client:
    """Somebody who sends this visitor's cookies to another host."""
    thief = browser(host)
    for name, cookie in visitor.cookies.items():
        thief.cookies[name] = cookie.value
    return thief


def is_logged_in(visitor: Client) -> bool:
    answer = visitor.get("/admin/")
    assert answer.status_code in (200, 302)
    if answer.status_code == 302:
        assert answer["Location"].startswith("/admin/login/")
    return answer.status_code == 200
