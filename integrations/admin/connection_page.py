"""The page of one connection: how it is doing, what stands in its way, and what it did lately."""

from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from wagtail.admin.ui.tables import Column, DateColumn, Table
from wagtail.admin.widgets.button import HeaderButton

from integrations.mapping import MappingError
from integrations.models import Attempt, Connection, Delivery
from integrations.sources import our_fields

from . import states
from .access import ANY, ConnectionView
from .kinds import label
from .listing import missing_attributes, state_tag, with_counts
from .probe import redacted

LOG_LINES = 20
REASONS = 10
# Registered by the app that owns the sign-ups; imports run one way, so by its name only.
SIGNUP_URL = "signups:inspect"
OUTCOMES = {
    "delivered": ("Delivered", "good"),
    "retry": ("Tried again later", "busy"),
    "needs_attention": ("Needs attention", "stopped"),
    "paused": ("Paused the connection", "stopped"),
    "crashed": ("Interrupted", "busy"),
}


def signup_url(signup_id) -> str:
    """Where the sign-up can be looked at; empty if no app has such a page."""
    try:
        return reverse(SIGNUP_URL, args=[signup_id])
    except NoReverseMatch:
        return ""


class SignupColumn(Column):
    """Who signed up, for those who may see that; for others a number to talk about."""

    def __init__(self, *args, names: bool, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.names = names

    def get_value(self, attempt: Attempt) -> str:
        signup = attempt.delivery.signup
        if not self.names:
            return str(signup.pk)[:8]
        url = signup_url(signup.pk)
        return format_html('<a href="{}">{}</a>', url, signup) if url else str(signup)


class OutcomeColumn(Column):
    def get_value(self, attempt: Attempt) -> str:
        words, tone = OUTCOMES.get(attempt.outcome, (attempt.outcome, "off"))
        return state_tag(states.StateWords(words, tone))


class MessageColumn(Column):
    """What the CRM said, without the key that it may have repeated; the record if there is one."""

    def __init__(self, *args, secrets: dict, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.secrets = secrets

    def get_value(self, attempt: Attempt) -> str:
        url = attempt.delivery.remote_url
        if attempt.outcome == "delivered" and url.startswith(("https://", "http://")):
            return format_html(
                '<a href="{}" target="_blank" rel="noreferrer">See it in the CRM</a>', url
            )
        return redacted(attempt.message, self.secrets)


def attempts_table(connection: Connection, names: bool) -> Table:
    attempts = Attempt.objects.filter(delivery__connection=connection).select_related(
        "delivery__signup__form_version"
    )
    columns = [
        DateColumn("at", label="When", width="14%"),
        SignupColumn("signup", label="Sign-up", names=names, width="20%"),
        OutcomeColumn("outcome", label="Outcome", width="18%"),
        MessageColumn("message", label="What was said", secrets=connection.secrets),
        Column("code", label="Code", width="14%", classname="crm-code"),
    ]
    return Table(columns, attempts[:LOG_LINES], caption="The last attempts")


def reasons_table(connection: Connection) -> Table:
    """Why deliveries need attention, most frequent first."""
    reasons = stuck(connection).order_by().values("error_code", "error")
    counted = reasons.annotate(number=Count("id")).order_by("-number", "error_code")[:REASONS]
    columns = [
        Column("number", label="Sign-ups", width="12%"),
        Column(
            "error",
            label="What was said",
            accessor=lambda row: redacted(row["error"], connection.secrets),
        ),
        Column("error_code", label="Code", width="22%", classname="crm-code"),
    ]
    return Table(columns, list(counted), caption="What needs attention")


def stuck(connection: Connection) -> QuerySet:
    return Delivery.objects.filter(connection=connection, state=Delivery.State.NEEDS_ATTENTION)


def mapping_sentence(connection: Connection) -> str:
    try:
        sent = {row.source for row in connection.rows}
    except MappingError:
        return "What goes where can't be read: please set it anew."
    ours = [field.key for field in our_fields()]
    return f"{len(sent.intersection(ours))} of {len(ours)} fields of your pages are sent."


class ConnectionPage(ConnectionView):
    any_permission_required = ANY
    template_name = "integrations/connection.html"

    def get_base_object_queryset(self) -> QuerySet:
        return with_counts(super().get_base_object_queryset())

    def get_page_title(self) -> str:
        return self.object.name

    def get_crumbs(self) -> list[dict]:
        return []

    def get_header_buttons(self) -> list[HeaderButton]:
        pages = [("Log", "crm:log", "history")]
        if self.may("change"):
            pages = [
                ("What goes where", "crm:mapping", "redirect"),
                ("Send a test", "crm:send_test", "mail"),
                ("Address and key", "crm:change", "key"),
                *pages,
                ("Send again", "crm:send_again", "rotate"),
            ]
        return [
            HeaderButton(text, reverse(name, args=[self.object.pk]), icon_name=icon)
            for text, name, icon in pages
        ]

    def get(self, request, pk) -> HttpResponse:
        connection = self.object
        words = states.in_words(connection)
        return self.render_to_response(
            self.get_context_data(
                connection=connection,
                kind=label(connection.kind),
                state_tag=state_tag(words),
                reason=redacted(words.reason, connection.secrets),
                by_the_crm=states.stopped_by_the_crm(connection),
                missing=missing_attributes(connection),
                mapping_sentence=mapping_sentence(connection),
                reasons=reasons_table(connection),
                attempts=attempts_table(connection, request.user.has_perm("forms_app.view_signup")),
                log_lines=LOG_LINES,
                may_change=self.may("change"),
                may_switch_off=self.may("delete"),
            )
        )
