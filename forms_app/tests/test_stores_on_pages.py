"""A field that asks for the store: its answers are the retailer's stores; a paired tablet knows."""

import pytest
from django_tenants.utils import tenant_context

from forms_app.models import Store
from forms_app.versions import find_version

from .device import Device
from .shop import field, key, soup

EMAIL = {"email": "robin@example.com"}


def store(shop, name: str) -> Store:
    with shop.inside():
        return Store.objects.create(name=name)


@pytest.fixture
def asking(shops):
    """Both shops ask for the store; Acorn has two, Birch none."""
    centre, west = store(shops[0], "Centre"), store(shops[0], "West")
    for shop in shops:
        shop.publish(field("email"), field("store", required=True, display="list"))
    return centre, west


def offered(shop) -> list[str]:
    return [option.text for option in soup(shop.get()).select("select option")[1:]]


def test_the_stores_are_offered_and_the_answer_is_its_name(shops, asking):
    acorn, birch = shops
    centre, west = asking
    assert offered(acorn) == ["Centre", "West"]
    signup = acorn.sign_up({**EMAIL, "store": str(west.pk)})
    assert signup.answers[key("store")] == str(west.pk)
    with tenant_context(acorn.retailer):
        assert dict(signup.answered())["store"] == "West"
        (answer,) = [a for a in signup.as_data().answers if a.meaning == "store"]
    assert answer.options[answer.value] == "West"
    assert set(acorn.send(EMAIL).json()["errors"]) == {key("store")}


def test_where_there_are_no_stores_nobody_is_asked(shops, asking):
    _, birch = shops
    assert offered(birch) == []
    assert birch.sign_up(EMAIL).answers == {key("email"): EMAIL["email"]}


def test_a_new_a_renamed_and_a_closed_store_are_seen_at_the_next_get(shops, asking):
    acorn, birch = shops
    centre, west = asking
    theirs = birch.stored()
    old = acorn.version()
    signup = acorn.sign_up({**EMAIL, "store": str(west.pk)})
    store(acorn, "Airport")
    assert offered(acorn) == ["Airport", "Centre", "West"]
    for name, value, left in (
        ("name", "Westside", ["Airport", "Centre", "Westside"]),
        ("is_archived", True, ["Airport", "Centre"]),
    ):
        with acorn.inside():
            setattr(west, name, value)
            west.save()
        assert offered(acorn) == left
    # What somebody answered before keeps its meaning, and an open page is still taken.
    with tenant_context(acorn.retailer):
        assert dict(acorn.signup(signup.pk).answered())["store"] == "West"
    late = acorn.send({"email": "b@example.com", "store": str(west.pk)}, version=old)
    assert late.status_code == 201
    assert birch.stored() == theirs


def test_a_paired_tablet_answers_for_the_shopper(shops, asking):
    acorn, birch = shops
    centre, west = asking
    device = Device(acorn).paired("Till", store=centre)
    assert device.state["store_id"] == str(centre.pk)
    entry = device.entry(EMAIL)
    assert device.results(entry) == {entry["id"]: "receipt"}
    (signup,) = acorn.signups()
    assert (signup.store_id, signup.answers[key("store")]) == (centre.pk, str(centre.pk))
    # What the tablet says itself counts.
    entry = device.entry({**EMAIL, "store": str(west.pk)})
    assert device.results(entry) == {entry["id"]: "receipt"}
    assert acorn.signup(entry["id"]).answers[key("store")] == str(west.pk)
    assert birch.signups() == []


def test_a_form_that_is_older_than_the_tablets_store_holds_nobody_up(shops, asking):
    acorn, _ = shops
    old = acorn.version()
    new = store(acorn, "Airport")
    device = Device(acorn).paired("Till", store=new)
    for posted in (EMAIL, {**EMAIL, "store": str(new.pk)}):
        entry = device.entry(posted, version=old)
        assert device.results(entry) == {entry["id"]: "receipt"}
        signup = acorn.signup(entry["id"])
        assert (signup.store_id, signup.answers) == (new.pk, {key("email"): EMAIL["email"]})
        with tenant_context(acorn.retailer):
            assert find_version(acorn.schema, old).fields[1]["options"]
            assert [a.value for a in signup.as_data().answers if a.meaning == "store"] == [
                None,
                "Airport",
            ]
