"""From an Onboarding to a retailer: a worker takes it, and whatever dies when, it is made once.

    put  →  WAITING  →  build (a task)  →  BUILDING  →  DONE, or FAILED with words

Provisioning is one transaction of a second, so there is little in between to show. A worker that
dies leaves BUILDING behind; after a while the next look puts it on its way again, and provisioning
finds what is there already.
"""

import logging
from datetime import timedelta
from functools import partial

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from . import figures
from .onboarding import Onboarding
from .provisioning import Onboarded, Wishes, onboard
from .schemas import StaleTemplate
from .starters import starter

log = logging.getLogger(__name__)

State = Onboarding.State
DIED_AFTER = timedelta(seconds=90)  # longer than the task may take
LONGEST = 60  # seconds
KEEP = timedelta(days=30)  # what was asked names people
BROKEN = "Something went wrong on our side. We have been told."


def put(onboarding: Onboarding) -> None:
    """Have it made, after the caller's transaction."""
    onboarding.state = State.WAITING
    onboarding.problem = ""
    onboarding.save(update_fields=["state", "problem"])
    transaction.on_commit(partial(ring, onboarding.pk))


def ring(pk) -> None:
    from .tasks import build_retailer

    try:
        build_retailer.delay(str(pk))
    except OperationalError as error:
        log.warning("The broker can't be reached, the next look finds it: %s", error)


def claim(pk) -> Onboarding | None:
    """The one that is ours to make now; None if another worker has it, or it is done."""
    now = timezone.now()
    free = Q(state=State.WAITING) | Q(state=State.BUILDING, started_at__lt=now - DIED_AFTER)
    if not Onboarding.objects.filter(free, pk=pk).update(state=State.BUILDING, started_at=now):
        return None
    return Onboarding.objects.get(pk=pk)


def build(pk) -> Onboarded | None:
    """Make the retailer. In the public schema, not in a transaction. Raises what isn't foreseen."""
    asked = claim(pk)
    if asked is None:
        return None
    try:
        made = onboard(
            asked.name,
            asked.slug,
            asked.owner_email,
            by=asked.asked_by,
            wishes=Wishes(
                starter(asked.language, asked.country, asked.template),
                country=asked.country,
                language=asked.language,
                plan=asked.plan,
                logo=(asked.logo_name, bytes(asked.logo)) if asked.logo else None,
                once=f"invitation:{asked.pk}",
            ),
        )
    except ValidationError as error:
        end(asked, State.FAILED, problem=" ".join(error.messages)[:500])
        return None
    except StaleTemplate:
        # A deploy is under way; the next look tries again.
        end(asked, State.WAITING, problem="We are being updated at this moment. Please wait.")
        return None
    except Exception:
        end(asked, State.FAILED, problem=BROKEN)
        raise
    end(asked, State.DONE, retailer=made.retailer, done_at=timezone.now(), logo=None)
    figures.count({made.retailer.schema_name: made.retailer.pk})  # for the list, from now on
    return made


def end(asked: Onboarding, state: State, **values) -> None:
    values = {"problem": "", **values, "state": state}
    Onboarding.objects.filter(pk=asked.pk).update(**values)


def left_over() -> list:
    """Those that nobody works on, although somebody should."""
    now = timezone.now()
    waiting = Q(state=State.WAITING) & Q(asked_at__lt=now - timedelta(seconds=20))
    died = Q(state=State.BUILDING, started_at__lt=now - DIED_AFTER)
    return list(Onboarding.objects.filter(waiting | died).values_list("pk", flat=True))


def forget_old() -> int:
    return Onboarding.objects.filter(asked_at__lt=timezone.now() - KEEP).delete()[0]
