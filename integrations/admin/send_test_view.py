"""The page of the test: what it does, then what became of it, and the end of its contact."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from wagtail.admin import messages
from wagtail.log_actions import log

from integrations import send_test
from integrations.connectors.base import ConnectorError
from integrations.mapping import MappingError

from . import dry_run
from .access import ConnectionView
from .connecting import whose
from .consent_lists import lists_of
from .mapping_rows import catalogue
from .probe import explain, redacted


class SendTestView(ConnectionView):
    """POST with `action`: send or delete. The result stays in the session, so that reloading the
    page sends nothing, and only the contact that the test made can be deleted."""

    permission_required = "change"
    page_title = "Send a test"
    template_name = "integrations/send_test.html"

    @property
    def session_key(self) -> str:
        return f"crm_test_{self.object.pk}"

    def get(self, request, pk) -> HttpResponse:
        result = request.session.get(self.session_key)
        attributes = {one.name: one for one in self.object.described}
        labels = {name: one.label for name, one in attributes.items()}
        shown = result and {
            **result,
            "lines": [
                {
                    "label": labels.get(line["attribute"], line["attribute"]),
                    "sent": dry_run.in_words(line["sent"]),
                    "held": "" if line["held"] is None else dry_run.in_words(line["held"]),
                    "same": line["same"],
                }
                for line in result["lines"]
            ],
            "left_out": [
                (labels.get(name, name), reason) for name, reason in result["left_out"].items()
            ],
            "lists": self.list_labels(result["lists"]),
            "different": sum(not line["same"] for line in result["lines"]),
        }
        connector = self.object.connector_class
        return self.render_to_response(
            self.get_context_data(
                connection=self.object,
                result=shown,
                link=self.link(result),
                can_read_back=connector.can_read_back,
                can_delete=connector.can_delete,
                email=request.user.email,
                back_url=reverse("crm:connection", args=[pk]),
            )
        )

    def link(self, result: dict | None) -> str:
        url = result["url"] if result else ""
        return url if url.startswith(("https://", "http://")) else ""

    def list_labels(self, targets: list[str]) -> list[str]:
        if not targets:
            return []
        labels = {one.id: one.label for one in lists_of(self.object)[0]}
        return [labels.get(target, target) for target in targets]

    def post(self, request, pk) -> HttpResponse:
        if request.POST.get("action") == "delete":
            self.delete()
        else:
            self.send()
        return redirect("crm:send_test", pk)

    def send(self) -> None:
        person = send_test.test_person(dry_run.samples(catalogue()), self.request.user.email)
        try:
            result = send_test.send(self.object, person)
        except MappingError:
            messages.error(self.request, "First choose what goes where: it can't be read.")
            return
        result.problem = redacted(result.problem, self.object.secrets)
        result.unread = redacted(result.unread, self.object.secrets)
        self.request.session[self.session_key] = {
            **result.to_json(),
            "whose": whose(self.object),
        }
        log(instance=self.object, action="crm.test")

    def delete(self) -> None:
        result = self.request.session.get(self.session_key)
        # In another account that number is somebody else's.
        there = result and result.get("whose") == whose(self.object)
        if not there or not result["can_delete"]:
            messages.error(self.request, "There is no test contact to delete.")
            return
        try:
            send_test.delete(self.object, result["remote_id"])
        except ConnectorError as error:
            messages.error(self.request, explain(error, self.object.secrets)[1])
            return
        del self.request.session[self.session_key]
        messages.success(self.request, "The test contact is deleted.")
