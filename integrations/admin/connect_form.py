"""The form by which a CRM is connected: what its connector asks for, and a name.

It is valid only if the CRM answered and let us in.

Where the CRM's own page lets us in (integrations.oauth), `ConsentConnectForm` asks the rest.
"""

import re
from urllib.parse import urlsplit

from django import forms
from django.utils.html import format_html
from django.utils.safestring import SafeString

from integrations.connectors.base import ConfigField, ConnectorError
from integrations.models import Connection

from .connecting import store
from .kinds import SUGGESTED
from .probe import Probed, explain, probe

TOKENS = ("access_token", "refresh_token", "expires_at", "instance_url")
PREFIX = "config_"  # a connector's field may be called name, too


LARGEST_DOCUMENT = 50_000  # characters


class AddressField(forms.CharField):
    """Any address the gate for outbound HTTP can judge; https unless something else is said.

    Not Django's URLField: it refuses hosts without a dot, which a demo in containers has.
    """

    widget = forms.URLInput(attrs={"autocomplete": "off", "placeholder": "https://"})

    def to_python(self, value):
        value = super().to_python(value)
        return f"https://{value}" if value and "://" not in value else value


class DocumentWidget(forms.Textarea):
    """A text, and beside it a file that takes its place."""

    needs_multipart_form = True

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        return format_html(
            '{}<p class="crm-document"><label for="{id}_file">Or from a file</label> '
            '<input type="file" id="{id}_file" name="{name}_file" accept=".json"></p>',
            super().render(name, value, attrs, renderer),
            id=(attrs or {}).get("id", f"id_{name}"),
            name=name,
        )

    def value_from_datadict(self, data, files, name):
        chosen = files.get(f"{name}_file")
        if chosen is None:
            return super().value_from_datadict(data, files, name)
        return chosen.read(LARGEST_DOCUMENT + 1).decode("utf-8", "replace")

    def use_required_attribute(self, initial) -> bool:
        return False  # the file will do


class ConnectForm(forms.Form):
    asks_for_secrets = True
    name = forms.CharField(max_length=100, help_text="How you recognise it in the list.")

    def __init__(self, *args, connection: Connection, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.connection = connection
        self.is_new = connection.pk is None
        self.connector_class = connection.connector_class
        self.probed: Probed | None = None
        self.fields["name"].initial = connection.name or self.connector_class.label
        for field in self.config_fields:
            self.fields[PREFIX + field.name] = self._form_field(field)

    @property
    def config_fields(self) -> list[ConfigField]:
        fields = self.connector_class.config_fields
        return [field for field in fields if self.asks_for_secrets or not field.secret]

    def _form_field(self, field: ConfigField) -> forms.Field:
        options = {"label": field.label, "help_text": field.help, "required": field.required}
        if field.secret:
            return self._secret_field(field, options)
        options["initial"] = self.connection.config.get(field.name, field.suggest)
        if field.choices:
            return forms.ChoiceField(choices=field.choices, **options)
        if field.kind == "json":
            return forms.CharField(
                max_length=LARGEST_DOCUMENT,
                widget=DocumentWidget({"rows": 10, "spellcheck": "false"}),
                **options,
            )
        kind = AddressField if field.kind == "url" else forms.CharField
        return kind(max_length=500, **options)

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
        elif self._tokens():
            options["required"] = False
            options["help_text"] = (
                f"{self.connector_class.label} let us in itself: no key is needed."
            )
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        return forms.CharField(max_length=2000, widget=widget, **options)

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.errors:
            return cleaned
        self.config, self.secrets, kept, typed = {}, {}, [], False
        for field in self.config_fields:
            value = cleaned[PREFIX + field.name]
            if not field.secret:
                self.config[field.name] = value
                continue
            stored = self.connection.secrets.get(field.name, "")
            self.secrets[field.name] = value or stored
            typed = typed or bool(value)
            if stored and not value:
                kept.append(field)
        self.kept = {field.name for field in kept}
        if not typed:
            self.secrets |= self._tokens()  # a key that is typed takes their place
            self.kept |= set(self._tokens())
        if self._tokens() and not typed and self._other_account():
            message = "For another account, please connect anew."
            self.add_error(None, message)
        elif kept and self._moved():
            # Else whoever may edit a connection could have its key sent to a server of theirs.
            message = "The address leads somewhere else now: please enter this again."
            for field in kept:
                self.add_error(PREFIX + field.name, message)
        else:
            self._try_out()
        return cleaned

    def _tokens(self) -> dict[str, object]:
        """What OAuth left in the connection's secrets."""
        if self.connector_class.oauth is None:
            return {}
        stored = self.connection.secrets
        return {name: stored[name] for name in TOKENS if stored.get(name)}

    def _other_account(self) -> bool:
        """Whether the tokens would be renewed, or used, somewhere else."""
        oauth = self.connector_class.oauth
        names = set(re.findall(r"\{(\w+)\}", f"{oauth.authorize_url}{oauth.token_url}"))
        names |= {field.name for field in self.config_fields if field.kind == "url"}
        before = self.connection.config
        return any(str(self.config.get(one, "")) != str(before.get(one, "")) for one in names)

    def _moved(self) -> bool:
        def origin(address: str) -> tuple[str, str]:
            parts = urlsplit(address)
            return parts.scheme.lower(), parts.netloc.lower()

        return any(
            origin(self.config[field.name]) != origin(self.connection.config.get(field.name, ""))
            for field in self.config_fields
            if field.kind == "url"
        )

    def _try_out(self) -> None:
        try:
            self.probed = probe(self.connection.kind, {**self.config, **self.secrets})
        except ConnectorError as error:
            kind, message = explain(error, self.secrets)
            names = [f.name for f in self.config_fields if f.kind == kind]
            self.add_error(PREFIX + names[0] if names else None, message)

    def save(self) -> Connection:
        connection = self.connection
        connection.name = self.cleaned_data["name"]
        connection.config, connection.secrets = self.config, self.secrets
        return store(connection, self.probed, self.kept)


class ConsentConnectForm(ConnectForm):
    """What has to be known before the CRM's own page is opened: no key."""

    asks_for_secrets = False

    def _try_out(self) -> None:
        """That happens with the tokens that come back."""
