"""Answers for probes, before tenant routing: kubelet uses the pod's address as Host."""

import logging

from django.db import DatabaseError, connection
from django.http import HttpResponse

log = logging.getLogger(__name__)


class HealthMiddleware:
    """`/healthz`: this process answers. `/readyz`: and reaches the database.

    Redis isn't asked: a shop goes on without it.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if request.path == "/healthz":
            return HttpResponse("ok", content_type="text/plain")
        if request.path == "/readyz":
            return self.ready()
        return self.get_response(request)

    def ready(self) -> HttpResponse:
        try:
            connection.set_schema_to_public()
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError as error:
            log.error("Not ready: %s", error)
            return HttpResponse("database", status=503, content_type="text/plain")
        return HttpResponse("ok", content_type="text/plain")
