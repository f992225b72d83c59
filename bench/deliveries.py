"""Delivery of sign-ups to a CRM, beside a `requests` session that posts prepared contacts.

The limit makes the same calls (as many contacts each), without database, mapping or outcomes. A
second limit, one call for each contact, is what a program without batches could reach at best.
The CRM is a process of its own, on the same CPUs, and is part of every figure.
"""

import time
import uuid
from collections.abc import Callable
from itertools import count

import requests
from django.utils import timezone
from django_tenants.utils import tenant_context

from bench import servers
from bench.rounds import Figures, Line, alternate, compare
from bench.servers import BenchFailed, Server
from bench.world import World

N = 2000  # sign-ups a round; fewer where they would take longer than ROUND
ROUND = 8.0  # seconds
SINGLE = 200  # of the slow kind fewer will do
KEY = "bench-key"
_rounds = count(1)


def deliver(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    from integrations.connectors import connector_class
    from integrations.delivery import drain
    from integrations.http import Http

    batch = connector_class("sandbox").batch_size
    with (
        servers.crm(KEY, world.folder) as crm,
        tenant_context(world.retailer),
        Http(allow_private=True) as http,
        requests.Session() as session,
    ):
        session.trust_env = False
        session.headers["Authorization"] = f"Bearer {KEY}"
        connection = connect(crm, http)

        total = 4 * batch  # in the first round, which only warms up

        def ours() -> Figures:
            nonlocal total
            waiting = sign_up(connection, next(_rounds), total)

            def work() -> None:
                while drain(connection.pk, http):
                    pass

            figures = timed(work, total)
            if left := waiting.exclude(state="delivered").count():
                raise BenchFailed(f"{left} of {total} sign-ups were not delivered.")
            if total == 4 * batch:
                total = min(N, max(total + batch, int(figures["rate"] * ROUND)))
                say(f"{total} sign-ups a round, {batch} a call; {SINGLE} where each has its own")
            return figures

        def posts(amount: int, size: int) -> Figures:
            contacts = prepared(amount)
            calls = [contacts[start : start + size] for start in range(0, amount, size)]
            return timed(lambda: [send(session, crm, call) for call in calls], amount)

        rounds = alternate(
            {
                "ours": ours,
                "limit": lambda: posts(total, batch),
                "single": lambda: posts(SINGLE, 1),
            }
        )
    return [
        compare(f"deliveries, batches of {batch}", "rate", "/s", rounds),
        compare("  CPU of the worker", "cpu", "ms", rounds),
        compare("  against one call a contact", "rate", "/s", rounds, limit="single"),
    ]


def connect(crm: Server, http):
    """The connection, mapped as a retailer gets it. The other ones are switched off."""
    from dataclasses import asdict

    from integrations.mapping import default_rows, rows_to_json
    from integrations.models import Connection

    Connection.objects.update(state=Connection.State.OFF)
    connection = Connection(
        name="Bench", kind="sandbox", config={"base_url": crm.url}, secrets={"api_key": KEY}
    )
    attributes = connection.connector(http).describe()
    connection.attributes = [asdict(attribute) for attribute in attributes]
    connection.mapping = rows_to_json(default_rows(attributes, connection.connector_class.hints))
    connection.save()
    return connection


def sign_up(connection, round_number: int, total: int):
    """New people with a due delivery each; returns those deliveries."""
    from forms_app.models import Consent, FormVersion, Signup
    from integrations.models import Delivery

    version = FormVersion.objects.get(page__slug="join")
    by_kind = {field["kind"]: field["key"] for field in version.fields}
    boxes = [field for field in version.fields if field["kind"] == "consent"]
    now = timezone.now()
    signups = []
    for number in range(total):
        email = f"robin.{round_number}.{number}@example.com"
        answers = {by_kind["first_name"]: "Robin", by_kind["last_name"]: f"de Vries {number}"}
        answers |= {by_kind["email"]: email, by_kind["birthday"]: "--05-17"}
        answers |= {box["key"]: True for box in boxes}
        signups.append(
            Signup(
                id=uuid.uuid4(),
                page_id=version.page_id,
                form_version=version,
                language="en",
                answers=answers,
                email=email,
            )
        )
    Signup.objects.bulk_create(signups)
    Consent.objects.bulk_create(
        Consent(
            signup=signup,
            key=box["key"],
            purpose=box["purpose"],
            wording=box["label"],
            language="en",
            given=True,
            recorded_at=now,
        )
        for signup in signups
        for box in boxes
    )
    Delivery.objects.bulk_create(
        Delivery(connection=connection, signup=signup, created_at=now) for signup in signups
    )
    return Delivery.objects.filter(connection=connection, created_at=now)


def prepared(total: int) -> list[dict]:
    """Contacts as the connector would send them, of people that the CRM doesn't know."""
    contacts = []
    for number in range(total):
        email = f"{uuid.uuid4()}@example.com"
        attributes = {"email": email, "first_name": "Robin", "last_name": f"de Vries {number}"}
        attributes |= {"marketing_consent": True, "language": "en", "signup_id": str(uuid.uuid4())}
        contacts.append(
            {"ref": str(number), "match": "email", "match_value": email, "attributes": attributes}
        )
    return contacts


def send(session: requests.Session, crm: Server, contacts: list[dict]) -> None:
    answer = session.post(
        f"{crm.url}/api/v1/contacts/upsert", json={"match": "email", "contacts": contacts}
    )
    if answer.status_code != 200:
        raise BenchFailed(f"The CRM answered {answer.status_code}: {answer.text[:200]}")


def timed(work: Callable[[], object], items: int) -> Figures:
    started, cpu = time.perf_counter(), time.process_time()
    work()
    seconds = time.perf_counter() - started
    return {"rate": items / seconds, "cpu": 1000 * (time.process_time() - cpu) / items}
