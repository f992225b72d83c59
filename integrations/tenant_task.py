"""The base of every task that works in a retailer's schema."""

from celery import Task
from django.db import connection
from django_tenants.utils import get_tenant_model, tenant_context


class UnknownSchema(LookupError):
    """The task names a schema that no retailer has (any more): it must not run anywhere else."""


class TenantTask(Task):
    """Takes `schema` by keyword, enters it for the body, and always comes back to public.

    Nothing falls back to the public schema: a schema that is unknown, gone or incomplete raises
    `UnknownSchema`. Libraries that do this for Celery fall back (docs/architecture.md).
    """

    abstract = True
    typing = False  # Celery would compare the call with the body's arguments, which lack `schema`

    def __call__(self, *args, schema: str, **kwargs):
        connection.set_schema_to_public()
        retailer = get_tenant_model().objects.filter(schema_name=schema, schema_problem="").first()
        if retailer is None:
            raise UnknownSchema(schema)
        try:
            with tenant_context(retailer):
                return super().__call__(*args, **kwargs)
        finally:
            connection.set_schema_to_public()
