"""Sending again: one, all that failed, everything since a day, or earlier ones to a new CRM.

First the number is shown, then a second press sends.
"""

from functools import partial

from django import forms
from django.db import connection as database, transaction
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from wagtail.admin import messages
from wagtail.admin.widgets import AdminDateInput
from wagtail.log_actions import log

from integrations import doorbell, outbox
from integrations.models import Connection, Delivery

from . import states
from .access import ConnectionView
from .log_page import start_of

FAILED, ALL, EARLIER = "failed", "all", "earlier"


class Choice(forms.Form):
    which = forms.ChoiceField(
        label="Which sign-ups",
        widget=forms.RadioSelect,
        choices=[
            (FAILED, "Those that need attention"),
            (ALL, "All that were sent before, the delivered ones too"),
            (EARLIER, "Earlier sign-ups that were never sent to this CRM"),
        ],
    )
    since = forms.DateField(
        required=False,
        label="Signed up since",
        help_text="Leave it empty for all of them.",
        widget=AdminDateInput,
    )


def chosen(connection: Connection, which: str, since) -> QuerySet:
    """Deliveries, or the sign-ups that never had one."""
    start = start_of(since) if since else None
    if which == EARLIER:
        return outbox.earlier(connection, start)
    settled = [Delivery.State.NEEDS_ATTENTION]
    if which == ALL:
        settled.append(Delivery.State.DELIVERED)
    found = Delivery.objects.filter(connection=connection, state__in=settled)
    return found.filter(signup__received_at__gte=start) if start else found


def ring_if_active(connection: Connection) -> str:
    """After the commit; answers when they go, for the end of a sentence."""
    if connection.state == states.ACTIVE:
        transaction.on_commit(partial(doorbell.ring, database.schema_name, [connection.pk]))
        return "."
    return " as soon as the connection is resumed."


def sign_ups(number: int) -> str:
    return "1 sign-up" if number == 1 else f"{number:,} sign-ups"


class SendAgainView(ConnectionView):
    permission_required = "change"
    page_title = "Send again"
    template_name = "integrations/send_again.html"

    def get(self, request, pk) -> HttpResponse:
        asked = "which" in request.GET
        form = Choice(request.GET if asked else None, initial={"which": FAILED})
        number = None
        if asked and form.is_valid():
            number = chosen(self.object, **form.cleaned_data).count()
        return self.render_to_response(
            self.get_context_data(
                connection=self.object,
                form=form,
                number=number,
                sign_ups=sign_ups(number) if number else "",
                which=form.cleaned_data.get("which") if number is not None else "",
                back_url=reverse("crm:connection", args=[pk]),
            )
        )

    def post(self, request, pk) -> HttpResponse:
        form = Choice(request.POST)
        if not form.is_valid():
            return redirect("crm:send_again", pk)
        connection, which = self.object, form.cleaned_data["which"]
        with transaction.atomic():
            if which == EARLIER:
                since = form.cleaned_data["since"]
                number = outbox.backfill(connection, start_of(since) if since else None)
            else:
                again = chosen(connection, **form.cleaned_data)
                number = again.count()
                outbox.resend(again)
            if number:
                log(
                    instance=connection,
                    action=f"crm.{'backfill' if which == EARLIER else 'resend'}",
                )
            when = ring_if_active(connection)
        messages.success(request, f"Sending {sign_ups(number)}{when}")
        return redirect("crm:connection", pk)


class SendOneView(ConnectionView):
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, pk, delivery) -> HttpResponse:
        one = get_object_or_404(Delivery, pk=delivery, connection=self.object)
        with transaction.atomic():
            outbox.resend(Delivery.objects.filter(pk=one.pk))
            log(instance=self.object, action="crm.resend")
            when = ring_if_active(self.object)
        messages.success(request, f"Sending 1 sign-up again{when}")
        return redirect("crm:log", pk)
