"""The operator's pages: revenue, and what is granted to one retailer."""

from datetime import timedelta

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse_lazy
from django.utils import timezone
from django.views.decorators.http import require_POST
from kombu.exceptions import OperationalError

from integrations.admin.console import ConsoleMenuItem, ConsoleView
from tenants.models import Retailer
from tenants.operators import find, operators_only

from . import overrides, plans, revenue, state, tasks
from .models import Checked, Drift, Override, UsageDay
from .money import decimals, step, written
from .subscribed import plan_of, subscription_of

DRIFT_DAYS = 7
LONGEST = 30  # lines of a table


class RevenuePage(ConsoleView):
    page_title = "Revenue"
    header_icon = "table"
    template_name = "billing/revenue.html"

    def get(self, request) -> HttpResponse:
        subscriptions = revenue.sold()
        months = revenue.months(subscriptions)
        retailers = Retailer.objects.exclude(state=Retailer.State.TEMPLATE)
        since = timezone.now() - timedelta(days=DRIFT_DAYS)
        drifts = Drift.objects.filter(at__gte=since)
        trialing = {each.retailer_id for each in subscriptions if each.status == "trialing"}
        return self.render_to_response(
            self.get_context_data(
                recurring=[
                    written(*pair[::-1]) for pair in revenue.recurring(subscriptions).items()
                ],
                paying=sum(each.pays for each in subscriptions),
                trials=retailers.filter(state=Retailer.State.TRIAL).count(),
                trialing=len(trialing),
                conversion=revenue.conversion(subscriptions),
                churn=revenue.churn(subscriptions),
                past_due=retailers.filter(state=Retailer.State.PAST_DUE).count(),
                suspended=retailers.filter(state=Retailer.State.SUSPENDED).count(),
                months=[
                    {
                        "first": month.first,
                        "began": month.began,
                        "ended": month.ended,
                        "revenue": ", ".join(
                            written(amount, currency)
                            for currency, amount in sorted(month.revenue.items())
                        ),
                    }
                    for month in months
                ],
                pictures=revenue.bars(months),
                owing=revenue.owing()[:LONGEST],
                drift_count=drifts.count(),
                drift_days=DRIFT_DAYS,
                drifts=drifts[:LONGEST],
                failed=Checked.objects.exclude(error="").select_related("retailer")[:LONGEST],
                granted=Override.objects.in_force()
                .exclude(kind=Override.Kind.CREDIT)
                .select_related("retailer")[:LONGEST],
                usage=usage_rows(),
            )
        )


def usage_rows() -> list[dict]:
    """This month's sign-ups of those who have most: ours, and what Stripe was told."""
    first = timezone.now().date().replace(day=1)
    days = UsageDay.objects.filter(day__gte=first).select_related("retailer")
    rows: dict[int, dict] = {}
    for day in days:
        row = rows.setdefault(
            day.retailer_id, {"retailer": day.retailer, "count": 0, "reported": 0}
        )
        row["count"] += day.count
        row["reported"] += day.reported or 0
    return sorted(rows.values(), key=lambda row: -row["count"])[:LONGEST]


class GrantForm(forms.Form):
    kind = forms.ChoiceField(choices=Override.Kind.choices, label="What")
    until = forms.DateField(
        required=False,
        label="Last day",
        widget=forms.DateInput(attrs={"type": "date"}),
        help_text="Of a free account or a trial.",
    )
    amount = forms.DecimalField(
        required=False, min_value=0, label="Amount", help_text="Of a credit, such as 29.00"
    )
    currency = forms.ChoiceField(required=False)
    reason = forms.CharField(max_length=500, help_text="It stands in the timeline.")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        codes = plans.catalogue().currencies
        self.fields["currency"].choices = [(code, code.upper()) for code in codes]

    def clean(self) -> dict:
        told = super().clean()
        kind, until = told.get("kind"), told.get("until")
        if kind != Override.Kind.CREDIT:
            if until is None:
                self.add_error("until", "Say until when.")
            elif until < timezone.localdate():
                self.add_error("until", "This day is over.")
        elif not told.get("amount"):
            self.add_error("amount", "Say how much.")
        else:
            self.to_smallest_unit(told)
        return told

    def to_smallest_unit(self, told: dict) -> None:
        currency = told.get("currency") or ""
        amount = told["amount"].scaleb(decimals(currency))
        if amount != int(amount) or int(amount) % step(currency):
            self.add_error("amount", f"{currency.upper()} has no such amount.")
        elif amount >= plans.LARGEST_AMOUNT:
            self.add_error("amount", "This is too much.")
        else:
            told["smallest"] = int(amount)


def retailer_page(request: HttpRequest, pk: int) -> HttpResponse:
    """Plan, overrides and drift of one retailer; the form grants another one."""
    operators_only(request, "tenants.view_retailer")
    retailer = find(pk)
    form = GrantForm(request.POST or None)
    if request.method == "POST":
        operators_only(request, "tenants.change_retailer")
        if form.is_valid():
            grant(retailer, form.cleaned_data, request.user.email)
            messages.success(request, "Granted.")
            return redirect("retailer_billing", pk)
    subscription = subscription_of(retailer)
    context = {
        "retailer": retailer,
        "plan": plan_of(subscription),
        "subscription": subscription,
        "trial_ends": overrides.trial_ends(retailer),
        "overrides": retailer.overrides.all(),
        "checked": Checked.objects.filter(retailer=retailer).first(),
        "drifts": Drift.objects.filter(retailer=retailer)[:LONGEST],
        "form": form,
    }
    return render(request, "billing/retailer.html", context)


def grant(retailer: Retailer, told: dict, by: str) -> None:
    is_credit = told["kind"] == Override.Kind.CREDIT
    overrides.grant(
        retailer,
        told["kind"],
        reason=told["reason"],
        by=by,
        until=None if is_credit else told["until"],
        amount=told.get("smallest") if is_credit else None,
        currency=told["currency"] if is_credit else "",
    )
    follow(retailer, f"{by}: {told['reason']}")


def follow(retailer: Retailer, why: str) -> None:
    """State at once; what is asked of Stripe in a task."""
    state.refresh(retailer, why=why)
    try:
        tasks.reconcile_one.delay(retailer.pk)
    except OperationalError:
        pass  # the hourly look does it


@require_POST
def end_override(request: HttpRequest, pk: int, number: int) -> HttpResponse:
    operators_only(request, "tenants.change_retailer")
    retailer = find(pk)
    override = get_object_or_404(retailer.overrides, pk=number, ended_at=None)
    try:
        overrides.end(override, request.user.email)
    except ValueError as error:
        messages.error(request, str(error))
    else:
        follow(retailer, f"{override.get_kind_display()} ended by {request.user.email}")
        messages.success(request, "Ended.")
    return redirect("retailer_billing", pk)


urls = [
    path("revenue/", RevenuePage.as_view(), name="revenue"),
    path("revenue/<int:pk>/", retailer_page, name="retailer_billing"),
    path("revenue/<int:pk>/<int:number>/end/", end_override, name="end_override"),
]
menu_item = ConsoleMenuItem(
    "Revenue", reverse_lazy("revenue"), name="revenue", icon_name="table", order=205
)
