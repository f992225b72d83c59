"""What Stripe has is what the mirror and the retailer's state say, however events arrive."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import stripe
from django.db import DatabaseError, connection
from django.utils import timezone
from djstripe.models import Customer, Price, Product, Subscription
from kombu.exceptions import OperationalError

from billing import locks, models, processing, stripe_api, syncing, tasks
from billing.models import ReceivedEvent
from billing.tests.conftest import catch_up, post
from tenants.models import Retailer


@pytest.fixture
def shops(retailers, sold, fake_stripe):
    """Acorn and Birch, both subscribed and up to date."""
    both = [sold(retailer) for retailer in retailers]
    catch_up(fake_stripe)
    return both


def deliver_last(fake) -> ReceivedEvent:
    last = fake.events()[-1]
    assert post(last).status_code == 200
    return ReceivedEvent.objects.get(pk=last["id"])


def make_due(**filters) -> None:
    ReceivedEvent.objects.filter(**filters).update(next_try_at=timezone.now())


def test_a_subscription_is_mirrored_with_its_price_and_its_owner(shops):
    for shop in shops:
        mirrored = Subscription.objects.get(id=shop.subscription)
        assert mirrored.customer.subscriber == shop.retailer
        assert mirrored.items.get().price.lookup_key == "starter_eur_month"
        assert shop.state() == "active"


def test_what_counts_is_what_stripe_says_now_and_not_what_the_event_says(shops, fake_stripe):
    acorn, birch = shops
    fake_stripe.set_subscription(acorn.subscription, status="past_due")
    old = deliver_last(fake_stripe)
    fake_stripe.set_subscription(acorn.subscription, status="active")
    processing.process(old.pk)
    assert (acorn.state(), birch.state()) == ("active", "active")


def test_events_in_reverse_order_end_in_the_same_state(retailers, sold, fake_stripe):
    acorn, birch = (sold(retailer) for retailer in retailers)
    for status in ("past_due", "active", "unpaid"):
        fake_stripe.set_subscription(acorn.subscription, status=status)
    for event in reversed(fake_stripe.events()):
        post(event)
        processing.process(event["id"])
    assert (acorn.state(), birch.state()) == ("suspended", "active")


def test_one_look_at_stripe_answers_all_events_about_a_customer(shops, fake_stripe):
    acorn, birch = shops
    for status in ("past_due", "active", "past_due"):
        fake_stripe.set_subscription(acorn.subscription, status=status)
        deliver_last(fake_stripe)
    fake_stripe.set_subscription(birch.subscription, status="unpaid")
    others = deliver_last(fake_stripe)
    asked = f"/v1/customers/{acorn.customer.id}"
    before = fake_stripe.requests("GET", asked)
    processing.process(ReceivedEvent.objects.due().filter(customer=acorn.customer.id)[0].pk)
    assert fake_stripe.requests("GET", asked) == before + 1
    assert list(ReceivedEvent.objects.waiting()) == [others]
    assert (acorn.state(), birch.state()) == ("past_due", "active")


def test_a_processed_event_isnt_processed_again(shops, fake_stripe):
    asked = len(fake_stripe.ask("requests"))
    for event in ReceivedEvent.objects.all():
        tasks.process_event(event.pk)
    tasks.process_event("evt_that_never_was")
    assert len(fake_stripe.ask("requests")) == asked


def test_a_cancelled_retailer_is_closed_and_its_neighbour_is_not(shops, fake_stripe):
    acorn, birch = shops
    stripe_api.client().v1.subscriptions.cancel(acorn.subscription)
    catch_up(fake_stripe)
    assert (acorn.state(), birch.state()) == ("closed", "active")


def test_who_is_cancelled_for_not_paying_is_suspended(shops, fake_stripe):
    acorn, birch = shops
    fake_stripe.cancel(acorn.subscription, reason="payment_failed")
    catch_up(fake_stripe)
    assert (acorn.state(), birch.state()) == ("suspended", "active")


def test_a_deleted_customer_ends_its_subscriptions(shops, fake_stripe):
    acorn, birch = shops
    stripe_api.client().v1.customers.delete(acorn.customer.id)
    catch_up(fake_stripe)
    gone = Customer.objects.get(id=acorn.customer.id)
    assert gone.date_purged and gone.deleted
    assert (acorn.state(), birch.state()) == ("closed", "active")
    assert Customer.objects.get(id=birch.customer.id).date_purged is None


def test_strangers_in_the_same_stripe_account_stay_out(shops, fake_stripe):
    client = stripe_api.client()
    plain = client.v1.customers.create({"email": "stranger@elsewhere.test"})
    other_installation = {"retailer": str(shops[0].retailer.pk), "schema": "r_elsewhere"}
    other = client.v1.customers.create({"email": "other@x.test", "metadata": other_installation})
    client.v1.customers.delete(client.v1.customers.create({"email": "gone@x.test"}).id)
    catch_up(fake_stripe)
    assert not Customer.objects.filter(id__in=[plain.id, other.id]).exists()
    assert Customer.objects.count() == 2
    assert syncing.sync_customer("cus_of_nobody") is None


def test_products_and_prices_are_mirrored_and_forgotten(retailers, fake_stripe):
    client = stripe_api.client()
    product = client.v1.products.create({"name": "Plan"})
    price = client.v1.prices.create({"product": product.id, "currency": "jpy", "unit_amount": 4800})
    catch_up(fake_stripe)
    assert Price.objects.get().unit_amount == 4800 and Product.objects.get().name == "Plan"
    client.v1.products.update(product.id, {"name": "Better plan"})
    catch_up(fake_stripe)
    assert Product.objects.get().name == "Better plan"
    fake_stripe.reset()
    syncing.sync_catalogue("price", price.id)
    syncing.sync_catalogue("product", product.id)
    assert not Price.objects.exists() and not Product.objects.exists()


def test_an_event_about_something_else_is_done_at_once(retailers, fake_stripe):
    for number, kind in enumerate(("balance", "price")):
        ReceivedEvent.objects.create(id=f"evt_{number}", type="x", object_type=kind)
        processing.process(f"evt_{number}")
    assert not ReceivedEvent.objects.waiting().exists()
    assert fake_stripe.ask("requests") == []


def test_stripe_down_is_stored_and_tried_again_after_a_pause(shops, fake_stripe):
    acorn, birch = shops
    fake_stripe.set_subscription(acorn.subscription, status="past_due")
    event = deliver_last(fake_stripe)
    fake_stripe.fail(status=503, times=3)
    processing.process(event.pk)
    event.refresh_from_db()
    assert (event.processed_at, event.attempts) == (None, 1)
    assert "APIError: Told to answer 503." in event.error
    assert event.next_try_at > timezone.now()
    assert (acorn.state(), birch.state()) == ("active", "active")

    processing.process(event.pk)  # rung again too early
    event.refresh_from_db()
    assert event.attempts == 1
    make_due(pk=event.pk)
    processing.process(event.pk)
    event.refresh_from_db()
    assert event.processed_at and (event.attempts, event.error) == (2, "")
    assert (acorn.state(), birch.state()) == ("past_due", "active")


@pytest.mark.parametrize("status", [429, 500, 401])
def test_any_refusal_of_stripe_keeps_the_event(shops, fake_stripe, status):
    fake_stripe.set_subscription(shops[0].subscription, status="past_due")
    event = deliver_last(fake_stripe)
    fake_stripe.fail(status=status, times=3)
    processing.process(event.pk)
    event.refresh_from_db()
    assert event.error and not event.processed_at


def test_a_refusal_that_isnt_a_missing_object_is_an_error(retailers, fake_stripe):
    for call in (
        lambda: syncing.sync_customer("cus_1"),
        lambda: syncing.sync_catalogue("price", "price_1"),
    ):
        fake_stripe.fail(status=400)
        with pytest.raises(stripe.InvalidRequestError):
            call()


def test_an_unknown_status_changes_no_state_and_is_shown(shops, fake_stripe):
    acorn, birch = shops
    fake_stripe.set_subscription(acorn.subscription, status="frozen")
    event = deliver_last(fake_stripe)
    processing.process(event.pk)
    event.refresh_from_db()
    assert "UnknownStatus" in event.error
    assert (acorn.state(), birch.state()) == ("active", "active")


def test_pauses_grow_and_an_event_that_never_works_is_set_aside(retailers, fake_stripe):
    pauses = [models.pause_after(attempts) for attempts in range(1, models.MOST_ATTEMPTS + 1)]
    assert pauses[:3] == [timedelta(minutes=1), timedelta(minutes=2), timedelta(minutes=4)]
    assert pauses == sorted(pauses) and pauses[-1] == models.LONGEST_PAUSE
    assert timedelta(days=2) < sum(pauses, timedelta()) < timedelta(days=4)
    ReceivedEvent.objects.create(
        id="evt_poison", type="x", object_type="x", attempts=models.MOST_ATTEMPTS
    )
    assert tasks.process_waiting() == 0


def test_the_sweep_rings_once_for_each_customer(monkeypatch, shops, fake_stripe):
    acorn, birch = shops
    for shop in (acorn, acorn, birch):
        fake_stripe.set_subscription(shop.subscription, description=str(len(fake_stripe.events())))
        deliver_last(fake_stripe)
    monkeypatch.setattr(tasks.process_event, "delay", tasks.process_event)
    asked = [fake_stripe.requests("GET", f"/v1/customers/{shop.customer.id}") for shop in shops]
    assert tasks.process_waiting() == 2
    assert not ReceivedEvent.objects.waiting().exists()
    assert tasks.process_waiting() == 0
    again = [fake_stripe.requests("GET", f"/v1/customers/{shop.customer.id}") for shop in shops]
    assert again == [count + 1 for count in asked]


def test_the_sweep_stops_where_the_broker_is_gone(monkeypatch, retailers):
    def unreachable(event_id):
        raise OperationalError("Connection refused.")

    monkeypatch.setattr(tasks.process_event, "delay", unreachable)
    for number in range(3):
        ReceivedEvent.objects.create(id=f"evt_{number}", type="x", object_type="x")
    assert tasks.process_waiting() == 0
    assert ReceivedEvent.objects.due().count() == 3


def test_tasks_work_in_the_public_schema_wherever_the_worker_was(shops, fake_stripe):
    acorn, birch = shops
    fake_stripe.set_subscription(acorn.subscription, status="past_due")
    event = deliver_last(fake_stripe)
    connection.set_tenant(birch.retailer)
    tasks.process_event(event.pk)
    connection.set_schema_to_public()
    assert (acorn.state(), birch.state()) == ("past_due", "active")


# --- Commits that are real: other threads, other connections


def in_threads(function, arguments) -> list:
    def run(argument):
        try:
            return function(argument)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(arguments)) as threads:
        return list(threads.map(run, arguments))


@pytest.fixture
def committed_shops(committed_world, sold, fake_stripe):
    retailers = Retailer.objects.filter(slug__in=["acorn", "birch"]).order_by("slug")
    both = [sold(retailer) for retailer in retailers]
    catch_up(fake_stripe)
    return both


def test_eight_deliveries_at_once_are_one_event_and_one_change(committed_shops, fake_stripe):
    acorn, birch = committed_shops
    fake_stripe.set_subscription(acorn.subscription, status="past_due")
    event = fake_stripe.events()[-1]
    assert in_threads(lambda _: post(event).status_code, range(8)) == [200] * 8
    in_threads(tasks.process_event, [event["id"]] * 8)
    kept = ReceivedEvent.objects.get(pk=event["id"])
    assert kept.processed_at and kept.attempts == 1
    assert (acorn.state(), birch.state()) == ("past_due", "active")


def test_who_finds_another_at_work_leaves_and_the_other_takes_its_event(
    committed_shops, fake_stripe, monkeypatch
):
    acorn, birch = committed_shops
    fake_stripe.set_subscription(acorn.subscription, status="past_due")
    first = deliver_last(fake_stripe)
    look, late = syncing.sync_customer, []

    def sync_while_another_comes(customer_id):
        found = look(customer_id)
        if not late:  # what comes now isn't in what was just fetched
            fake_stripe.set_subscription(acorn.subscription, status="unpaid")
            late.append(deliver_last(fake_stripe))
            in_threads(tasks.process_event, [late[0].pk])
            late[0].refresh_from_db()
            assert late[0].processed_at is None and late[0].attempts == 0
        return found

    monkeypatch.setattr(syncing, "sync_customer", sync_while_another_comes)
    processing.process(first.pk)
    assert not ReceivedEvent.objects.waiting().exists()
    assert (acorn.state(), birch.state()) == ("suspended", "active")


def test_one_customers_lock_holds_up_nobody_else(committed_shops):
    acorn, birch = (shop.customer.id for shop in committed_shops)

    def is_free(subject: str) -> bool:
        with locks.subject_lock(subject) as held:
            return held

    with locks.subject_lock(acorn) as held:
        assert held
        assert in_threads(is_free, [acorn, birch]) == [False, True]
    assert in_threads(is_free, [acorn, birch]) == [True, True]


def test_events_that_another_has_just_claimed_are_left_alone(retailers, monkeypatch):
    monkeypatch.setattr(processing, "follow", lambda event: pytest.fail("not ours"))
    processing.answer([])


@pytest.mark.usefixtures("committed_world", "fake_stripe")
def test_a_failure_in_the_database_keeps_the_event_too(monkeypatch):
    def broken(event):
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(processing, "follow", broken)
    event = ReceivedEvent.objects.create(id="evt_1", type="x", object_type="x")
    processing.process(event.pk)
    event.refresh_from_db()
    assert event.error == "DatabaseError: the disk is full"


def test_events_are_forgotten_after_two_months_and_unanswered_ones_much_later(
    retailers, fake_stripe
):
    old = timezone.now() - timedelta(days=61)
    for name, received, processed in (
        ("evt_new", timezone.now(), timezone.now()),
        ("evt_old", old, old),
        ("evt_unanswered", old, None),
        ("evt_given_up", timezone.now() - timedelta(days=401), None),
    ):
        ReceivedEvent.objects.create(
            id=name, type="customer.updated", object_type="customer",
            received_at=received, processed_at=processed, attempts=models.MOST_ATTEMPTS,
        )  # fmt: skip
    tasks.reconcile_all()
    left = ReceivedEvent.objects.order_by("pk").values_list("pk", flat=True)
    assert list(left) == ["evt_new", "evt_unanswered"]
