"""Erases one person, found by e-mail address or phone number (GDPR, article 17)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import phonenumbers
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.crypto import salted_hmac

from integrations.delivery import identity_key
from integrations.mapping import map_signup
from integrations.models import Delivery, RemoteLink

from .brand import Brand
from .erasures import Erasure
from .removal import remove
from .signups import Signup


class Busy(Exception):
    """One of the sign-ups is being sent to a CRM at this moment: try again in a minute."""


@dataclass(frozen=True)
class Identity:
    """What staff typed, as sign-ups keep it: an address in lower case, or an E.164 number."""

    email: str = ""
    mobile: str = ""

    @property
    def hash(self) -> str:
        value = self.email or self.mobile
        return salted_hmac("forms_app.erasing", value, algorithm="sha256").hexdigest()


def identify(typed: str, country: str = "") -> Identity | None:
    """Who is meant, or None if it is neither an address nor a number."""
    typed = typed.strip()
    if "@" in typed:
        return Identity(email=typed.lower())
    try:
        number = phonenumbers.parse(typed, country or Brand.load().country)
    except phonenumbers.NumberParseException:
        return None
    return Identity(mobile=phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def signups_of(identity: Identity) -> QuerySet[Signup]:
    if identity.email:
        return Signup.objects.filter(Q(email=identity.email) | Q(email__iexact=identity.email))
    return Signup.objects.filter(mobile=identity.mobile)


def records_of(signups: QuerySet[Signup]) -> list[Delivery]:
    """One delivery for each record that a CRM holds of this person: erasing it is done there."""
    delivered = (
        Delivery.objects.filter(signup__in=signups)
        .exclude(remote_id="")
        .select_related("connection")
        .order_by("connection_id", "remote_id", "-id")
    )
    return list(delivered.distinct("connection_id", "remote_id"))


def erase(identity: Identity, by: AbstractBaseUser | None) -> Erasure:
    """Delete everything we hold of this person; what remains is the proof, with a hash.

    Raises `Busy`, with nothing deleted.
    """
    with transaction.atomic():
        found = list(
            signups_of(identity).select_related("form_version", "page").prefetch_related("consents")
        )
        ids = [signup.pk for signup in found]
        deliveries = Delivery.objects.select_for_update().filter(signup__in=ids)
        if any(delivery.state == Delivery.State.SENDING for delivery in deliveries):
            raise Busy
        links = RemoteLink.objects.filter(
            identity__in={identity_key(map_signup(signup.as_data(), ())) for signup in found}
        )
        counts = {"links to CRM records": links.delete()[0], **remove(ids)}
        return Erasure.objects.create(by=by, identity_hash=identity.hash, counts=counts)


def hashes_since(moment: datetime) -> list[str]:
    """Who was erased since then, as hashes: a backup brought back forgets them again."""
    return list(Erasure.objects.filter(at__gte=moment).values_list("identity_hash", flat=True))


def repeat(hashes: Iterable[str]) -> int:
    """Erase everybody whose hash is one of these; how many people that were."""
    wanted = set(hashes)
    if not wanted:
        return 0
    known = set(Signup.objects.values_list("email", "mobile"))
    people = {Identity(email=email.lower()) for email, _ in known if email}
    people |= {Identity(mobile=mobile) for _, mobile in known if mobile}
    found = [identity for identity in people if identity.hash in wanted]
    for identity in found:
        erase(identity, by=None)
    return len(found)
