"""Two shops in every test: `shops` inside a transaction, `real_shops` where commits are real."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from .shop import Shop, choice, field

FIELDS = (
    field("first_name", label="First name", required=True),
    field("email", label="E-mail", required=True),
    field("mobile", label="Mobile", required=False),
    field("birthday", label="Birthday", year=True, required=False),
    choice("colour", "Green", "Blue", label="Favourite colour", required=False),
    field("short_text", label="Street", required=False),
    field("long_text", label="Anything else?", required=False),
    field("consent", "news", label="Send me news.", purpose="marketing"),
    field("consent", "terms", label="I accept the terms.", purpose="terms", required=True),
)
# Enough to be accepted.
ROBIN = {"first_name": "Robin", "email": "robin@example.com", "terms": "yes"}


@pytest.fixture
def shops(retailers) -> tuple[Shop, Shop]:
    """Acorn and Birch, with the same page of every kind of field at /join/."""
    return opened(retailers)


@pytest.fixture
def real_shops(committed_world) -> tuple[Shop, Shop]:
    """The same in a database of its own, where commits are real."""
    from django_tenants.utils import get_tenant_model

    model = get_tenant_model()
    return opened([model.objects.get(slug=slug) for slug in ("acorn", "birch")])


def opened(retailers) -> tuple[Shop, Shop]:
    acorn, birch = (Shop(retailer) for retailer in retailers)
    for shop in (acorn, birch):
        shop.open(*FIELDS)
    return acorn, birch


@pytest.fixture
def acorn(shops) -> Shop:
    return shops[0]


@pytest.fixture
def birch(shops) -> Shop:
    return shops[1]


@pytest.fixture
def robin() -> dict:
    """Answers that are accepted."""
    return dict(ROBIN)


@pytest.fixture
def nothing_written(shops) -> Callable:
    """`with nothing_written():` fails if a row appears, in either shop."""

    @contextmanager
    def check() -> Iterator[None]:
        before = [shop.stored() for shop in shops]
        yield
        assert [shop.stored() for shop in shops] == before

    return check


@pytest.fixture(scope="module")
def tablet_world(django_db_setup, django_db_blocker) -> Iterator[tuple[tuple[Shop, Shop], int]]:
    """Both shops on a database of their own, and the port where a browser finds them.

    For a module whose tests all go through a browser: they share it, one after the other.
    """
    from django_tenants.utils import get_tenant_model

    from customerinfo.tests import databases

    from .tablet import serving

    with django_db_blocker.unblock(), databases.fresh_copy(databases.world()) as name:
        with databases.pointed_at(name), serving() as port:
            retailers = [get_tenant_model().objects.get(slug=slug) for slug in ("acorn", "birch")]
            yield (Shop(retailers[0]), Shop(retailers[1])), port


@pytest.fixture
def tablet(tablet_world, page, monkeypatch):
    """A tablet in Acorn's shop; nothing may go wrong in its console, nothing be asked elsewhere."""
    from .tablet import Tablet

    # Playwright runs an event loop in this thread, and Django would take the tests for part of it.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    (acorn, _), port = tablet_world
    made = Tablet(page, acorn, port)
    yield made
    made.check()
