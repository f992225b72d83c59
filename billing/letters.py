"""What owners are written about money: once for each thing that happens."""

from django.dispatch import receiver
from django_tenants.utils import tenant_context

from integrations import mail
from tenants.lifecycle import state_changed
from tenants.models import Retailer

State = Retailer.State

TRIAL_ENDING = "trial_ending"
mail.declare(TRIAL_ENDING, "The trial ends soon", days=7)
mail.declare("account_past_due", "A payment failed", grace_days=14)
mail.declare(
    "account_suspended", "Suspended: the bill is open, or the trial is over", grace_days=14
)
mail.declare("account_active", "Paid: everything works again")
mail.declare(
    "account_closed", "Closed, and when everything is deleted", delete_on="24 December 2026"
)

LETTERS = {
    State.PAST_DUE: "account_past_due",
    State.SUSPENDED: "account_suspended",
    State.CLOSED: "account_closed",
}
UNPAID = frozenset({State.PAST_DUE, State.SUSPENDED, State.CLOSED})


@receiver(state_changed)
def tell_the_owners(sender, retailer: Retailer, before: str, why: str, **kwargs) -> None:
    """In the transaction that changes the state, so that neither comes without the other."""
    from django.conf import settings

    kind = LETTERS.get(retailer.state)
    if retailer.state == State.ACTIVE and before in UNPAID:
        kind = "account_active"
    if kind is None or retailer.hold == Retailer.Hold.SUSPENDED:
        return  # whoever suspends by hand tells them personally why
    context: dict[str, object] = {}
    if kind in ("account_suspended", "account_past_due"):
        context["grace_days"] = settings.SUSPENSION_GRACE_DAYS
    if kind == "account_closed":
        context["delete_on"] = f"{retailer.delete_at:%-d %B %Y}"
    with tenant_context(retailer):
        mail.mail_owners(kind, context)
