"""Where staff type the PIN of the tablets' staff menu."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from wagtail.admin.forms import WagtailAdminModelForm

from . import pin


class PinField(forms.CharField):
    """4–8 digits, cleaned to what TabletSettings.pin holds; None where nothing was typed."""

    def __init__(self, **kwargs: Any):
        keys = {"inputmode": "numeric", "autocomplete": "off", "maxlength": 8}
        super().__init__(widget=forms.TextInput(attrs=keys), **kwargs)

    def clean(self, value):
        typed = super().clean(value)
        if not typed:
            return None
        try:
            return pin.make(typed)
        except ValueError as error:
            raise ValidationError("4 to 8 digits, please.") from error


class TabletSettingsForm(WagtailAdminModelForm):
    new_pin = PinField(
        label="Staff PIN",
        required=False,
        help_text="4–8 digits, for the menu behind five taps on the logo. Nobody can read it back: "
        "to change it, type a new one. Empty: it stays as it is.",
    )

    def save(self, commit: bool = True):
        if made := self.cleaned_data.get("new_pin"):
            self.instance.pin = made
        return super().save(commit)
