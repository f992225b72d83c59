"""Sessions that are over. Django deletes none by itself, nor does allauth its list of them."""

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.utils import timezone


def forget_ended() -> int:
    """Delete them in the schema that is active; how many sessions that was."""
    ended, _ = Session.objects.filter(expire_date__lt=timezone.now()).delete()
    # Who logs out, or is logged out, leaves a line behind as well.
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()
    return ended
