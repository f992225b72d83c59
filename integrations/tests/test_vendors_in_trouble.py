"""Vendors that fail at random, in every way: at the end each sign-up arrived exactly once.

The same numbers come up in every run. What a worker would do is done here in a loop: send what is
left, keep what was settled, send the rest again.
"""

import random
from dataclasses import dataclass
from typing import Any, Callable

import pytest

from integrations.connectors import connector_class
from integrations.connectors.base import ConnectorError, Delivered, RetryLater
from integrations.http import Http
from integrations.tests.fakes import (
    brevo,
    espocrm,
    hubspot,
    klaviyo,
    mailchimp,
    odoo,
    salesforce,
    shopify,
)
from integrations.tests.fakes.json_vendor import JsonVendor
from integrations.tests.fakes.people import consent, person, record

PEOPLE, SIGN_UPS, BATCH = 12, 40, 3


@dataclass
class Vendor:
    """How to look into one vendor's fake: (address, first name, kept, subscribed) of everybody."""

    make: Callable[[], JsonVendor]
    config: dict[str, str]
    first_name: str
    target: str
    seed: Callable[[Any, str], object]
    look: Callable[[Any], list[tuple[str, str, str, bool]]]
    notes: Callable[[Any], list[str]]


VENDORS = {
    "hubspot": Vendor(
        lambda: hubspot.HubSpot(hubspot.contract()),
        {"token": "pat-eu1-good"},
        "firstname",
        "11",
        lambda fake, email: fake.add(email=email, zip="kept"),
        lambda fake: [
            (c["email"], c["firstname"], c.get("zip", ""), (c["email"], "11") in fake.status)
            for c in fake.contacts.values()
        ],
        lambda fake: [note["body"] for note in fake.notes.values()],
    ),
    "klaviyo": Vendor(
        lambda: klaviyo.Klaviyo(klaviyo.contract()),
        {"api_key": "pk_good"},
        "first_name",
        "L1",
        lambda fake, email: fake.add(email=email, title="kept"),
        lambda fake: [
            (
                c["email"],
                c["first_name"],
                c.get("title", ""),
                ("L1", "email", id) in fake.subscribed,
            )
            for id, c in fake.people.items()
        ],
        lambda fake: [],  # Klaviyo knows no notes
    ),
    "mailchimp": Vendor(
        mailchimp.Mailchimp,
        {"api_key": "good-us21"},
        "FNAME",
        "audience",
        lambda fake, email: fake.add(email, "subscribed", LNAME="kept"),
        lambda fake: [
            (
                c["email_address"],
                c["merge_fields"]["FNAME"],
                c["merge_fields"]["LNAME"],
                c["status"] == "subscribed",
            )
            for c in fake.members.values()
        ],
        lambda fake: [text for _, text in fake.notes],
    ),
    "brevo": Vendor(
        lambda: brevo.Brevo(brevo.contract()),
        {"api_key": "xkeysib-good"},
        "FIRSTNAME",
        "1",
        lambda fake, email: fake.add(email, LASTNAME="kept"),
        lambda fake: [
            (
                c["email"],
                c["attributes"]["FIRSTNAME"],
                c["attributes"].get("LASTNAME", ""),
                c["listIds"] == [1],
            )
            for c in fake.contacts.values()
        ],
        lambda fake: [note["text"] for note in fake.notes],
    ),
    "espocrm": Vendor(
        espocrm.EspoCrm,
        {"api_key": "espo-good"},
        "lastName",  # which it insists on
        "tl1",
        lambda fake, email: fake.add(emailAddress=email, addressPostalCode="kept"),
        lambda fake: [
            (
                c["emailAddress"],
                c["lastName"],
                c.get("addressPostalCode", ""),
                fake.linked.get((id, "tl1")) is False,
            )
            for id, c in fake.contacts.items()
        ],
        lambda fake: [note["post"] for note in fake.notes],
    ),
    "odoo": Vendor(
        odoo.Odoo,
        {"api_key": "odoo-good"},
        "name",
        "1",
        lambda fake, email: fake.add(email=email, zip="kept"),
        lambda fake: [
            (c["email"], c["name"], c.get("zip", ""), (c["email"], 1) in fake.on)
            for c in fake.partners.values()
        ],
        lambda fake: [note[3:-4] for note in fake.notes],  # without the paragraph around it
    ),
    "salesforce": Vendor(
        lambda: salesforce.Salesforce(our_field=False),
        {"access_token": "00D!good"},
        "LastName",
        salesforce.campaign(1),
        lambda fake, email: fake.add(Email=email, MailingPostalCode="kept"),
        lambda fake: [
            (
                c["Email"],
                c["LastName"],
                c.get("MailingPostalCode", ""),
                (id, "1") in fake.members,
            )
            for id, c in fake.contacts.items()
        ],
        lambda fake: fake.notes,
    ),
    "shopify": Vendor(
        shopify.Shopify,
        {"shop": "birch", "token": "shpat_good"},
        "firstName",
        "email",
        lambda fake, email: fake.add(email, lastName="kept"),
        lambda fake: [
            (c["email"], c["firstName"], c.get("lastName", ""), c["email_state"] == "SUBSCRIBED")
            for c in fake.customers.values()
        ],
        lambda fake: fake.notes,
    ),
}


def trouble(fake: JsonVendor, dice: random.Random) -> None:
    """One thing that will go wrong, somewhere in the next calls."""
    kind = dice.choice(["close", "half", "lost", "500", "429", "503", "text"])
    path = dice.choice(["", dice.choice(fake.calls).path if fake.calls else ""])
    if kind in ("close", "half", "lost"):
        lost = kind != "close"
        fake.fault("half" if kind == "half" else "close", path=path, after=lost)
    elif kind == "text":
        fake.answers(200, b"<h1>Welcome to the Wi-Fi</h1>", path=path, real=False)
    else:
        fake.answers(int(kind), None, path=path, real=False)


@pytest.mark.parametrize("kind", VENDORS)
def test_each_sign_up_arrives_exactly_once_whatever_goes_wrong(kind):
    vendor, dice = VENDORS[kind], random.Random(kind)
    with vendor.make() as fake, Http(allow_private=True, read_timeout=5) as http:
        for number in range(0, PEOPLE, 3):
            vendor.seed(fake, person(number).value)  # every third is known there already
        waiting = {
            f"sign-up-{n:03}": record(
                f"sign-up-{n:03}",
                person(n % PEOPLE),
                consent_targets=(consent(vendor.target),),
                **{vendor.first_name: f"Name {n:03}"},
            )
            for n in range(SIGN_UPS)
        }
        tries = 0
        while waiting:
            tries += 1
            assert tries < 1000, f"{len(waiting)} sign-ups never arrive"
            if dice.random() < 0.7:
                trouble(fake, dice)
            connector = connector_class(kind)({"address": fake.address, **vendor.config}, http)
            # Oldest first, as the drain claims them: the later sign-up of a person wins.
            batch = [waiting[ref] for ref in sorted(waiting)[:BATCH]]
            try:
                outcomes = connector.upsert(batch)
            except ConnectorError as error:
                outcomes = error.outcomes
            for ref, outcome in outcomes.items():
                assert isinstance(outcome, (Delivered, RetryLater)), outcome
                if isinstance(outcome, Delivered):
                    del waiting[ref]
        found = {email: rest for email, *rest in vendor.look(fake)}
        assert len(found) == len(vendor.look(fake)) == PEOPLE
        for number in range(PEOPLE):
            last = max(n for n in range(SIGN_UPS) if n % PEOPLE == number)
            first_name, kept, subscribed = found[person(number).value]
            assert first_name == f"Name {last:03}"
            assert kept == ("kept" if number % 3 == 0 else "")
            assert subscribed
        if vendor.notes(fake):
            expected = [f"Sign-up sign-up-{n:03} from CustomerInfo" for n in range(SIGN_UPS)]
            assert sorted(vendor.notes(fake)) == expected
        fake.verify()
        print(f"{kind}: {SIGN_UPS} sign-ups, {tries} tries, {len(fake.calls)} calls")
