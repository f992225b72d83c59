"""Sign-ups are kept as long as the retailer said, and no day longer."""

import datetime

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import retention, tasks
from forms_app.models import Retention, Signup
from integrations.models import Connection, Delivery, RemoteLink


def keep(shop, days: int | None) -> None:
    with tenant_context(shop.retailer):
        setting = Retention.load()
        setting.days = days
        setting.full_clean()
        setting.save()


def age(signup, days: float) -> None:
    Signup.objects.filter(pk=signup.pk).update(
        received_at=timezone.now() - datetime.timedelta(days=days)
    )


@pytest.fixture
def years(shops, robin):
    """At both shops somebody signed up a year, a month and a day ago."""
    for shop in shops:
        for days in (365, 30.5, 1):
            signup = shop.sign_up({**robin, "email": f"d{int(days)}@example.com"})
            with tenant_context(shop.retailer):
                age(signup, days)
    return shops


def left(shop) -> list[str]:
    return sorted(signup.email.split("@")[0] for signup in shop.signups())


def test_what_is_older_goes_at_the_shop_that_wants_it(years):
    acorn, birch = years
    keep(acorn, 30)
    assert tasks.apply_retention(schema=acorn.schema) == 2
    assert tasks.apply_retention(schema=birch.schema) == 0
    assert (left(acorn), left(birch)) == (["d1"], ["d1", "d30", "d365"])
    assert tasks.apply_retention(schema=acorn.schema) == 0


def test_what_is_on_its_way_to_a_crm_waits_for_that(shops, robin):
    acorn, _ = shops
    acorn.connect()
    keep(acorn, 30)
    signup = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        age(signup, 60)
        assert retention.apply() == 0
        Delivery.objects.update(state="delivered")
        assert retention.apply() == 1
    assert acorn.stored()[:4] == (0, 0, 0, 0)


def test_what_waits_for_a_connection_that_is_switched_off_is_not_kept_for_ever(shops, robin):
    for shop in shops:
        shop.connect()
        keep(shop, 30)
        signup = shop.sign_up(robin)
        with tenant_context(shop.retailer):
            age(signup, 60)
    acorn, birch = shops
    with tenant_context(acorn.retailer):
        Connection.objects.update(state=Connection.State.PAUSED)
        assert retention.apply() == 0
        Connection.objects.update(state=Connection.State.OFF)
        assert retention.apply() == 1
    with tenant_context(birch.retailer):
        assert retention.apply() == 0


def test_years_of_sign_ups_go_in_several_goes(years, monkeypatch):
    acorn, _ = years
    keep(acorn, 1)
    monkeypatch.setattr(retention, "BATCH", 1)
    with tenant_context(acorn.retailer):
        assert retention.apply() == 3
    assert left(acorn) == []


def test_owners_set_the_days_and_nothing_means_for_ever(shops):
    acorn, birch = shops
    with tenant_context(acorn.retailer):
        setting = Retention.load()
    assert setting.days is None
    url = f"/admin/settings/forms_app/retention/{setting.pk}/"
    answer = acorn.staff().post(url, {"days": "90"})
    assert answer.status_code == 302
    for shop, days in ((acorn, 90), (birch, None)):
        with tenant_context(shop.retailer):
            assert Retention.load().days == days
    assert "days" in acorn.staff().post(url, {"days": "0"}).text
    for role in ("Editors", "Viewers"):
        assert acorn.staff(role).get(url).status_code == 302


def test_nobody_is_known_by_a_link_any_more_whose_sign_ups_are_gone(years, robin):
    """The links to CRM records hold addresses and numbers; without this they outlived everybody."""
    acorn, birch = years
    texted = acorn.sign_up({**robin, "email": "texted@example.com"})
    nobody = acorn.sign_up({**robin, "email": "nobody@example.com"})
    external = f"external:{nobody.pk}"
    for shop in years:
        shop.connect()
        with tenant_context(shop.retailer):
            people = ("email:d365@example.com", "email:d1@example.com", "phone:+31612345678")
            for identity in (*people, external):
                RemoteLink.objects.create(
                    connection=Connection.objects.get(), identity=identity, remote_id="1001"
                )
    keep(acorn, 100)
    with tenant_context(acorn.retailer):
        for signup, mobile in ((texted, "+31612345678"), (nobody, "")):
            age(signup, 101)
            Signup.objects.filter(pk=signup.pk).update(email="", mobile=mobile)
    assert tasks.apply_retention(schema=acorn.schema) == 3
    assert tasks.apply_retention(schema=birch.schema) == 0
    with tenant_context(acorn.retailer):
        assert list(RemoteLink.objects.values_list("identity", flat=True)) == [
            "email:d1@example.com"
        ]
    with tenant_context(birch.retailer):
        assert RemoteLink.objects.count() == 4
