"""Connecting by the CRM's own page: away to it, and back again. See integrations.oauth."""

import secrets as random
import time
from urllib.parse import urlencode

from django.conf import settings
from django.db import connection as database
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django_tenants.utils import get_tenant_model
from wagtail.admin import messages

from integrations import oauth
from integrations.connectors.base import ConnectorError
from integrations.leaving import leave
from integrations.models import Connection
from integrations.tasks import http

from .access import ConnectionView, CrmView
from .connect_form import ConsentConnectForm
from .connecting import BUSY, Busy, store
from .probe import explain, probe

PENDING = "crm_oauth"  # in the session: what is under way to a CRM's page


class StartView(CrmView):
    """To the CRM's page, with a random word that only this session knows."""

    permission_required = "add"
    http_method_names = ["post"]

    def get_connection(self) -> Connection:
        return Connection(kind=self.kwargs["kind"])

    def post(self, request, *args, **kwargs) -> HttpResponse:
        connection = self.get_connection()
        if not oauth.client(connection.kind):
            raise Http404
        form = ConsentConnectForm(request.POST, connection=connection)
        back = back_to(connection)
        if not form.is_valid():
            for error in (one for errors in form.errors.values() for one in errors):
                messages.error(request, error)
            return redirect(back)
        word, verifier = random.token_urlsafe(24), random.token_urlsafe(48)
        try:
            url = oauth.authorize_url(
                connection.kind, form.config, database.schema_name, word, verifier
            )
        except ConnectorError as error:
            messages.error(request, error.message)
            return redirect(back)
        request.session[PENDING] = {
            "word": word,
            "verifier": verifier,
            "user": request.user.pk,
            "at": time.time(),
            "kind": connection.kind,
            "connection": connection.pk,
            "name": form.cleaned_data["name"],
            "config": form.config,
        }
        return leave(request, url)


class AgainView(StartView, ConnectionView):
    """The same for a connection that stands already: its permission was taken back, or ran out."""

    permission_required = "change"

    def get_connection(self) -> Connection:
        return self.object


def back_to(connection: Connection) -> str:
    if connection.pk:
        return reverse("crm:change", args=[connection.pk])
    return reverse("crm:connect", args=[connection.kind])


@never_cache
@require_GET
def callback(request: HttpRequest) -> HttpResponse:
    """On the operator's host, where every vendor sends people back to: on to the retailer who sent
    them, with the code sealed. Nobody is logged in here, and nothing is stored."""
    try:
        schema, word = oauth.opened_state(request.GET.get("state", ""))
    except oauth.Refused:
        return HttpResponseBadRequest(
            "This link is too old, or isn't ours. Please connect once more from your own admin.",
            content_type="text/plain",
        )
    retailer = get_tenant_model().objects.filter(schema_name=schema, schema_problem="").first()
    if retailer is None or not retailer.slug:
        raise Http404
    ticket = oauth.Ticket(
        schema, word, request.GET.get("code", "")[:2000], request.GET.get("error", "")[:100]
    )
    path = reverse("crm:oauth_finish", urlconf=settings.ROOT_URLCONF)
    return redirect(f"{retailer.url}{path}?{urlencode({'ticket': oauth.sealed(ticket)})}")


class FinishView(CrmView):
    """Back on the retailer's host. The word must be the one that waits in this session; it is taken
    out first, so that it serves once."""

    any_permission_required = ["add", "change"]
    http_method_names = ["get"]

    def get(self, request) -> HttpResponse:
        pending = request.session.pop(PENDING, None)
        request.session.save()
        ticket = self.ticket(pending)
        if ticket is None:
            messages.error(request, "This way back is no longer open. Please connect once more.")
            return redirect("crm:choose")
        try:
            connection = self.connection(pending)
        except (Connection.DoesNotExist, KeyError):
            raise Http404 from None
        connection.name, connection.config = pending["name"], pending["config"]
        if not ticket.code:
            said = ticket.error.replace("_", " ")
            words = (
                f"{connection.connector_class.label} didn't let us in{f': {said}' if said else ''}."
            )
            messages.error(request, words)
            return redirect(back_to(connection))
        return self.connect(connection, ticket, pending.get("verifier", ""))

    def ticket(self, pending: dict | None) -> oauth.Ticket | None:
        """What came back, if this person of this retailer sent it out, a moment ago."""
        try:
            ticket = oauth.opened(self.request.GET.get("ticket", ""))
        except oauth.Refused:
            return None
        if (
            pending is None
            or ticket.schema != database.schema_name
            or not random.compare_digest(ticket.word, pending["word"])
            or pending["user"] != self.request.user.pk
            or time.time() - pending["at"] > oauth.STATE_SECONDS
        ):
            return None
        return ticket

    def connection(self, pending: dict) -> Connection:
        if pending["connection"] is None:
            found = Connection(kind=pending["kind"])
        else:
            found = Connection.objects.get(pk=pending["connection"], kind=pending["kind"])
        if not self.may("change" if found.pk else "add") or not oauth.client(found.kind):
            raise KeyError(found.kind)
        return found

    def connect(self, connection: Connection, ticket: oauth.Ticket, verifier: str) -> HttpResponse:
        is_new = connection.pk is None
        secrets = {"code": ticket.code}
        try:
            tokens = oauth.exchange(
                connection.kind, connection.config, ticket.code, verifier, http()
            )
            secrets |= {name: one for name, one in tokens.items() if isinstance(one, str)}
            connection.secrets = tokens
            probed = probe(connection.kind, {**connection.config, **tokens})
        except ConnectorError as error:
            messages.error(self.request, explain(error, secrets)[1])
            return redirect(back_to(connection))
        try:
            store(connection, probed)
        except Busy:
            messages.error(self.request, BUSY)
            return redirect(back_to(connection))
        if is_new:
            words = "We have filled in what goes where: please look it over."
            messages.success(self.request, f"{probed.sentence()} {words}")
            return redirect("crm:mapping", connection.pk)
        messages.success(self.request, f"Saved. {probed.sentence()}")
        return redirect("crm:connection", connection.pk)
