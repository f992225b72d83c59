"""Everything goes wrong at once, with real processes: does each sign-up end as one right contact?

CRMs answer at random with 500, 429, 422, nothing, a reset after they have committed, half a body.
Some shoppers have typed an address that no CRM takes. The workers are killed with -9 every few
seconds. The waiting times are moved along, as if hours passed. Then every contact in every CRM is
compared with what the shoppers said, in their order.
"""

import collections
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil
from django.db.models import Count, F
from django.utils import timezone
from django_tenants.utils import tenant_context

from integrations import sweep
from integrations.http import Http
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Attempt, Connection, Delivery

from .services import ROOT

FIRST = ("Ada", "Bea", "Cleo", "Dora", "Elin", "Fenna")
LAST = ("Lovelace", "Maas", "Noor", "de Vries", "Özil")
# What each call to a CRM may meet, and how likely.
FAULTS: tuple[tuple[str, float, dict], ...] = (
    ("500", 0.08, {}),
    ("429", 0.04, {"after": 1}),
    ("hang", 0.02, {"after": 1.5}),
    ("commit_then_close", 0.06, {}),
    ("half", 0.06, {}),
    ("422", 0.02, {}),
)
HOURS = timedelta(hours=2)  # that pass at each tick: longer than any gap
TICK = 1.0  # seconds


@dataclass
class Figures:
    sign_ups: int = 0
    deliveries: int = 0
    states: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)  # of those that need attention
    attempts: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    children_killed: int = 0
    workers_killed: int = 0
    contacts: int = 0
    people: int = 0
    duplicates: int = 0
    missing: int = 0
    cleared: int = 0
    wrong: int = 0
    seconds: float = 0.0

    @property
    def unsettled(self) -> int:
        return sum(n for state, n in self.states.items() if state in Delivery.OPEN)

    @property
    def unnamed(self) -> int:
        return self.reasons.get("", 0)

    def lines(self) -> list[str]:
        return [f"{name.replace('_', ' ')}: {value}" for name, value in asdict(self).items()]


class Chaos:
    """`accounts` are (retailer, account's key): a connection for each. `crm` is its process."""

    def __init__(self, crm: Any, accounts: list[tuple[Any, str]], env: Mapping, folder: Path):
        self.crm, self.env, self.folder = crm, env, folder
        self.figures, self.random = Figures(), random.Random(7)
        self.retailers = list({retailer.pk: retailer for retailer, _ in accounts}.values())
        self.keys: dict[tuple[str, int], str] = {}
        self.said: dict[str, list[tuple]] = collections.defaultdict(list)  # schema → sign-ups
        self.workers: list[subprocess.Popen] = []
        for retailer, key in accounts:
            with tenant_context(retailer):
                self.keys[retailer.schema_name, connect(crm.url, key).pk] = key

    def run(
        self,
        sign_ups: int,
        *,
        portions: int,
        kill_every: float,
        limit: float,
        say: Callable[[str], None],
    ) -> Figures:
        """`portions`: how often new sign-ups arrive while all this goes on. Seconds."""
        started = time.monotonic()
        for number, key in enumerate(self.keys.values()):
            # Each CRM's first call meets one of them for certain: none is left out by chance.
            kind, _, more = FAULTS[number % len(FAULTS)]
            self.plan(key, kind, more, times=1)
            for kind, chance, more in FAULTS:
                self.plan(key, kind, more, times=10**9, chance=chance)
        try:
            for _ in range(2):
                self.start_worker()
            next_kill, next_word, left = started + kill_every, started + 15, portions
            while time.monotonic() - started < limit:
                if left:
                    self.shoppers(sign_ups // portions)
                    left -= 1
                self.tick()
                waiting = self.waiting()
                if not waiting and not left:
                    break
                if time.monotonic() > next_kill:
                    self.kill_somebody()
                    next_kill = time.monotonic() + kill_every
                if time.monotonic() > next_word:
                    say(f"{waiting} deliveries wait after {time.monotonic() - started:.0f} s")
                    next_word = time.monotonic() + 15
                threading.Event().wait(TICK)
        finally:
            for worker in self.workers:
                end(worker)
        self.figures.seconds = round(time.monotonic() - started, 1)
        self.count()
        self.compare()
        return self.figures

    # what happens meanwhile

    def plan(self, key: str, kind: str, more: dict, **how: Any) -> None:
        fault = {"kind": kind, "path": "contacts", **more, **how}
        assert self.crm.api("POST", "/faults", fault, key=key)[0] == 201

    def shoppers(self, number: int) -> None:
        """So many sign-ups, spread over the retailers; three in ten people come twice or more."""
        share = max(1, number // len(self.retailers))
        for retailer in self.retailers:
            with tenant_context(retailer):
                self.said[retailer.schema_name] += sign_up(
                    retailer.slug, share, self.random, len(self.said[retailer.schema_name])
                )
        self.figures.sign_ups += share * len(self.retailers)

    def tick(self) -> None:
        """Two hours pass, and the beat's sweep rings for what is due."""
        for retailer in self.retailers:
            with tenant_context(retailer):
                now = timezone.now()
                Delivery.objects.filter(state="due", due_at__gt=now).update(
                    due_at=F("due_at") - HOURS
                )
                Connection.objects.filter(not_before__gt=now).update(
                    not_before=F("not_before") - HOURS
                )
        sweep.sweep()

    def waiting(self) -> int:
        total = 0
        for retailer in self.retailers:
            with tenant_context(retailer):
                total += Delivery.objects.filter(state__in=Delivery.OPEN).count()
        return total

    def sending(self) -> bool:
        for retailer in self.retailers:
            with tenant_context(retailer):
                if Delivery.objects.filter(state="sending").exists():
                    return True
        return False

    def start_worker(self) -> None:
        command = "celery --quiet -A customerinfo worker -c 2 --without-mingle --without-gossip"
        name = f"worker-{len(self.workers)}"
        with (self.folder / f"{name}.log").open("ab") as log:
            self.workers.append(
                subprocess.Popen(
                    [sys.executable, "-m", *command.split(), "-n", f"{name}@chaos"],
                    env={**os.environ, **self.env},
                    cwd=ROOT,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                )
            )

    def kill_somebody(self) -> None:
        """With -9, in the middle of a batch: those who deliver, now and then a whole worker."""
        ends = time.monotonic() + 2
        while not self.sending() and time.monotonic() < ends:
            threading.Event().wait(0.02)
        worker = self.random.choice([one for one in self.workers if one.poll() is None])
        children = psutil.Process(worker.pid).children()
        if not children:
            return  # it has only just been started
        if self.random.random() < 0.8:
            for child in children:
                child.kill()
            self.figures.children_killed += len(children)
        else:
            end(worker)
            self.workers.remove(worker)
            self.figures.workers_killed += 1
            self.start_worker()

    # how it ended

    def count(self) -> None:
        states, reasons, attempts = (collections.Counter() for _ in range(3))
        for retailer in self.retailers:
            with tenant_context(retailer):
                rows = Delivery.objects.order_by()
                states.update(dict(rows.values_list("state").annotate(n=Count("pk"))))
                aside = rows.filter(state="needs_attention").values_list("error_code")
                reasons.update(dict(aside.annotate(n=Count("pk"))))
                tries = Attempt.objects.order_by().values_list("outcome")
                attempts.update(dict(tries.annotate(n=Count("pk"))))
        faults: collections.Counter = collections.Counter()
        for key in self.keys.values():
            calls = self.crm.api("GET", "/log", key=key)[1]["calls"]
            self.figures.calls += len(calls)
            faults.update(call["fault"] for call in calls if call["fault"])
            self.crm.api("DELETE", "/faults", key=key)
        made = self.figures
        made.states, made.reasons, made.attempts = dict(states), dict(reasons), dict(attempts)
        made.faults, made.deliveries = dict(faults), sum(states.values())

    def compare(self) -> None:
        for (schema, connection_id), key in self.keys.items():
            retailer = next(one for one in self.retailers if one.schema_name == schema)
            with tenant_context(retailer):
                rows = Delivery.objects.filter(connection_id=connection_id)
                settled = dict(rows.values_list("signup_id", "state"))
            held = collections.defaultdict(list)
            for contact in self.contacts(key):
                held[contact["attributes"].get("email")].append(contact["attributes"])
            self.figures.contacts += sum(map(len, held.values()))
            people = collections.defaultdict(list)
            for signup_id, moment, person, answers in self.said[schema]:
                people[person].append((moment, settled[signup_id], answers))
            self.figures.people += len(people)
            for person, said in people.items():
                self.compare_person(sorted(said, key=lambda one: one[0]), held.get(person, []))

    def compare_person(self, said: list[tuple], contacts: list[dict]) -> None:
        delivered = [answers for _, state, answers in said if state == "delivered"]
        self.figures.duplicates += max(0, len(contacts) - 1)
        if not delivered:
            return
        if not contacts:
            self.figures.missing += 1
            return
        expected: dict[str, str] = {}
        for answers in delivered:
            expected |= {name: value for name, value in answers.items() if value}
        got = contacts[0]
        self.figures.cleared += any(not got.get(name) for name in expected)
        if len(delivered) == len(said):
            # One that was set aside may have arrived or not: then only clearing can be judged.
            self.figures.wrong += any(got.get(name) != value for name, value in expected.items())

    def contacts(self, key: str) -> list[dict]:
        found: list[dict] = []
        while True:
            path = f"/contacts?limit=1000&offset={len(found)}"
            page = self.crm.api("GET", path, key=key)[1]["contacts"]
            found += page
            if len(page) < 1000:
                return found


def end(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(30)


def connect(url: str, key: str) -> Connection:
    """A connection to this account, mapped as a retailer gets it."""
    made = Connection(name=key, kind="sandbox", config={"base_url": url}, secrets={"api_key": key})
    attributes = made.connector(Http(allow_private=True)).describe()
    made.attributes = [asdict(attribute) for attribute in attributes]
    made.mapping = rows_to_json(default_rows(attributes, made.connector_class.hints))
    made.save()
    return made


def sign_up(shop: str, number: int, chance: random.Random, before: int) -> list[tuple]:
    """(id, moment, e-mail, {CRM attribute: value}) of each; with a delivery to each connection."""
    from forms_app.models import FormVersion, Signup

    version = FormVersion.objects.order_by("-number").first()
    keys = {one["kind"]: one["key"] for one in version.fields}
    connections = list(Connection.objects.values_list("pk", flat=True))
    signups, said, now = [], [], timezone.now()
    for position in range(number):
        nobody_before = before + position < 4 or chance.random() < 0.7
        person = before + position if nobody_before else chance.randrange(before + position)
        email = f"shopper.{person}@{shop}.example"
        if person % 100 == 99:
            email = f"shopper.{person}@nowhere@{shop}"  # the CRM refuses it
        answers = {"first_name": chance.choice(FIRST), "last_name": chance.choice(("", *LAST))}
        moment = now + timedelta(microseconds=position)
        signup = Signup(
            id=uuid.UUID(int=chance.getrandbits(128), version=4),
            page_id=version.page_id,
            form_version=version,
            language="en",
            email=email,
            answers={keys[name]: value for name, value in {**answers, "email": email}.items()},
            submitted_at=moment,
            received_at=moment,
        )
        signups.append(signup)
        said.append((signup.pk, moment, email, {**answers, "email": email}))
    Signup.objects.bulk_create(signups)
    Delivery.objects.bulk_create(
        Delivery(connection_id=connection, signup=signup)
        for signup in signups
        for connection in connections
    )
    return said
