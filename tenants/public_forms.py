"""What a retailer fills in to start a trial alone."""

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from forms_app.countries import countries

from . import offers, starters
from .names import check_address


class TrialForm(forms.Form):
    name = forms.CharField(
        max_length=100,
        label="Your shop’s name",
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    slug = forms.CharField(
        max_length=40,
        label="Its address with us",
        widget=forms.TextInput(
            attrs={"autocapitalize": "none", "spellcheck": "false", "autocomplete": "off"}
        ),
        help_text="Small letters, digits and hyphens.",
    )
    owner_email = forms.EmailField(
        label="Your e-mail",
        help_text="We send a link to confirm it. Nothing is made before you open it.",
    )
    country = forms.ChoiceField(initial="NL")
    language = forms.ChoiceField(choices=settings.LANGUAGES, label="Language of your page")
    template = forms.ChoiceField(
        choices=starters.CHOICES, required=False, label="What to ask for first"
    )
    plan = forms.ChoiceField(required=False, widget=forms.HiddenInput)
    # People don't see it; programs that fill in everything do.
    website = forms.CharField(required=False, max_length=200)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = countries("en")
        self.fields["plan"].choices = [("", ""), *offers.on_offer().choices()]

    def clean_slug(self) -> str:
        slug = self.cleaned_data["slug"].strip().lower()
        try:
            check_address(slug)
        except ValidationError as error:
            raise ValidationError(error.messages) from error
        return slug

    def clean_owner_email(self) -> str:
        return self.cleaned_data["owner_email"].lower()

    def visible(self) -> list:
        """The fields that people fill in."""
        return [self[name] for name in self.fields if name not in ("plan", "website")]
