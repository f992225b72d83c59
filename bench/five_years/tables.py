"""Every table that has rows, and what bounds it. A table that nobody has thought of is a failure.

`most` is how many rows a retailer's table (or the public schema's) may have at the end of a plan;
None where the rows are the product's own: they grow with what shoppers and staff do, by design.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

from .plan import Plan

SIGN_UP = "a sign-up's, for as long as the retailer keeps it"
STAFF = "what staff make and publish"
SETUP = "set up once"
STRIPE = "an object at Stripe"
OBJECTS = 15  # of Stripe's mirror, for each invoice, at the most


@dataclass(frozen=True)
class Bound:
    words: str
    most: Callable[[Plan], float] | None = None


@dataclass(frozen=True)
class Table:
    """`rows` of the retailer that has most; `kilobytes` of all retailers, indexes included."""

    name: str
    of: str  # retailer, public
    rows: int
    all_rows: int
    kilobytes: float

    @property
    def bound(self) -> Bound | None:
        return BOUNDS.get(self.name)


def lived(plan: Plan, days: float) -> float:
    """How many days of a plan's last so many are lived; one more for the edges."""
    return 1 + sum(day >= plan.last - days for day in plan.days)


def signups(plan: Plan, days: float) -> float:
    """A retailer's of the last so many days. Each may be tried a few times."""
    return 4 * plan.a_day * lived(plan, days)


BOUNDS: dict[str, Bound] = {
    # --- A retailer's schema
    "forms_app_signup": Bound(SIGN_UP),
    "forms_app_consent": Bound(SIGN_UP),
    "integrations_delivery": Bound(SIGN_UP),
    "integrations_remotelink": Bound("a person with a sign-up that is kept, and a connection"),
    "integrations_attempt": Bound(
        "DELIVERY_LOG_DAYS", lambda plan: signups(plan, settings.DELIVERY_LOG_DAYS + 2)
    ),
    "integrations_mail": Bound("30 days; told once: 400", lambda plan: 60),
    "integrations_connection": Bound(STAFF),
    "forms_app_formversion": Bound(STAFF),
    "forms_app_store": Bound(STAFF),
    "forms_app_tablet": Bound(STAFF),
    "forms_app_signuppage": Bound(STAFF),
    "forms_app_homepage": Bound(SETUP),
    "forms_app_brand": Bound(SETUP),
    "forms_app_retention": Bound(SETUP),
    "forms_app_tabletsettings": Bound(SETUP),
    "forms_app_sealingkey": Bound("a key, changed by a command"),
    "wagtailcore_revision": Bound(STAFF),
    "wagtailcore_pagelogentry": Bound(STAFF),
    "wagtailcore_modellogentry": Bound(STAFF),
    "wagtailcore_referenceindex": Bound(STAFF),
    "wagtailcore_page": Bound(STAFF),
    "wagtailsearch_indexentry": Bound("a page"),
    "wagtailusers_userprofile": Bound("a person"),
    "users_user": Bound("a person"),
    "users_user_groups": Bound("a person"),
    # --- Both
    "django_session": Bound("SESSION_COOKIE_AGE", lambda plan: 10 * lived(plan, 16)),
    "usersessions_usersession": Bound("a session", lambda plan: 10 * lived(plan, 16)),
    "django_migrations": Bound("a migration"),
    "django_content_type": Bound("a model"),
    "auth_permission": Bound("a model"),
    "auth_group": Bound(SETUP),
    "auth_group_permissions": Bound(SETUP),
    "wagtailcore_site": Bound(SETUP),
    "wagtailcore_locale": Bound(SETUP),
    "wagtailcore_collection": Bound(SETUP),
    "wagtailcore_groupcollectionpermission": Bound(SETUP),
    "wagtailcore_grouppagepermission": Bound(SETUP),
    "wagtailcore_task": Bound(SETUP),
    "wagtailcore_workflow": Bound(SETUP),
    "wagtailcore_workflowpage": Bound(SETUP),
    "wagtailcore_workflowtask": Bound(SETUP),
    "wagtailcore_groupapprovaltask": Bound(SETUP),
    "wagtailcore_groupapprovaltask_groups": Bound(SETUP),
    # --- public
    "tenants_retailer": Bound("a retailer", lambda plan: plan.retailers + 1),
    "tenants_domain": Bound("a retailer", lambda plan: plan.retailers),
    "tenants_retailerfigures": Bound("a retailer", lambda plan: plan.retailers),
    "tenants_taskoutcome": Bound("a retailer and a task", lambda plan: 6 * plan.retailers),
    "tenants_platformbackup": Bound("one", lambda plan: 1),
    "tenants_schematemplate": Bound("one", lambda plan: 1),
    "tenants_onboarding": Bound("30 days", lambda plan: 0),
    "tenants_publicmail": Bound("30 days", lambda plan: 5),
    "tenants_auditentry": Bound("for ever: what was done to a retailer, and by whom"),
    "tenants_supportvisit": Bound("for ever: who came into a retailer's admin, and why"),
    "tenants_landingpage": Bound(SETUP),
    "tenants_pricingpage": Bound(SETUP),
    "billing_usageday": Bound(
        "a day of a retailer: what the bill is made of",
        lambda plan: plan.retailers * (len(plan.days) + 3) + 200,
    ),
    "billing_checked": Bound("a retailer", lambda plan: plan.retailers),
    "billing_receivedevent": Bound(
        "60 days", lambda plan: plan.retailers * OBJECTS * lived(plan, 62)
    ),
    "billing_drift": Bound("400 days", lambda plan: plan.retailers * 400),
    "djstripe_customer": Bound(STRIPE, lambda plan: plan.retailers + 1),
    "djstripe_subscription": Bound(STRIPE, lambda plan: plan.retailers + 1),
    "djstripe_subscriptionitem": Bound(STRIPE, lambda plan: 2 * plan.retailers + 2),
    "djstripe_invoice": Bound(STRIPE, lambda plan: plan.retailers * (plan.last / 28 + 3)),
    "djstripe_product": Bound(STRIPE, lambda plan: 20),
    "djstripe_price": Bound(STRIPE, lambda plan: 60),
    "djstripe_account": Bound(STRIPE, lambda plan: 1),
}


def measured(schemas: Iterable[str]) -> list[Table]:
    """Tables with rows, the largest first."""
    found: dict[tuple[str, str], list[tuple[int, float]]] = {}
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT schemaname, relname, pg_total_relation_size(relid) FROM pg_stat_user_tables"
            " WHERE schemaname = ANY(%s)",
            [["public", *schemas]],
        )
        for schema, name, size in cursor.fetchall():
            cursor.execute(f'SELECT count(*) FROM "{schema}"."{name}"')
            (rows,) = cursor.fetchone()
            of = "public" if schema == "public" else "retailer"
            found.setdefault((name, of), []).append((rows, size / 1024))
    tables = [
        Table(
            *(name, of, max(rows for rows, _ in each), sum(rows for rows, _ in each)),
            sum(size for _, size in each),
        )
        for (name, of), each in found.items()
    ]
    return sorted((t for t in tables if t.rows), key=lambda table: -table.kilobytes)


def beyond(tables: Iterable[Table], plan: Plan) -> list[str]:
    """What has no bound, or more rows than it says."""
    wrong = []
    for table in tables:
        bound = table.bound
        if bound is None:
            wrong.append(f"{table.name} ({table.of}): nobody has said what bounds it")
        elif bound.most is not None and table.rows > bound.most(plan):
            words = f"{table.rows} rows, not {bound.most(plan):.0f}"
            wrong.append(f"{table.name} ({table.of}): {words}")
    return wrong
