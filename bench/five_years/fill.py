"""One retailer made as large as a busy one after five years, by SQL: only to look at its pages.

What it has is copied, with other ids, people and moments, until it has so many sign-ups.
"""

from django.db import connection
from django_tenants.utils import tenant_context

from .shops import Shop

OTHER = "md5(t.{}::text || g)::uuid"
EARLIER = "- (g %% 5) * interval '1 day' - g * interval '7 minutes'"


def fill(shop: Shop, total: int) -> int:
    """Returns how many sign-ups there are then."""
    with tenant_context(shop.retailer), connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM forms_app_signup")
        (there,) = cursor.fetchone()
        times = max(0, -(-total // there) - 1)
        signup = {
            "id": OTHER.format("id"),
            "email": "'c' || g || '.' || t.email",
            "received_at": f"t.received_at {EARLIER}",
            "submitted_at": f"t.submitted_at {EARLIER}",
        }
        of = {"signup_id": OTHER.format("signup_id")}
        copy(cursor, "forms_app_signup", signup, times)
        copy(cursor, "forms_app_consent", of, times)
        copy(cursor, "integrations_delivery", {**of, "claim": "NULL"}, times)
        link = {"identity": "replace(t.identity, ':', ':c' || g || '.')"}
        copy(cursor, "integrations_remotelink", link, times)
        cursor.execute(
            "INSERT INTO integrations_attempt"
            " (delivery_id, at, outcome, code, message, duration_ms, request, response)"
            " SELECT copied.id, a.at, a.outcome, a.code, a.message, a.duration_ms, a.request,"
            " a.response FROM integrations_attempt a"
            " JOIN integrations_delivery t ON t.id = a.delivery_id"
            " CROSS JOIN generate_series(1, %s) g"
            " JOIN integrations_delivery copied"
            f" ON copied.signup_id = {OTHER.format('signup_id')}",
            [times],
        )
        cursor.execute("ANALYZE")
        cursor.execute("SELECT count(*) FROM forms_app_signup")
        return cursor.fetchone()[0]


def copy(cursor, table: str, changed: dict[str, str], times: int) -> None:
    cursor.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name = %s AND is_identity = 'NO'",
        [table],
    )
    columns = [f'"{name}"' for (name,) in cursor.fetchall()]
    values = [changed.get(name.strip('"'), f"t.{name}") for name in columns]
    cursor.execute(
        f"INSERT INTO {table} ({', '.join(columns)})"
        f" SELECT {', '.join(values)} FROM {table} t, generate_series(1, %s) g",
        [times],
    )
