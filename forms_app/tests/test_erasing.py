"""A person asks to be forgotten, and is; nobody else, and at no other shop."""

import pytest
from django.urls import reverse
from django_tenants.utils import tenant_context
from wagtail.log_actions import log

from forms_app import erasing
from forms_app.models import Erasure, Signup
from integrations.models import Delivery, RemoteLink

from .shop import soup

ERASE = "/admin/signups/erase/"


def who(shop) -> list[str]:
    return sorted(signup.email or signup.mobile for signup in shop.signups())


@pytest.fixture
def people(shops, robin):
    """At both shops: Robin twice, once in capitals; Kim once; a number without an address."""
    for shop in shops:
        shop.connect()
        shop.sign_up(robin)
        shop.sign_up({**robin, "email": "ROBIN@example.com"})
        shop.sign_up({**robin, "email": "kim@example.com", "mobile": "06 1234 5678"})
    return shops


def test_everything_of_one_person_goes_and_nothing_else(people):
    acorn, birch = people
    with tenant_context(acorn.retailer):
        log(instance=Signup.objects.filter(email="robin@example.com")[0], action="forms_app.mend")
        link = {"connection_id": Delivery.objects.first().connection_id, "remote_id": "7"}
        for name in ("robin", "kim"):
            RemoteLink.objects.create(identity=f"email:{name}@example.com", **link)
    before = birch.stored()
    with acorn.inside():
        erasure = erasing.erase(erasing.identify(" Robin@Example.com "), None)
    assert erasure.counts == {
        "links to CRM records": 1,
        "log lines": 1,
        "sign-ups": 2,
        "consents": 4,
        "deliveries": 2,
        "attempts": 0,
    }
    assert who(acorn) == ["kim@example.com"]
    assert birch.stored() == before
    with tenant_context(acorn.retailer):
        assert RemoteLink.objects.get().identity == "email:kim@example.com"
        assert "robin" not in str(list(Erasure.objects.values())).lower()


@pytest.mark.parametrize("typed", ["0612345678", "+31 6 12345678", "0031612345678"])
def test_a_person_is_found_by_number_however_it_is_typed(people, typed):
    acorn, _ = people
    with tenant_context(acorn.retailer):
        found = erasing.signups_of(erasing.identify(typed))
        assert [signup.email for signup in found] == ["kim@example.com"]


@pytest.mark.parametrize("typed", ["Robin", "", "-", "1"])
def test_what_is_neither_is_not_taken_for_everybody(people, typed):
    acorn, _ = people
    answer = acorn.staff().post(ERASE, {"who": typed, "erase": "yes"})
    assert answer.status_code == 200 and "error" in answer.text
    assert len(acorn.signups()) == 3


def test_somebody_without_an_address_does_not_match_the_blank_ones(shops, robin):
    acorn, _ = shops
    acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        assert not erasing.signups_of(erasing.identify("0687654321"))


def test_who_is_just_being_sent_is_not_erased_half(people):
    acorn, _ = people
    with tenant_context(acorn.retailer):
        delivery = Delivery.objects.filter(signup__email="robin@example.com").first()
        Delivery.objects.filter(pk=delivery.pk).update(state="sending")
    answer = acorn.staff().post(ERASE, {"who": "robin@example.com", "erase": "yes"})
    assert "being sent just now" in answer.text
    assert len(acorn.signups()) == 3


def test_staff_look_first_and_see_the_records_in_the_crm(people):
    acorn, birch = people
    with tenant_context(acorn.retailer):
        Delivery.objects.filter(signup__email="kim@example.com").update(
            state="delivered", remote_id="c-7", remote_url="https://crm.example/c-7"
        )
    owner = acorn.staff()
    page = soup(owner.post(ERASE, {"who": "kim@example.com"}))
    assert page.find("button", {"name": "erase"}).text == "Erase 1 sign-up"
    assert page.find("a", href="https://crm.example/c-7")
    assert len(acorn.signups()) == 3
    answer = owner.post(ERASE, {"who": "kim@example.com", "erase": "yes"}, follow=True)
    assert "1 sign-ups" in answer.text and "Erased before" in answer.text
    assert who(acorn) == ["robin@example.com", "robin@example.com"]
    assert len(birch.signups()) == 3


def test_only_owners_erase(people):
    acorn, _ = people
    for role in ("Editors", "Viewers"):
        staff = acorn.staff(role)
        assert "Erase a person" not in staff.get("/admin/signups/").text
        for answer in (
            staff.get(ERASE),
            staff.post(ERASE, {"who": "kim@example.com", "erase": "yes"}),
        ):
            assert answer.status_code == 302 and answer["Location"] == reverse("wagtailadmin_home")
    assert len(acorn.signups()) == 3
    assert "Erase a person" in acorn.staff().get("/admin/signups/").text


def test_after_a_restore_whoever_had_been_erased_is_erased_again(people):
    acorn, birch = people
    hashes = {erasing.Identity(email="kim@example.com").hash}
    with acorn.inside():
        assert erasing.repeat(hashes) == 1
        assert erasing.repeat(hashes) == 0
    assert who(acorn) == ["robin@example.com", "robin@example.com"]
    assert len(birch.signups()) == 3
