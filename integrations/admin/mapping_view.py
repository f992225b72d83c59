"""The mapping editor: which of our fields goes into which attribute of the CRM."""

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from wagtail.admin import messages
from wagtail.log_actions import log

from integrations.connectors.base import ConnectorError
from integrations.mapping import (
    MappingError,
    MappingRow,
    default_rows,
    rows_to_json,
    unmapped_required,
)
from integrations.models import Connection

from . import dry_run, states
from .access import ConnectionView
from .connection_page import signup_url
from .mapping_form import ANY_ID, MappingForm, Targets
from .mapping_rows import catalogue, rows_to_edit
from .probe import explain, probe


class MappingView(ConnectionView):
    """POST with `action`: save (or nothing), preview, or read the CRM's attributes again. The
    last two keep in the page what the retailer has chosen and not saved yet."""

    permission_required = "change"
    page_title = "What goes where"
    template_name = "integrations/mapping.html"

    def setup(self, request, *args, **kwargs) -> None:
        super().setup(request, *args, **kwargs)
        self.ours = catalogue()
        self.unreadable = False
        try:
            self.stored = self.object.rows
        except MappingError:
            self.unreadable = True
            self.stored = self.defaults()

    def defaults(self) -> tuple[MappingRow, ...]:
        return default_rows(self.object.described, self.object.connector_class.hints)

    def form(self, data=None) -> MappingForm:
        connector = self.object.connector_class
        targets = Targets(connector, self.object.described, self.stored)
        return MappingForm(
            data,
            initial=rows_to_edit(self.ours, self.stored),
            prefix="row",
            form_kwargs={"targets": targets, "ours": self.ours},
        )

    def get(self, request, pk) -> HttpResponse:
        return self.show(self.form(), self.stored)

    def post(self, request, pk) -> HttpResponse:
        action = request.POST.get("action", "save")
        if action == "read":
            self.read_again()
        form = self.form(request.POST)
        valid = form.is_valid()
        rows = form.rows if valid else self.stored
        if valid and action == "save":
            return self.save(rows)
        if not valid:
            messages.error(request, "Not saved yet: please look at what is marked below.")
        return self.show(form, rows, unsaved=True)

    def save(self, rows: tuple[MappingRow, ...]) -> HttpResponse:
        connection = self.object
        connection.mapping = rows_to_json(rows)
        connection.save(update_fields=["mapping"])
        log(instance=connection, action="wagtail.edit")
        if self.unreadable and states.stopped_by_the_crm(connection):
            states.change(connection, "resume")
        messages.success(self.request, "Saved. From now on sign-ups go where you said.")
        return redirect("crm:connection", connection.pk)

    def read_again(self) -> None:
        connection: Connection = self.object
        before = {attribute.name: attribute.label for attribute in connection.described}
        try:
            probed = probe(connection.kind, {**connection.config, **connection.secrets})
        except ConnectorError as error:
            messages.error(self.request, explain(error, connection.secrets)[1])
            return
        connection.attributes = probed.attributes_json()
        connection.save(update_fields=["attributes"])
        now = {attribute.name: attribute.label for attribute in probed.attributes}
        changes = [
            f"{word}: {', '.join(names)}."
            for word, names in (
                ("New", [text for name, text in now.items() if name not in before]),
                ("Gone", [text for name, text in before.items() if name not in now]),
            )
            if names
        ]
        news = " ".join(changes) or "Nothing has changed."
        messages.success(self.request, f"The CRM has {len(now)} attributes. {news}")

    def show(
        self, form: MappingForm, rows: tuple[MappingRow, ...], unsaved: bool = False
    ) -> HttpResponse:
        connector = self.object.connector_class
        attributes = self.object.described
        signup = None
        if self.request.user.has_perm("forms_app.view_signup"):
            signup = dry_run.newest_signup()
        data = signup.as_data() if signup else dry_run.samples(self.ours)
        targets = form.form_kwargs["targets"]
        return self.render_to_response(
            self.get_context_data(
                connection=self.object,
                form=form,
                ours=[row for row in form if row.our_field.on_a_page],
                others=[row for row in form if not row.our_field.on_a_page],
                missing=unmapped_required(rows, attributes),
                any_attribute=connector.any_attribute,
                suggestions=targets.suggestions,
                suggestions_id=ANY_ID,
                unreadable=self.unreadable,
                record=dry_run.table(data, rows, attributes, not connector.any_attribute),
                signup=signup,
                signup_url=signup_url(signup.pk) if signup else "",
                has_unsaved_changes=unsaved,
                back_url=reverse("crm:connection", args=[self.object.pk]),
            )
        )
