"""Open or closed: the same answer here and on the tablet."""

import datetime
import json
from pathlib import Path

import pytest
from django.utils import timezone

from forms_app.models import Store, Tablet
from forms_app.opening_hours import is_open, presence

HERE = Path(__file__).parent
CASES = json.loads((HERE / "hours.json").read_text())
MODULE = (HERE.parent / "static" / "forms_app" / "hours.js").read_text()


def store_of(hours: dict | None) -> Store | None:
    return hours and Store(time_zone=hours["zone"], opening_hours=hours["days"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_server_knows_whether_a_store_is_open(case):
    at = datetime.datetime.fromisoformat(case["at"])
    assert is_open(store_of(case["hours"]), at) is case["open"]


@pytest.mark.browser
def test_the_tablet_knows_the_same(page):
    answers = page.evaluate(
        """async ([source, cases]) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const { isOpen } = await import(url);
            return cases.map(({ hours, at }) => isOpen(hours, new Date(at)));
        }""",
        [MODULE, CASES],
    )
    assert answers == [case["open"] for case in CASES]


@pytest.mark.browser
def test_the_tablet_says_when_it_opens_next(page):
    days = {"mon": ["09:00", "18:00"], "wed": ["10:00", "18:00"]}
    hours = {"zone": "Europe/Amsterdam", "days": days}
    moments = ["2026-03-02T05:00:00Z", "2026-03-02T19:00:00Z", "2026-03-04T19:00:00Z"]
    said = page.evaluate(
        """async ([source, hours, moments]) => {
            const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
            const { opensNext } = await import(url);
            const never = { zone: "Europe/Amsterdam", days: {} };
            const found = moments.map((at) => opensNext(hours, "en", new Date(at)));
            return [...found, opensNext(never, "en")];
        }""",
        [MODULE, hours, moments],
    )
    assert said == ["09:00", "Wednesday 10:00", "Monday 09:00", ""]


NOW = datetime.datetime(2026, 3, 2, 11, tzinfo=datetime.UTC)  # a Monday
MINUTE = datetime.timedelta(minutes=1)
OPEN = Store(time_zone="Europe/Amsterdam", opening_hours={"mon": ["09:00", "18:00"]})
CLOSED = Store(time_zone="Europe/Amsterdam", opening_hours={"tue": ["09:00", "18:00"]})


@pytest.mark.parametrize(
    ("expected", "values"),
    [
        ("never", {"store": OPEN}),
        ("online", {"store": OPEN, "last_contact_at": NOW - MINUTE}),
        ("online", {"store": CLOSED, "last_contact_at": NOW - MINUTE}),
        ("offline", {"store": OPEN, "last_contact_at": NOW - 6 * MINUTE}),
        ("offline", {"store": None, "last_contact_at": NOW - 6 * MINUTE}),
        ("closed", {"store": CLOSED, "last_contact_at": NOW - 6 * MINUTE}),
        ("revoked", {"store": OPEN, "last_contact_at": NOW - MINUTE, "revoked_at": NOW}),
    ],
)
def test_a_silent_tablet_is_an_alarm_only_while_its_store_is_open(expected, values):
    assert presence(Tablet(**values), NOW) == expected


def test_without_a_moment_it_is_now():
    assert presence(Tablet(last_contact_at=timezone.now())) == "online"
    assert is_open(Store(time_zone="UTC", opening_hours={"xxx": ["00:00", "01:00"]})) is False
