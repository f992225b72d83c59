"""The mapping editor: which of our fields goes into which attribute of the CRM."""

from dataclasses import replace

from django.db import transaction
from django.http import HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from wagtail.admin import messages
from wagtail.log_actions import log

from integrations import drift
from integrations.connectors.base import ConnectorError
from integrations.consent_rows import ConsentRow, consents_to_json
from integrations.mapping import (
    MappingError,
    MappingRow,
    default_rows,
    map_signup,
    rows_to_json,
    unmapped_required,
)
from integrations.models import Connection
from integrations.sources import home_country, our_fields

from . import consent_form, dry_run, mapping_form, states
from .access import ConnectionView
from .connection_page import signup_url
from .consent_form import ConsentForm, our_consent_lines
from .consent_lists import has_lists, lists_of
from .mapping_conflict import differences, fingerprint
from .mapping_form import MappingForm
from .mapping_rows import catalogue, rows_to_edit
from .mapping_sections import sections, with_row, without_row
from .mapping_targets import LIST_ID, Targets
from .operations import current_probe
from .probe import explain

ROWS, CONSENTS = "row", "consent"  # the prefixes of the two parts of the form
NOT_SAVED = "Not saved yet: please look at what is marked below."


class MappingView(ConnectionView):
    """POST with `action`: save (or nothing), preview, add or remove a row, or read the CRM's
    attributes again. All but the first keep in the page what was chosen and not saved yet."""

    permission_required = "change"
    page_title = "What goes where"
    template_name = "integrations/mapping.html"

    def setup(self, request, *args, **kwargs) -> None:
        super().setup(request, *args, **kwargs)
        self.ours = catalogue()
        self.lines = our_consent_lines()
        self.has_lists = has_lists(self.object.connector_class)
        self.unreadable = False
        try:
            self.stored, self.consents = self.object.rows, self.object.consent_rows
        except MappingError:
            self.unreadable = True
            self.stored, self.consents = self.defaults(), ()
        self.signup = None
        if request.user.has_perm("forms_app.view_signup"):
            self.signup = dry_run.newest_signup()
        self.data = self.signup.as_data() if self.signup else dry_run.samples(self.ours)

    def defaults(self) -> tuple[MappingRow, ...]:
        hints = self.object.connector_class.hints
        return default_rows(self.object.described, hints, our_fields())

    # --- The two parts of the form ---

    def mapping_form(self, data: QueryDict | None = None) -> MappingForm:
        targets = Targets(self.object.connector_class, self.object.described, self.stored)
        said = dry_run.said(self.data, self.ours) if self.signup else {}
        shown = {
            source: replace(field, sample=said.get(source, field.sample), said=source in said)
            for source, field in self.ours.items()
        }
        rows = rows_to_edit(self.ours, self.stored, targets.required)
        return MappingForm(
            data,
            initial=None if data else mapping_form.initial(rows, targets, shown),
            prefix=ROWS,
            form_kwargs={
                "targets": targets,
                "ours": shown,
                "stored": self.stored,
                "country": home_country(),
            },
        )

    def consent_form(self, data: QueryDict | None = None, afresh: bool = False) -> ConsentForm:
        lists, self.lists_error = lists_of(self.object, afresh)
        self.lists = {one.id: one.label for one in lists}
        return ConsentForm(
            data,
            initial=None if data else consent_form.initial(self.lines, self.consents),
            prefix=CONSENTS,
            form_kwargs={"lines": self.lines, "targets": lists, "stored": self.consents},
        )

    # --- Requests ---

    def get(self, request, pk) -> HttpResponse:
        return self.show(self.mapping_form(), self.consent_form(), self.stored, self.consents)

    def post(self, request, pk) -> HttpResponse:
        action, _, what = request.POST.get("action", "save").partition(":")
        data = request.POST
        if action == "read":
            self.read_again()
        elif action == "add":
            self.added = f"{ROWS}-{data.get(f'{ROWS}-TOTAL_FORMS', '')}"
            data = with_row(data, ROWS, source=data.get("add_source", ""))
        elif action == "add_list":
            data = with_row(data, CONSENTS, consent=what)
        elif action == "remove":
            data = without_row(data, ROWS, what)
        form = self.mapping_form(data)
        consents = self.consent_form(data if self.has_lists else None, afresh=action == "read")
        if form.is_valid() & (consents.is_valid() or not self.has_lists):
            consent_rows = consents.rows if self.has_lists else self.consents
            if action == "save" and self.save(form, consent_rows):
                return redirect("crm:connection", pk)
            return self.show(form, consents, form.rows, consent_rows, unsaved=True)
        if action == "save":
            messages.error(request, NOT_SAVED)
        rows = getattr(form, "rows", self.stored)
        return self.show(form, consents, rows, self.consents, unsaved=True)

    def save(self, form: MappingForm, consent_rows: tuple[ConsentRow, ...]) -> bool:
        """False if somebody saved something else since this page was opened."""
        mapping = rows_to_json(form.rows)
        with transaction.atomic():
            connection = Connection.objects.select_for_update().get(pk=self.object.pk)
            if self.request.POST.get("version") != fingerprint(connection):
                self.object.mapping = connection.mapping
                self.object.consents = connection.consents
                self.conflict = differences(
                    connection.mapping, mapping, form.form_kwargs["targets"], self.ours
                )
                messages.error(self.request, "Not saved yet: it was changed elsewhere meanwhile.")
                return False
            connection.mapping, connection.consents = mapping, consents_to_json(consent_rows)
            connection.drift = drift.after_saving(connection)
            connection.save(update_fields=["mapping", "consents", "drift"])
            log(instance=connection, action="wagtail.edit")
        if self.unreadable and states.stopped_by_the_crm(connection):
            states.change(connection, "resume")
        messages.success(self.request, "Saved. From now on sign-ups go where you said.")
        return True

    def read_again(self) -> None:
        connection: Connection = self.object
        before = {attribute.name: attribute.label for attribute in connection.described}
        try:
            probed = current_probe(connection)
        except ConnectorError as error:
            messages.error(self.request, explain(error, connection.secrets)[1])
            return
        drift.take_over(connection, probed.attributes)
        connection.save(update_fields=["attributes", "drift"])
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

    conflict: list[str] | None = None
    added = ""  # the row that was added just now

    def show(
        self,
        form: MappingForm,
        consents: ConsentForm,
        rows: tuple[MappingRow, ...],
        consent_rows: tuple[ConsentRow, ...],
        unsaved: bool = False,
    ) -> HttpResponse:
        connector, attributes = self.object.connector_class, self.object.described
        targets: Targets = form.form_kwargs["targets"]
        record = map_signup(self.data, rows, attributes, consent_rows)
        for row in form:
            row.left_out = record.left_out.get(row.attribute_name, "")
        return self.render_to_response(
            self.get_context_data(
                connection=self.object,
                version=fingerprint(self.object),
                form=form,
                consents=consents,
                has_lists=self.has_lists,
                lists_error=self.lists_error,
                sections=sections(form),
                addable=list(self.ours.values()),
                missing=unmapped_required(rows, attributes),
                any_attribute=connector.any_attribute,
                offered=targets.offered(),
                list_id=LIST_ID,
                for_script=targets.for_script(),
                unreadable=self.unreadable,
                conflict=self.conflict,
                added=self.added,
                record=dry_run.table(record, attributes, targets.modes_apply),
                record_consents=dry_run.consents_in_words(record, self.lists),
                signup=self.signup,
                signup_url=signup_url(self.signup.pk) if self.signup else "",
                has_unsaved_changes=unsaved,
                back_url=reverse("crm:connection", args=[self.object.pk]),
            )
        )
