"""The operator's list of retailers."""

from django.contrib.admin import SimpleListFilter
from django.db import connection
from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.timezone import localtime
from wagtail_modeladmin.helpers import ButtonHelper, PermissionHelper
from wagtail_modeladmin.options import ModelAdmin
from wagtail_modeladmin.views import IndexView

from . import offers
from .console_parts import bills_of
from .models import Retailer

FORMULA = ("=", "+", "-", "@", "\t", "\r")
NONE = "–"


class ConsoleOnly(PermissionHelper):
    """Nobody on a retailer's host, not even a superuser of that schema, sees these."""

    def user_can_list(self, user):
        return connection.schema_name == "public" and super().user_can_list(user)

    def user_can_create(self, user):
        # Not by modeladmin's form: retailers are made by tenants.provisioning (RetailerButtons).
        return False

    def user_can_edit_obj(self, user, obj):
        return False

    def user_can_delete_obj(self, user, obj):
        return False

    def user_can_inspect_obj(self, user, obj):
        return connection.schema_name == "public" and super().user_can_inspect_obj(user, obj)


class RetailerButtons(ButtonHelper):
    """None: the name leads to our own page of the retailer."""

    def get_buttons_for_obj(self, obj, *args, **kwargs):
        return []


class StateFilter(SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        return [choice for choice in Retailer.State.choices if choice[0] != "template"]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        return queryset.filter(state=self.value()) if self.value() else queryset


class NeedsFilter(SimpleListFilter):
    title = "what needs a look"
    parameter_name = "needs"
    QUERIES = {
        "problem": ("Not served", lambda found: found.exclude(schema_problem="")),
        "behind": ("Schema behind", lambda found: found.filter(counted__migrations_lacking__gt=0)),
        "refused": ("CRM refuses", lambda found: found.filter(counted__crm_refused__gt=0)),
        "waiting": (
            "Sign-ups waiting",
            lambda found: found.filter(counted__oldest_undelivered_at__isnull=False),
        ),
        "mails": (
            "Mails failing",
            lambda found: found.filter(counted__mails_failing_since__isnull=False),
        ),
        "offline": ("Tablets offline", lambda found: found.filter(counted__tablets_offline__gt=0)),
    }

    def lookups(self, request, model_admin):
        return [(key, label) for key, (label, _) in self.QUERIES.items()]

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        if self.value() in self.QUERIES:
            return self.QUERIES[self.value()][1](queryset)
        return queryset


class PlanFilter(SimpleListFilter):
    """What was wished for at onboarding."""

    title = "wished plan"
    parameter_name = "plan"

    def lookups(self, request, model_admin):
        return offers.on_offer().choices()

    def queryset(self, request, queryset: QuerySet) -> QuerySet:
        return queryset.filter(plan=self.value()) if self.value() else queryset


class RetailerList(IndexView):
    """Bills of the retailers on this page come with a fixed number of queries for all of them."""

    def get_context_data(self, *args, **kwargs) -> dict:
        context = super().get_context_data(*args, **kwargs)
        shown = list(context["object_list"])
        add_bills(shown)
        context["object_list"] = self.object_list = shown
        return context

    def stream_csv(self, queryset):
        return super().stream_csv(with_bills(queryset))

    def write_xlsx(self, queryset, output):
        return super().write_xlsx(with_bills(queryset), output)

    def to_row_dict(self, item: Retailer) -> dict:
        # A shop chooses its own name, and a spreadsheet would run it.
        return {
            key: f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
            for key, value in super().to_row_dict(item).items()
        }


def add_bills(retailers: list[Retailer]) -> None:
    bills = bills_of(retailers)
    for retailer in retailers:
        retailer.bill = bills.get(retailer.pk)


def with_bills(queryset: QuerySet) -> list[Retailer]:
    found = list(queryset)
    add_bills(found)
    return found


def day(moment) -> str:
    return f"{localtime(moment):%-d %b %Y}"


class RetailerAdmin(ModelAdmin):
    model = Retailer
    menu_label = "Retailers"
    menu_icon = "group"
    menu_order = 100
    add_to_admin_menu = True
    permission_helper_class = ConsoleOnly
    button_helper_class = RetailerButtons
    index_view_class = RetailerList
    index_template_name = "tenants/retailers.html"
    list_display = (
        *("who", "address", "state_label", "plan_label", "trial_end", "signups"),
        *("oldest", "tablets", "crm", "schema"),
    )
    list_filter = (StateFilter, NeedsFilter, PlanFilter)
    list_select_related = ("counted",)
    list_per_page = 50
    search_fields = ("name", "slug", "owner_email", "domains__domain")
    list_export = (
        *("name", "slug", "host", "state", "owner_email", "country", "language", "plan_label"),
        *("trial_end", "signups", "waiting_since", "tablets", "crm", "lacking"),
        *("schema_name", "created_at"),
    )
    inspect_view_enabled = True
    history_view_enabled = False  # modeladmin asks for no permission there

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(state=Retailer.State.TEMPLATE)

    def who(self, retailer: Retailer) -> str:
        return format_html(
            '<a href="{}"><b>{}</b></a><br><small>{}</small>',
            reverse("retailer_detail", args=[retailer.pk]),
            retailer.name,
            retailer.owner_email,
        )

    who.short_description = "Name"
    who.admin_order_field = "name"

    def address(self, retailer: Retailer) -> str:
        shown = retailer.primary_host or retailer.slug
        return format_html('<a href="{}">{}</a>', retailer.url, shown)

    address.admin_order_field = "slug"

    def state_label(self, retailer: Retailer) -> str:
        shown = format_html(
            '<span class="state state--{}">{}</span>',
            retailer.state,
            retailer.get_state_display(),
        )
        if retailer.schema_problem:
            return format_html("{}<br><strong>{}</strong>", shown, retailer.schema_problem)
        return shown

    state_label.short_description = "State"
    state_label.admin_order_field = "state"

    def plan_label(self, retailer: Retailer) -> str:
        return (retailer.bill and retailer.bill.plan) or NONE

    plan_label.short_description = "Plan"
    plan_label.admin_order_field = "plan"

    def trial_end(self, retailer: Retailer) -> str:
        ends = retailer.bill and retailer.bill.trial_ends
        return day(ends) if ends else NONE

    trial_end.short_description = "Trial ends"
    trial_end.admin_order_field = "created_at"

    def signups(self, retailer: Retailer) -> str:
        return f"{counted.signups_30_days:,}" if (counted := counts(retailer)) else NONE

    signups.short_description = "Sign-ups in 30 days"
    signups.admin_order_field = "counted__signups_30_days"

    def oldest(self, retailer: Retailer) -> str:
        counted = counts(retailer)
        if counted is None or counted.oldest_undelivered_at is None:
            return NONE
        return f"{localtime(counted.oldest_undelivered_at):%-d %b %H:%M}"

    oldest.short_description = "Oldest undelivered"
    oldest.admin_order_field = "counted__oldest_undelivered_at"

    def tablets(self, retailer: Retailer) -> str:
        counted = counts(retailer)
        if counted is None or not counted.tablets:
            return NONE
        return f"{counted.tablets_offline} of {counted.tablets}"

    tablets.short_description = "Tablets offline"
    tablets.admin_order_field = "counted__tablets_offline"

    def crm(self, retailer: Retailer) -> str:
        counted = counts(retailer)
        return (counted and counted.crm_state) or NONE

    crm.short_description = "CRM"
    crm.admin_order_field = "counted__crm_state"

    def schema(self, retailer: Retailer) -> str:
        counted = counts(retailer)
        if counted is None:
            return NONE
        lacking = counted.migrations_lacking
        return format_html("<strong>{} behind</strong>", lacking) if lacking else "current"

    schema.short_description = "Schema"
    schema.admin_order_field = "counted__migrations_lacking"

    def waiting_since(self, retailer: Retailer) -> str:
        counted = counts(retailer)
        oldest = counted and counted.oldest_undelivered_at
        return oldest.isoformat(timespec="seconds") if oldest else ""

    waiting_since.short_description = "Oldest undelivered"

    def lacking(self, retailer: Retailer) -> str:
        return f"{counted.migrations_lacking}" if (counted := counts(retailer)) else ""

    lacking.short_description = "Migrations lacking"


def counts(retailer: Retailer):
    """None until the first count, a few minutes after onboarding."""
    return getattr(retailer, "counted", None)
