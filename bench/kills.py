"""Onboarding killed with -9 at 50 random moments: each time complete or absent, and then made.

Half of them as the command does it, half as a worker does it for the console's form, with a logo.
"""

import io
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta

from bench.rounds import Line
from bench.servers import BenchFailed
from bench.world import World

KILLS = 50
PARTS = 5  # of the time that one takes, in the table
GONE = 30.0  # seconds until the server has noticed that nobody is there any more
# Waits for a word, so that starting Python isn't what is killed.
PROGRAM = """
import sys, django
django.setup()
from django.core.management import call_command
from tenants import onboard_queue
print("ready", flush=True)
sys.stdin.readline()
{work}
print("done", flush=True)
"""


def kills(world: World, say: Callable[[str], None], fail: Callable[[str], None]) -> list[Line]:
    takes = max(measured(f"kill-warm-{n}") for n in range(2))
    say(f"one takes {takes:.2f} s; {KILLS} are killed within that time")
    dice = random.Random(7)
    told: Counter = Counter()
    for number in range(KILLS):
        slug, moment = f"kill-{number}", dice.random() * 1.05
        way = ("command", "worker")[number % 2]
        asked = ask(slug) if way == "worker" else None
        was_killed = run_and_kill(slug, asked, takes * moment)
        told[way, part(moment), outcome(slug, was_killed)] += 1
        if problem := after(slug, asked):
            fail(f"kills: {slug}, killed at {moment:.0%}: {problem}")
            told[way, part(moment), "not made afterwards"] += 1
    for line in lines(told):
        say(line)
    if broken := sum(count for key, count in told.items() if key[2] == "incomplete"):
        fail(f"kills: {broken} were left incomplete")
    return []


def part(moment: float) -> int:
    return min(PARTS - 1, int(moment * PARTS))


def lines(told: Counter) -> list[str]:
    """The table: how far it had come, and what was found."""
    ends = ("absent", "complete", "done before", "incomplete", "not made afterwards")
    rows = [f"{'killed at':<12}" + "".join(f"{end:>22}" for end in ends)]
    for number in range(PARTS):
        counts = [sum(told[way, number, end] for way in ("command", "worker")) for end in ends]
        span = f"{100 * number // PARTS}–{100 * (number + 1) // PARTS} %"
        rows.append(f"{span:<12}" + "".join(f"{count:>22}" for count in counts))
    return rows


def ask(slug: str):
    """What the console's form writes down."""
    from PIL import Image

    from tenants.models import Onboarding

    picture = io.BytesIO()
    Image.new("RGB", (400, 200), "navy").save(picture, "PNG")
    return Onboarding.objects.create(
        **{"name": slug.title(), "slug": slug, "owner_email": f"owner@{slug}.test"},
        **{"country": "NL", "asked_by": "bench", "logo": picture.getvalue()},
        logo_name="logo.png",
    )


def work(slug: str, asked) -> str:
    if asked is not None:
        return f"onboard_queue.build({str(asked.pk)!r})"
    values = f"name={slug.title()!r}, slug={slug!r}, owner_email={f'owner@{slug}.test'!r}"
    return f"call_command('onboard_retailer', {values})"


def start(slug: str, asked) -> subprocess.Popen:
    """A process that is ready to begin."""
    from tenants.tests.worlds import database_url

    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM.format(work=work(slug, asked))],
        env={**os.environ, "DATABASE_URL": database_url(), "PGAPPNAME": slug},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    if process.stdout.readline() != "ready\n":
        raise BenchFailed(f"{slug} couldn't be started")
    return process


def begin(process: subprocess.Popen) -> None:
    process.stdin.write("go\n")
    process.stdin.flush()


def measured(slug: str) -> float:
    process = start(slug, None)
    started = time.perf_counter()
    begin(process)
    while process.stdout.readline() not in ("done\n", ""):
        pass
    took = time.perf_counter() - started
    process.wait()
    return took


def run_and_kill(slug: str, asked, delay: float) -> bool:
    """Whether it was killed before it was done."""
    process = start(slug, asked)
    begin(process)
    try:
        process.wait(delay)
    except subprocess.TimeoutExpired:
        process.kill()
    killed = process.wait() == -9
    process.stdin.close()
    process.stdout.close()
    return killed


def outcome(slug: str, was_killed: bool) -> str:
    """ "absent", "complete", "done before" (the kill came too late) or "incomplete"."""
    from tenants.tests.worlds import assert_absent, assert_complete, sql, until

    nobody = "SELECT 1 FROM pg_stat_activity WHERE application_name = %s"
    if not until(lambda: not sql(nobody, slug), GONE):
        raise BenchFailed(f"the server still works for {slug}")
    try:
        assert_absent(slug)
        return "absent"
    except AssertionError:
        pass
    try:
        assert_complete(slug, f"owner@{slug}.test")
    except Exception:  # whatever is missing
        return "incomplete"
    return "complete" if was_killed else "done before"


def after(slug: str, asked) -> str:
    """The same again, to its end; what is wrong then."""
    from django.core.management import call_command
    from django.utils import timezone
    from django_tenants.utils import tenant_context

    from forms_app.models import Brand
    from tenants import onboard_queue
    from tenants.models import Onboarding
    from tenants.tests.worlds import assert_complete

    try:
        if asked is None:
            values = {"name": slug.title(), "slug": slug, "owner_email": f"owner@{slug}.test"}
            call_command("onboard_retailer", **values, stdout=io.StringIO())
        else:
            # As the look that beat asks for: whoever took it has been silent for too long.
            row = Onboarding.objects.filter(pk=asked.pk)
            row.filter(state="building").update(started_at=timezone.now() - timedelta(hours=1))
            for pk in onboard_queue.left_over():
                onboard_queue.build(pk)
            onboard_queue.build(asked.pk)
            if (state := row.get().state) != "done":
                return f"the onboarding is {state}"
        retailer = assert_complete(slug, f"owner@{slug}.test")
        if asked is not None:
            with tenant_context(retailer):
                logo = Brand.load().logo
                if logo is None or not logo.file.storage.exists(logo.file.name):
                    return "the logo is missing"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return ""
