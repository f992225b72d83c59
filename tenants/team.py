"""The people of a retailer: who they are, what they may do, and how they come in.

All functions work in the retailer's schema, and keep it with at least one owner.
"""

from dataclasses import dataclass

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import transaction

from forms_app.starter import EDITORS, OWNERS, VIEWERS
from integrations import mail

from .tokens import password_link

# In words that a shop owner understands.
ROLES = {
    OWNERS: ("Owner", "Everything, billing and team included"),
    EDITORS: ("Editor", "Design pages, brand, stores and tablets; see and mend sign-ups"),
    VIEWERS: ("Viewer", "See sign-ups and numbers"),
}
MOST = 100  # people


def link_for(letter) -> dict[str, str]:
    """Worked out when the mail is sent: a link that lets somebody in is stored nowhere."""
    user = get_user_model().objects.filter(email=letter.to, is_active=True).first()
    return {"link": password_link(user) if user else ""}


mail.declare(
    "team_invitation",
    "Somebody is invited to a retailer's team",
    late=link_for,
    by="owner@fern-and-fig.example",
    role="Editor",
    link="https://fern-and-fig.example/admin/password_reset/confirm/MQ/…/",
)


@dataclass(frozen=True)
class Member:
    """`factors`: how many second factors; `is_invited`: has not chosen a password yet."""

    user: object
    role: str
    is_invited: bool
    factors: int

    @property
    def label(self) -> str:
        return ROLES[self.role][0] if self.role in ROLES else "No role"


def people():
    """Everybody but support."""
    return get_user_model().objects.exclude(email=settings.SUPPORT_EMAIL).filter(is_active=True)


def role_of(user) -> str:
    """The highest one; "" for none."""
    names = {group.name for group in user.groups.all()}
    return next((role for role in ROLES if role in names), "")


def members() -> list[Member]:
    """By role, then by e-mail."""
    kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
    factors: dict[int, int] = {}
    for number in Authenticator.objects.filter(type__in=kinds).values_list("user_id", flat=True):
        factors[number] = factors.get(number, 0) + 1
    found = [
        Member(user, role_of(user), not user.has_usable_password(), factors.get(user.pk, 0))
        for user in people().prefetch_related("groups").order_by("email")
    ]
    order = [*ROLES, ""]
    return sorted(found, key=lambda member: order.index(member.role))


def find(pk: int):
    """Raises User.DoesNotExist."""
    return people().get(pk=pk)


def invite(email: str, role: str, *, by: str) -> None:
    """Add somebody, and write to them; again for who has not come yet. Raises `ValidationError`."""
    check_role(role)
    users = get_user_model().objects
    with transaction.atomic():
        user = users.filter(email=email.strip().lower()).first()
        if user is not None and (
            user.has_usable_password() or user.email == settings.SUPPORT_EMAIL
        ):
            raise ValidationError(f"{user.email} is in the team already.")
        if user is None:
            if people().count() >= MOST:
                raise ValidationError(f"{MOST} people are the most.")
            user = users.create_user(email)
        give(user, role)
        context = {"by": by, "role": ROLES[role][0]}
        mail.write("team_invitation", user.email, context)


def change_role(user, role: str) -> None:
    """Raises `ValidationError` for the last owner."""
    check_role(role)
    with transaction.atomic():
        if role != OWNERS:
            keep_an_owner(user)
        give(user, role)


def remove(user) -> None:
    """The person can't come in any more; pages, pictures and sign-ups stay as they are, comments
    in the editor go. Raises `ValidationError`.
    """
    with transaction.atomic():
        keep_an_owner(user)
        user.delete()


def forget_factors(user) -> int:
    """For who has lost the telephone: all second factors and recovery codes; how many."""
    return Authenticator.objects.filter(user=user).delete()[0]


def give(user, role: str) -> None:
    user.groups.set(Group.objects.filter(name=role))


def check_role(role: str) -> None:
    if role not in ROLES:
        raise ValidationError("Choose a role.")


def keep_an_owner(user) -> None:
    """In a transaction: of two owners who remove each other at once, the second one can't."""
    group = Group.objects.select_for_update().get(name=OWNERS)
    others = people().filter(groups=group).exclude(pk=user.pk)
    if group in user.groups.all() and not others.exists():
        raise ValidationError("Somebody has to be the owner. Make another person an owner first.")
