"""The first page after logging in: how many signed up, and whether all of it arrived."""

import datetime

import pytest
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import dashboard
from forms_app.models import Signup, Store
from integrations.models import Delivery

from .shop import soup


def several(shop, robin, count: int) -> list[Signup]:
    return [
        shop.sign_up({**robin, "email": f"robin{number}@example.com"}) for number in range(count)
    ]


def board(shop, role: str = "Owners"):
    return soup(shop.staff(role).get("/admin/")).select_one(".board")


def numbers(shop, role: str = "Owners") -> list[str]:
    found = board(shop, role).select(".board__number")
    return [" ".join(number.get_text(" ", strip=True).split()) for number in found]


def steps(shop) -> dict[str, bool]:
    """Step → done."""
    return {
        step.get_text(" ", strip=True).removesuffix(" (done)"): "board__step--done" in step["class"]
        for step in board(shop).select(".board__step")
    }


@pytest.mark.parametrize("role", ["Owners", "Editors", "Viewers"])
def test_everybody_sees_the_sign_ups_of_the_own_shop_only(shops, robin, role):
    acorn, birch = shops
    several(acorn, robin, 2)
    assert numbers(acorn, role) == ["2 today", "2 in 30 days"]
    assert numbers(birch, role) == ["0 today", "0 in 30 days"]


def test_the_picture_has_a_bar_a_day_and_can_be_read_as_a_table(shops, robin):
    acorn, _ = shops
    now = timezone.now()
    for signup, days in zip(several(acorn, robin, 4), (0, 0, 29, 30)):
        with tenant_context(acorn.retailer):
            Signup.objects.filter(pk=signup.pk).update(
                received_at=now - datetime.timedelta(days=days)
            )
    page = board(acorn)
    bars = page.select("rect.board__bar")
    assert len(bars) == dashboard.DAYS
    assert [float(bars[n]["height"]) for n in (0, 1, -1)] == [60, 1, dashboard.HEIGHT]
    counts = [row.find_all("td")[1].text for row in page.select("details tbody tr")]
    assert (counts[0], counts[-1], len(counts)) == ("2", "1", dashboard.DAYS)
    assert numbers(acorn)[:2] == ["2 today", "3 in 30 days"]


def test_tests_do_not_count(shops, robin):
    acorn, _ = shops
    signup = acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        Signup.objects.filter(pk=signup.pk).update(is_test=True)
    assert numbers(acorn) == ["0 today", "0 in 30 days"]


def test_what_has_not_arrived_stands_out(shops, robin):
    acorn, birch = shops
    for shop in shops:
        shop.connect()
        several(shop, robin, 3)
    with tenant_context(acorn.retailer):
        first, second, _ = Delivery.objects.order_by("pk")
        Delivery.objects.filter(pk=first.pk).update(state="delivered")
        Delivery.objects.filter(pk=second.pk).update(state="needs_attention")
        Signup.objects.filter(pk=first.signup_id).update(problem="robot")
    with tenant_context(birch.retailer):
        Delivery.objects.update(state="delivered")
    shown = numbers(acorn)
    assert shown[2:4] == ["33 % arrived in your CRM", "1 needs attention"]
    assert "is the oldest on its way" in shown[4] and shown[5] == "1 kept aside for you"
    assert numbers(birch)[2:] == ["100 % arrived in your CRM"]


def test_a_hundred_per_cent_means_all_of_them(shops, robin):
    acorn, _ = shops
    acorn.connect()
    acorn.sign_up(robin)
    with tenant_context(acorn.retailer):
        signup = Signup.objects.get()
        connection = Delivery.objects.get().connection
        others = [
            Signup(page=signup.page, form_version=signup.form_version, language="en", answers={})
            for _ in range(299)
        ]
        Signup.objects.bulk_create(others)
        Delivery.objects.bulk_create(
            Delivery(signup=other, connection=connection, state="delivered") for other in others
        )
        since = timezone.now() - datetime.timedelta(days=1)
        assert dashboard.deliveries(since)["share"] == 99


def test_stores_are_compared_once_there_are_some(shops, robin):
    acorn, birch = shops
    for shop in shops:
        shop.sign_up(robin)
        shop.sign_up(robin | {"email": "kim@example.com"})
    assert not board(acorn).select(".board__stores")
    with tenant_context(acorn.retailer):
        Signup.objects.filter(email="kim@example.com").update(
            store=Store.objects.create(name="Utrecht")
        )
    rows = [row.get_text(" ", strip=True) for row in board(acorn).select(".board__stores tbody tr")]
    assert rows == ["Utrecht 1", "No store 1"]
    assert not board(birch).select(".board__stores")


def test_a_new_retailer_is_told_what_to_do_first_until_it_is_done(shops, robin):
    acorn, birch = shops
    names = [
        "Make the sign-up page your own",
        "Connect your CRM",
        "Pair a tablet",
        "Sign up yourself, to see it arrive",
    ]
    assert steps(acorn) == dict.fromkeys(names, False) or list(steps(acorn)) == names
    acorn.connect()
    acorn.sign_up(robin)
    done = steps(acorn)
    assert done["Connect your CRM"] and done["Sign up yourself, to see it arrive"]
    assert not done["Pair a tablet"]
    assert not steps(birch)["Connect your CRM"]


def test_the_board_takes_as_many_statements_for_many_as_for_few(
    shops, robin, django_assert_max_num_queries
):
    acorn, _ = shops
    staff = acorn.staff()
    acorn.connect()
    several(acorn, robin, 5)
    with django_assert_max_num_queries(60):
        staff.get("/admin/")
