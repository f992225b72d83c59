"""What the operator fills in."""

from django import forms
from django.conf import settings

from forms_app.countries import countries

from .models import slug_validator


class OnboardForm(forms.Form):
    name = forms.CharField(max_length=100, label="Shop’s name", help_text="As shoppers know it.")
    slug = forms.CharField(
        max_length=40,
        label="Address",
        validators=[slug_validator],
        help_text="Small letters, digits and hyphens: <address>.{host}",
    )
    owner_email = forms.EmailField(
        label="Owner’s e-mail", help_text="Gets a link to choose a password."
    )
    country = forms.ChoiceField(help_text="Where phone numbers without a prefix are from.")
    language = forms.ChoiceField(
        choices=settings.LANGUAGES, help_text="Of the first page. More can be added later."
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = countries("en")
        self.fields["country"].initial = "NL"
        address = self.fields["slug"]
        address.help_text = address.help_text.format(host=settings.BASE_HOST)

    def clean_slug(self) -> str:
        return self.cleaned_data["slug"].lower()


class ReasonForm(forms.Form):
    why = forms.CharField(max_length=500, label="Why")
