"""What can be done to a connection at the press of a button. Each is one POST."""

from functools import partial

from django.db import connection as database, transaction
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from wagtail.admin import messages
from wagtail.log_actions import log

from integrations import doorbell, outbox, tokens
from integrations.connectors.base import ConnectorError, CredentialsRefused
from integrations.mapping import MappingError
from integrations.models import Connection
from integrations.tasks import http

from . import states
from .access import ConnectionView
from .connection_page import stuck
from .probe import Probed, explain, probe


def current_probe(connection: Connection) -> Probed:
    """Who we are to the CRM right now. Raises ConnectorError."""
    return probe(connection.kind, {**connection.config, **tokens.fresh(connection, http())})


class Operation(ConnectionView):
    permission_required = "change"
    http_method_names = ["post"]

    def post(self, request, pk) -> HttpResponse:
        self.perform(self.object)
        return redirect("crm:connection", pk)

    def say(self, text: str) -> None:
        messages.success(self.request, text)


class PauseView(Operation):
    def perform(self, connection: Connection) -> None:
        if states.change(connection, "pause"):
            self.say("Paused. New sign-ups wait here until you resume.")


class ResumeView(Operation):
    """Asks the CRM first: what it still refuses stays paused."""

    def perform(self, connection: Connection) -> None:
        try:
            connection.rows
            current_probe(connection)
        except MappingError:
            messages.error(self.request, "First choose what goes where: it can't be read.")
            return
        except CredentialsRefused as error:
            messages.error(self.request, f"Not resumed. {explain(error, connection.secrets)[1]}")
            return
        except ConnectorError:
            # It may be down just now: that is what tries and gaps are for.
            pass
        if states.change(connection, "resume"):
            self.say("It goes on: whatever was waiting is on its way.")


class ResendView(Operation):
    """Everything that needs attention is sent again, as if it were new."""

    def perform(self, connection: Connection) -> None:
        with transaction.atomic():
            waiting = stuck(connection)
            number = waiting.count()
            outbox.resend(waiting)
            if number:
                log(instance=connection, action="crm.resend")
            if connection.state == states.ACTIVE:
                ring = partial(doorbell.ring, database.schema_name, [connection.pk])
                transaction.on_commit(ring)
        sign_ups = "1 sign-up" if number == 1 else f"{number} sign-ups"
        if connection.state == states.ACTIVE:
            self.say(f"Sending {sign_ups} again.")
        else:
            self.say(f"Sending {sign_ups} again as soon as the connection is resumed.")


class CheckView(Operation):
    """Asks the CRM who we are to it. Changes nothing."""

    def perform(self, connection: Connection) -> None:
        try:
            probed = current_probe(connection)
        except ConnectorError as error:
            messages.error(self.request, explain(error, connection.secrets)[1])
        else:
            self.say(probed.sentence())


class SwitchOffView(ConnectionView):
    """Asks first: sign-ups that arrive while it is off are not sent later."""

    permission_required = "delete"
    page_title = "Switch off"
    template_name = "integrations/switch_off.html"

    def get(self, request, pk) -> HttpResponse:
        return self.render_to_response(
            self.get_context_data(
                connection=self.object, back_url=reverse("crm:connection", args=[pk])
            )
        )

    def post(self, request, pk) -> HttpResponse:
        if states.change(self.object, "switch_off"):
            messages.success(request, f"{self.object.name} is switched off.")
        return redirect("crm:connection", pk)
