"""Connecting: choose the kind, fill in its form, be told who we are connected to."""

from django.http import Http404, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.text import slugify
from django.views.generic.edit import FormMixin, ProcessFormView
from wagtail.admin import messages

from integrations.models import Connection

from . import kinds
from .access import ConnectionView, CrmView
from .connect_form import ConnectForm, ConsentConnectForm
from .connecting import BUSY, Busy


class ChooseView(CrmView):
    permission_required = "add"
    page_title = "Connect your CRM"
    template_name = "integrations/choose.html"

    def get(self, request) -> HttpResponse:
        return self.render_to_response(self.get_context_data(kinds=kinds.offered()))


class _FormView(FormMixin, ProcessFormView):
    form_class = ConnectForm
    template_name = "integrations/connect.html"

    def form_valid(self, form: ConnectForm) -> HttpResponse:
        try:
            form.save()
        except Busy:
            form.add_error(None, BUSY)
            return self.form_invalid(form)
        messages.success(self.request, self.success_message(form))
        return redirect(self.next_name, form.connection.pk)

    def form_invalid(self, form: ConnectForm) -> HttpResponse:
        messages.error(self.request, "Not saved yet: please look at what is marked below.")
        return super().form_invalid(form)

    def get_context_data(self, **kwargs) -> dict:
        connection = kwargs.setdefault("form", self.get_form()).connection
        kind = kinds.kind(connection.kind)
        return super().get_context_data(
            connection=connection,
            kind=kind,
            guide=connection.connector_class.guide,
            consent_form=ConsentConnectForm(connection=connection) if kind.by_consent else None,
            oauth_url=self.oauth_url(connection) if kind.by_consent else "",
            **kwargs,
        )

    def oauth_url(self, connection: Connection) -> str:
        if connection.pk:
            return reverse("crm:oauth_again", args=[connection.pk])
        return reverse("crm:oauth_start", args=[connection.kind])


class ConnectView(_FormView, CrmView):
    """A new connection; the mapping, filled in already, is what comes next."""

    permission_required = "add"
    next_name = "crm:mapping"

    def setup(self, request, *args, **kwargs) -> None:
        super().setup(request, *args, **kwargs)
        self.kind = next((k for k in kinds.offered() if k.key == kwargs["kind"]), None)
        if self.kind is None:
            raise Http404

    def get_page_title(self) -> str:
        return self.kind.label

    def get_crumbs(self) -> list[dict]:
        return [{"url": reverse("crm:choose"), "label": "Connect"}]

    def get_form_kwargs(self) -> dict:
        return {**super().get_form_kwargs(), "connection": Connection(kind=self.kind.key)}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(
            heading=f"Connect {self.kind.label}",
            summary=self.kind.summary,
            submit_button_label="Connect",
            submit_button_active_label="Asking the CRM…",
            cancel_url=reverse("crm:choose"),
            **kwargs,
        )

    def success_message(self, form: ConnectForm) -> str:
        return f"{form.probed.sentence()} We have filled in what goes where: please look it over."


class DocumentView(ConnectionView):
    """A document of the connection as a file, to pass on. It holds no key."""

    permission_required = "change"

    def get(self, request, *args, **kwargs) -> HttpResponse:
        documents = {
            field.name
            for field in self.object.connector_class.config_fields
            if field.kind == "json" and not field.secret
        }
        name = kwargs["name"]
        if name not in documents:
            raise Http404
        answer = HttpResponse(
            self.object.config.get(name, ""), content_type="application/json; charset=utf-8"
        )
        file_name = f"{slugify(self.object.name) or self.object.kind}-{name}.json"
        answer["Content-Disposition"] = f'attachment; filename="{file_name}"'
        return answer


class ChangeView(_FormView, ConnectionView):
    """Name, address and key of a connection."""

    permission_required = "change"
    page_title = "Address and key"
    next_name = "crm:connection"

    def get_form_kwargs(self) -> dict:
        return {**super().get_form_kwargs(), "connection": self.object}

    def get_context_data(self, **kwargs) -> dict:
        return super().get_context_data(
            heading=self.object.name,
            summary="It is saved when the CRM has answered and let us in.",
            submit_button_label="Save",
            submit_button_active_label="Asking the CRM…",
            cancel_url=reverse("crm:connection", args=[self.object.pk]),
            documents=[
                (field.label, reverse("crm:document", args=[self.object.pk, field.name]))
                for field in self.object.connector_class.config_fields
                if field.kind == "json"
            ],
            **kwargs,
        )

    def success_message(self, form: ConnectForm) -> str:
        return f"Saved. {form.probed.sentence()}"
