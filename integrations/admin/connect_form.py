"""The form by which a CRM is connected: what its connector asks for, and a name.

It is valid only if the CRM answered and let us in.
"""

from urllib.parse import urlsplit

from django import forms
from django.db import transaction
from wagtail.log_actions import log

from integrations.connectors.base import ConfigField, ConnectorError
from integrations.mapping import default_rows, rows_to_json
from integrations.models import Connection

from .kinds import SUGGESTED
from .probe import Probed, explain, probe
from .states import change, hurry, stopped_by_the_crm

PREFIX = "config_"  # a connector's field may be called name, too


class AddressField(forms.CharField):
    """Any address the gate for outbound HTTP can judge; https unless something else is said.

    Not Django's URLField: it refuses hosts without a dot, which a demo in containers has.
    """

    widget = forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"})

    def to_python(self, value):
        value = super().to_python(value)
        return f"https://{value}" if value and "://" not in value else value


class ConnectForm(forms.Form):
    name = forms.CharField(max_length=100, help_text="How you recognise it in the list.")

    def __init__(self, *args, connection: Connection, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.is_new = connection.pk is None
        self.connector_class = connection.connector_class
        self.probed: Probed | None = None
        self.fields["name"].initial = connection.name or self.connector_class.label
        for field in self.connector_class.config_fields:
            self.fields[PREFIX + field.name] = self._form_field(field)

    def _form_field(self, field: ConfigField) -> forms.Field:
        options = {"label": field.label, "help_text": field.help, "required": field.required}
        if field.secret:
            return self._secret_field(field, options)
        stored = self.connection.config.get(field.name, "")
        kind = AddressField if field.kind == "url" else forms.CharField
        return kind(max_length=500, initial=stored, **options)

    def _secret_field(self, field: ConfigField, options: dict) -> forms.Field:
        """Write-only: what is stored is never put into a page."""
        new = SUGGESTED.get((self.connection.kind, field.name))
        if self.is_new and new:
            # Ours to give, so it has to be seen once: not stored yet, and never shown again.
            options["help_text"] = (
                "We made this one for you. Copy it to the receiver now: it isn't shown again."
            )
            widget = forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"})
            return forms.CharField(max_length=2000, initial=new, widget=widget, **options)
        if self.connection.secrets.get(field.name):
            options["required"] = False
            options["help_text"] = "Stored safely. Leave it empty to keep it."
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        return forms.CharField(max_length=2000, widget=widget, **options)

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        self.config, self.secrets, kept = {}, {}, []
        for field in self.connector_class.config_fields:
            value = cleaned[PREFIX + field.name]
            if not field.secret:
                self.config[field.name] = value
                continue
            stored = self.connection.secrets.get(field.name, "")
            self.secrets[field.name] = value or stored
            if stored and not value:
                kept.append(field)
        if kept and self._moved():
            # Else whoever may edit a connection could have its key sent to a server of theirs.
            message = "The address leads somewhere else now: please enter this again."
            for field in kept:
                self.add_error(PREFIX + field.name, message)
        else:
            self._probe()
        return cleaned

    def _moved(self) -> bool:
        def origin(address: str) -> tuple[str, str]:
            parts = urlsplit(address)
            return parts.scheme.lower(), parts.netloc.lower()

        return any(
            origin(self.config[field.name]) != origin(self.connection.config.get(field.name, ""))
            for field in self.connector_class.config_fields
            if field.kind == "url"
        )

    def _probe(self) -> None:
        try:
            self.probed = probe(self.connection.kind, {**self.config, **self.secrets})
        except ConnectorError as error:
            kind, message = explain(error, self.secrets)
            names = [f.name for f in self.connector_class.config_fields if f.kind == kind]
            self.add_error(PREFIX + names[0] if names else None, message)

    def save(self) -> Connection:
        connection = self.connection
        connection.name = self.cleaned_data["name"]
        connection.config, connection.secrets = self.config, self.secrets
        connection.attributes = self.probed.attributes_json()
        if self.is_new:
            hints = self.connector_class.hints
            connection.mapping = rows_to_json(default_rows(self.probed.attributes, hints))
        with transaction.atomic():
            # Named, because a delivery may write the connection's state at the same time.
            written = ["name", "config", "secrets", "attributes"]
            connection.save(update_fields=None if self.is_new else written)
            log(instance=connection, action="wagtail.create" if self.is_new else "wagtail.edit")
            if not self.is_new:
                self._go_on()
        return connection

    def _go_on(self) -> None:
        """What the old credentials or address had stopped goes on by itself."""
        self.connection.refresh_from_db(fields=["state", "state_reason"])
        if stopped_by_the_crm(self.connection):
            change(self.connection, "resume")
        elif self.connection.state == Connection.State.ACTIVE:
            hurry(self.connection)
