"""A year of a retailer's life, by its own clicks and two clocks: nobody else does a thing."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.test import TestCase
from django.utils import timezone
from django_tenants.utils import tenant_context
from djstripe.models import Invoice, Subscription

from billing import plan_sync, plans, processing, stripe_api, tasks, usage
from billing.models import ReceivedEvent, UsageDay
from billing.tests.conftest import post
from forms_app.tests.shop import Shop, field
from integrations.models import Mail
from tenants.models import Retailer

GOOD, DECLINED, DECLINES_LATER = "4242424242424242", "4000000000000002", "4000000000000341"
PAGE = "/admin/billing/"
BEGIN = datetime(2027, 1, 15, 9, 0, tzinfo=UTC)


def days_to(day: int) -> int:
    """From today to this day of the next month."""
    today = timezone.now().date()
    return ((today.replace(day=1) + timedelta(days=32)).replace(day=day) - today).days


class Life:
    """Acorn and Birch under two clocks that go together."""

    def __init__(self, fake, traveller, shops):
        self.fake, self.traveller = fake, traveller
        self.acorn, self.birch = shops
        self.seen: set[str] = set()

    def pass_days(self, days: float) -> None:
        """The time passes at Stripe and here; webhooks arrive; the hourly look comes by."""
        self.traveller.shift(timedelta(days=days))
        self.fake.advance(days)
        self.hear()
        self.look()

    def hear(self) -> None:
        for event in self.fake.events():
            if event["id"] not in self.seen:
                self.seen.add(event["id"])
                with TestCase.captureOnCommitCallbacks(execute=True):
                    assert post(event).status_code == 200
                    processing.process(event["id"])
        assert not ReceivedEvent.objects.waiting().exists()

    def look(self) -> None:
        with TestCase.captureOnCommitCallbacks(execute=True):
            for shop in (self.acorn, self.birch):
                tasks.reconcile_one(shop.retailer.pk)

    def subscribe(self, card: str, price: str = "starter_eur_month") -> int:
        answer = self.acorn.staff().post(f"{PAGE}subscribe/", {"price": price})
        assert answer.status_code == 200, answer
        return self.fake.press(answer.url, card=card)[0]

    def in_portal(self, **asked: str) -> None:
        answer = self.acorn.staff().post(f"{PAGE}manage/")
        assert self.fake.press(answer.url, **asked)[0] == 200
        self.hear()

    def letters(self, shop: Shop | None = None) -> list[str]:
        shop = shop or self.acorn
        with tenant_context(shop.retailer):
            sent = Mail.objects.filter(to=shop.retailer.owner_email).order_by("pk")
            return [kind for kind in sent.values_list("kind", flat=True) if kind != "invitation"]

    def state(self) -> str:
        retailer = Retailer.objects.get(slug="acorn")
        neighbour = Retailer.objects.get(slug="birch")
        assert neighbour.state in ("trial", "suspended", "closed")  # it never subscribes
        return retailer.state

    def status(self) -> str:
        """What the mirror says."""
        return Subscription.objects.get().stripe_data["status"]

    def may_edit(self) -> bool:
        return self.acorn.staff().post("/admin/pages/1/edit/").status_code != 403

    def collects(self) -> bool:
        """Whether a shopper is taken in."""
        self.acorn.retailer.refresh_from_db()
        return self.acorn.retailer.is_collecting

    def home(self) -> str:
        return self.acorn.staff().get("/admin/").text


@pytest.fixture
def life(retailers, fake_stripe):
    with time_machine.travel(BEGIN, tick=True) as traveller:
        fake_stripe.reset(now=int(time.time()))
        Retailer.objects.update(created_at=timezone.now(), state_since=timezone.now())
        client, known = stripe_api.client(), plans.load()
        for change in plan_sync.changes(known, plan_sync.look(client, known)):
            change.make(client)
        shops = tuple(
            Shop(retailer)
            for retailer in Retailer.objects.filter(pk__in=[r.pk for r in retailers]).order_by(
                "slug"
            )
        )
        for shop in shops:
            shop.open(field("email"))
        with tenant_context(shops[0].retailer):
            Mail.objects.all().delete()
        made = Life(fake_stripe, traveller, shops)
        made.hear()
        yield made


def test_a_year_of_a_retailers_life(life):
    acorn = life.acorn

    # The trial: no card, two reminders.
    assert "30 days left" in acorn.staff().get(PAGE).text
    life.pass_days(20)
    assert life.letters() == [] and "Your trial ends" not in life.home()
    life.pass_days(3.5)
    life.pass_days(0.1)
    assert life.letters() == ["trial_ending"]
    assert "Your trial ends on 14 February 2027, in 7 days" in life.home()
    life.pass_days(5.6)
    assert life.letters() == ["trial_ending"] * 2 and "Your trial ends tomorrow" in life.home()
    assert life.state() == "trial" and life.may_edit() and life.collects()

    # A declined card makes nothing; a good one makes a customer of them.
    assert life.subscribe(DECLINED) == 402
    life.hear()
    assert life.state() == "trial" and not Subscription.objects.exists()
    assert life.subscribe(GOOD) == 303
    life.hear()
    assert (life.state(), life.status()) == ("active", "active")
    assert "Starter" in acorn.staff().get(PAGE).text

    # Twelve months, each with more sign-ups than the plan includes.
    for _ in range(11):
        life.pass_days(1)
        UsageDay.objects.create(retailer=acorn.retailer, day=usage.today(), count=510)
        assert usage.report(acorn.retailer) == 1
        life.pass_days(days_to(14) - 1)
    invoices = [data for data in Invoice.objects.values_list("stripe_data", flat=True)]
    assert len(invoices) == 12 and {data["status"] for data in invoices} == {"paid"}
    totals = sorted(data["total"] for data in invoices)
    assert totals == [2900] + [2900 + 10 * 5] * 11  # ten beyond 500, five cents each
    assert life.state() == "active" and life.letters() == ["trial_ending"] * 2
    assert acorn.staff().get(PAGE).text.count(">PDF<") == 12
    pdf = acorn.staff().get(f"{PAGE}invoices/{invoices[0]['id']}/pdf/")
    assert pdf.status_code == 303 and pdf["Location"].endswith("/pdf")

    # The card is refused: past due, with words on every page, and everything works.
    life.in_portal(act="card", card=DECLINES_LATER)
    while life.state() == "active":
        life.pass_days(1)
    assert (life.state(), life.status()) == ("past_due", "past_due")
    assert life.may_edit() and life.collects() and "A payment is missing" in life.home()
    assert life.letters()[2:] == ["account_past_due"]
    life.pass_days(3)
    assert life.letters()[2:] == ["account_past_due", "payment_reminder"]
    life.pass_days(7)
    life.pass_days(1)
    assert life.letters()[2:] == ["account_past_due"] + ["payment_reminder"] * 2
    assert life.state() == "past_due"
    life.pass_days(3)
    assert life.state() == "suspended" and life.letters()[-1] == "account_suspended"
    assert not life.may_edit() and life.collects()
    assert "suspended because it isn" in life.home() and acorn.staff().get(PAGE).status_code == 200
    assert acorn.sign_up({"email": "robin@example.com"})

    # Stripe gives up, too. What is paid then is active at once.
    life.pass_days(3)
    assert (life.state(), life.status()) == ("suspended", "unpaid")
    life.in_portal(act="card", card=GOOD)
    (owed,) = [i for i in life.fake.objects("invoice") if i["status"] == "open"]
    life.in_portal(act="pay", invoice=owed["id"])
    assert (life.state(), life.status()) == ("active", "active") and life.may_edit()
    assert life.letters()[-1] == "account_active" and "A payment is missing" not in life.home()

    # Another plan: first the price, then the change.
    asked = {"price": "growth_eur_month"}
    before = len(life.fake.objects("invoice"))
    page = acorn.staff().post(f"{PAGE}change/", asked)
    assert "you pay the difference" in page.text
    assert len(life.fake.objects("invoice")) == before
    acorn.staff().post(f"{PAGE}change/", {**asked, "sure": "yes"})
    life.hear()
    assert len(life.fake.objects("invoice")) == before + 1
    assert "Growth" in acorn.staff().get(PAGE).text and life.state() == "active"
    prices = {
        item["price"]["lookup_key"]
        for item in Subscription.objects.get().stripe_data["items"]["data"]
    }
    assert prices == {"growth_eur_month", "growth_eur_month_beyond"}

    # They leave, at the end of what they paid for.
    (subscription,) = life.fake.objects("subscription")
    life.in_portal(act="cancel", subscription=subscription["id"])
    assert life.state() == "active" and "Cancelled: it ends on" in acorn.staff().get(PAGE).text
    life.pass_days(31)
    assert (life.state(), life.status()) == ("closed", "canceled")
    assert life.letters()[-1] == "account_closed" and not life.may_edit() and not life.collects()
    assert Retailer.objects.get(slug="acorn").delete_at

    # And come back before everything is deleted.
    assert life.subscribe(GOOD) == 303
    life.hear()
    assert life.state() == "active" and Retailer.objects.get(slug="acorn").delete_at is None
    # The neighbour never chose a plan: suspended with its trial, closed after so many days.
    told = life.letters(life.birch)
    assert told == [
        "trial_ending",
        "trial_ending",
        "account_suspended",
        "closing_soon",
        "account_closed",
    ]


def test_who_subscribes_early_keeps_the_days_of_the_trial(life):
    life.pass_days(10)
    assert life.subscribe(GOOD) == 303
    life.hear()
    assert (life.state(), life.status()) == ("trial", "trialing")
    assert "Free until 14 February 2027, then 29.00 EUR" in life.acorn.staff().get(PAGE).text
    life.pass_days(15)
    life.pass_days(4.5)
    assert "trial_ending" not in life.letters() and "Your trial ends" not in life.home()
    life.pass_days(1)
    assert (life.state(), life.status()) == ("active", "active")
    assert [data["total"] for data in life.fake.objects("invoice")] == [0, 2900]


def test_a_plan_that_the_card_cannot_pay_is_not_changed(life):
    life.pass_days(29)
    assert life.subscribe(GOOD) == 303
    life.hear()
    life.in_portal(act="card", card=DECLINES_LATER)
    asked = {"price": "chain_eur_year", "sure": "yes"}
    answer = life.acorn.staff().post(f"{PAGE}change/", asked, follow=True)
    assert "declined" in answer.text and "Nothing was changed" in answer.text
    life.hear()
    assert "Starter" in life.acorn.staff().get(PAGE).text and life.state() == "active"
    for key in ("starter_usd_month", "nothing"):
        assert life.acorn.staff().post(f"{PAGE}change/", {"price": key}).status_code in (302, 403)
    assert life.birch.staff().post(f"{PAGE}change/", asked).status_code in (302, 403)
    assert (
        life.birch.staff()
        .get(f"{PAGE}invoices/{life.fake.objects('invoice')[0]['id']}/")
        .status_code
        == 404
    )
