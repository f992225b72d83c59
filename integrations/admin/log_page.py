"""The log of one connection: each try, by outcome and day, with what was asked and answered."""

from datetime import datetime, time, timedelta

from django import forms
from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from wagtail.admin.widgets import AdminDateInput

from integrations.models import Attempt, Connection

from .access import ANY, ConnectionView
from .connection_page import OUTCOMES, signup_url

A_PAGE = 50


class LogFilter(forms.Form):
    outcome = forms.ChoiceField(
        required=False,
        choices=[("", "Everything"), *((key, words) for key, (words, _) in OUTCOMES.items())],
    )
    since = forms.DateField(required=False, label="From", widget=AdminDateInput)
    until = forms.DateField(required=False, label="To", widget=AdminDateInput)


def start_of(day) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


class LogView(ConnectionView):
    any_permission_required = ANY
    page_title = "Log"
    template_name = "integrations/log.html"

    def get_page_subtitle(self) -> str:
        return self.object.name

    def get(self, request, pk) -> HttpResponse:
        form = LogFilter(request.GET)
        wanted = form.cleaned_data if form.is_valid() else {}
        attempts = of_days(self.object, wanted.get("since"), wanted.get("until"))
        counted = dict(attempts.order_by().values_list("outcome").annotate(number=Count("id")))
        if wanted.get("outcome"):
            attempts = attempts.filter(outcome=wanted["outcome"])
        rows = attempts.select_related("delivery__signup__form_version")
        page = Paginator(rows, A_PAGE).get_page(request.GET.get("p"))
        names = request.user.has_perm("forms_app.view_signup")
        return self.render_to_response(
            self.get_context_data(
                connection=self.object,
                form=form,
                figures=[
                    {"words": words, "number": counted.get(key, 0), "key": key, "tone": tone}
                    for key, (words, tone) in OUTCOMES.items()
                ],
                page=page,
                lines=[line(attempt, names) for attempt in page],
                may_change=self.may("change"),
                kept_days=settings.DELIVERY_LOG_DAYS,
                back_url=reverse("crm:connection", args=[pk]),
                query=query_without_page(request),
            )
        )


def of_days(connection: Connection, since, until) -> QuerySet:
    attempts = Attempt.objects.filter(delivery__connection=connection)
    if since:
        attempts = attempts.filter(at__gte=start_of(since))
    if until:
        attempts = attempts.filter(at__lt=start_of(until + timedelta(days=1)))
    return attempts


def line(attempt: Attempt, names: bool) -> dict:
    words, tone = OUTCOMES.get(attempt.outcome, (attempt.outcome, "off"))
    signup, url = attempt.delivery.signup, attempt.delivery.remote_url
    return {
        "attempt": attempt,
        "words": words,
        "tone": tone,
        "who": str(signup) if names else str(signup.pk)[:8],
        "who_url": signup_url(signup.pk) if names else "",
        "remote_url": url if url.startswith(("https://", "http://")) else "",
        "resendable": attempt.delivery.state in ("needs_attention", "delivered"),
    }


def query_without_page(request) -> str:
    query = request.GET.copy()
    query.pop("p", None)
    return query.urlencode()
