"""Consents in Mailchimp: the status of a member, and the audience's marketing permissions.

Who is new becomes subscribed, or pending, which makes Mailchimp ask for a confirmation. Who is
known keeps their status. Only a member who was never subscribed (`transactional`) and agrees now is
set to pending: Mailchimp asks them, so nobody is subscribed again who left a second ago.
"""

from typing import TYPE_CHECKING, Any, Mapping

from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.json_api import Person, understood

if TYPE_CHECKING:
    from integrations.connectors.mailchimp import MailchimpConnector

AUDIENCE, PERMISSION = "audience", "permission:"
_LEFT = ("unsubscribed", "cleaned", "archived")


def targets(mailchimp: "MailchimpConnector") -> list[ConsentTarget]:
    """The audience itself and its marketing permissions, which Mailchimp lists with each member
    and nowhere else: an audience without members shows none yet."""
    how = "list" if mailchimp.details.get("double_optin") else "choose"
    found = [ConsentTarget(AUDIENCE, f"E-mails to {mailchimp.details.get('name', 'all')}", how)]
    if mailchimp.details.get("marketing_permissions"):
        params = {"count": "1", "fields": "members.marketing_permissions"}
        answer = mailchimp.call("GET", f"{mailchimp.audience}/members", params=params)
        with understood():
            for member in answer.json()["members"]:
                for one in member.get("marketing_permissions") or ():
                    target = PERMISSION + str(one["marketing_permission_id"])
                    found.append(ConsentTarget(target, f"Permission: {one['text']}", "never"))
    return found


def status_if_new(mailchimp: "MailchimpConnector", person: Person) -> str:
    """What a member becomes whom Mailchimp doesn't know. Who agreed to nothing gets no mail."""
    chosen = [one for one in person.consents if one.target == AUDIENCE]
    if not chosen:
        return "transactional"
    double = mailchimp.details.get("double_optin") or any(one.double_opt_in for one in chosen)
    return "pending" if double else "subscribed"


def permissions(person: Person) -> list[dict[str, Any]]:
    """The marketing permissions to switch on; none for who has left."""
    member: Mapping[str, Any] = person.existing.get("member") or {}  # type: ignore[assignment]
    if member.get("status") in _LEFT:
        return []
    return [
        {"marketing_permission_id": one.target.removeprefix(PERMISSION), "enabled": True}
        for one in person.consents
        if one.target.startswith(PERMISSION)
    ]


def settle(
    mailchimp: "MailchimpConnector", person: Person, path: str, status: str
) -> Outcome | None:
    """After the member at `path` was written: None if the consents stand, else why not."""
    if not person.consents:
        return None
    if status in _LEFT:
        return needs_confirmation()
    if status == "transactional" and any(one.target == AUDIENCE for one in person.consents):
        answer = mailchimp.call("PATCH", path, json={"status": "pending"}, allow=(400, 404))
        if answer.status >= 300:
            return needs_confirmation()
    return None


def needs_confirmation() -> NeedsAttention:
    return NeedsAttention(
        "needs_confirmation",
        "This person had unsubscribed from this audience, or was removed from it. Mailchimp lets"
        " only the person come back, by your audience's own sign-up form.",
    )
