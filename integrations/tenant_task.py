"""The base of every task that works in a retailer's schema."""

import time

from celery import Task
from django.db import connection
from django.dispatch import Signal
from django_tenants.utils import get_tenant_model, tenant_context

from .traces import in_short

FAN_OUT = "fan_out"  # the header of a message that integrations.fan_out has sent

# Sent in the public schema after each run that a fan-out asked for, with `schema`, `task` (its
# name), `seconds` and `problem` ("" if it went well). Nothing else could say so: Celery keeps no
# results here.
finished = Signal()


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
        if not (self.request.headers or {}).get(FAN_OUT):
            return self.run_in(schema, args, kwargs)
        started, problem = time.monotonic(), ""
        try:
            return self.run_in(schema, args, kwargs)
        except Exception as error:
            problem = in_short(error)
            raise
        finally:
            seconds = time.monotonic() - started
            finished.send_robust(
                type(self), schema=schema, task=self.name, seconds=seconds, problem=problem
            )

    def run_in(self, schema: str, args: tuple, kwargs: dict):
        connection.set_schema_to_public()
        retailer = get_tenant_model().objects.filter(schema_name=schema, schema_problem="").first()
        if retailer is None:
            raise UnknownSchema(schema)
        try:
            with tenant_context(retailer):
                return super().__call__(*args, **kwargs)
        finally:
            connection.set_schema_to_public()
