"""The list of a retailer's connections, each with how it is doing."""

from django.db.models import Count, Max, Q, QuerySet
from django.urls import reverse
from django.utils.html import format_html
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views import generic

from integrations.connectors.base import Attribute
from integrations.mapping import MappingError, unmapped_required
from integrations.models import Connection, Delivery

from . import kinds, states
from .access import policy
from .probe import redacted


def with_counts(connections: QuerySet) -> QuerySet:
    """Adds waiting, delivered, needs_attention and last_delivery, in the same query."""

    def count(*wanted: str) -> Count:
        return Count("deliveries", filter=Q(deliveries__state__in=wanted))

    return connections.annotate(
        waiting=count(*Delivery.OPEN),
        delivered=count(Delivery.State.DELIVERED),
        needs_attention=count(Delivery.State.NEEDS_ATTENTION),
        last_delivery=Max("deliveries__delivered_at"),
    )


def missing_attributes(connection: Connection) -> list[Attribute]:
    """What the CRM refuses every contact without, and nothing is sent to."""
    try:
        return unmapped_required(connection.rows, connection.described)
    except MappingError:
        return []  # the delivery has paused the connection and says why


def state_tag(words: states.StateWords) -> str:
    return format_html('<span class="crm-state crm-state--{}">{}</span>', words.tone, words.label)


class StateColumn(Column):
    def get_value(self, connection: Connection) -> str:
        words = states.in_words(connection)
        reason = redacted(words.reason, connection.secrets) if words.reason else ""
        missing = ", ".join(attribute.label for attribute in missing_attributes(connection))
        return format_html(
            "{}{}{}",
            state_tag(words),
            format_html('<div class="crm-reason">{}</div>', reason) if reason else "",
            (
                format_html('<div class="crm-reason">Not mapped yet: {}</div>', missing)
                if missing
                else ""
            ),
        )


class NeedsAttentionColumn(Column):
    def get_value(self, connection: Connection) -> int | str:
        number = connection.needs_attention
        return format_html('<span class="crm-alert">{}</span>', number) if number else 0


class LastDeliveryColumn(DateColumn):
    cell_template_name = "integrations/last_delivery_cell.html"


class ConnectionsView(generic.IndexView):
    model = Connection
    permission_policy = policy
    page_title = "CRM"
    header_icon = "link"
    index_url_name = "crm:index"
    add_url_name = "crm:choose"
    add_item_label = "Connect a CRM"
    template_name = "integrations/connections.html"
    results_template_name = "integrations/connections_results.html"
    default_ordering = "name"
    columns = [
        TitleColumn(
            "name",
            get_url=lambda connection: reverse("crm:connection", args=[connection.pk]),
            width="24%",
        ),
        Column("kind", label="Kind", accessor=lambda connection: kinds.label(connection.kind)),
        StateColumn("state", label="State", width="24%"),
        Column("waiting", label="Waiting"),
        Column("delivered", label="Delivered"),
        NeedsAttentionColumn("needs_attention", label="Needs attention"),
        LastDeliveryColumn("last_delivery", label="Last delivery"),
    ]

    def get_base_queryset(self) -> QuerySet:
        # Without secrets: a list has no business with them.
        return with_counts(super().get_base_queryset().defer("secrets"))
