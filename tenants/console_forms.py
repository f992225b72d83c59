"""What the operator fills in."""

from pathlib import PurePath

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import FileExtensionValidator

from forms_app.countries import countries

from . import offers, starters, support
from .models import Retailer
from .names import check_address

LARGEST_LOGO = 2_000_000  # bytes; it waits in the database for its worker
PICTURES = [kind for kind in settings.WAGTAILIMAGES_EXTENSIONS if kind != "gif"]


def check_slug(slug: str, owner_email: str = "") -> str:
    """As it is stored. The same owner's is let through: then the invitation goes out again."""
    slug = slug.strip().lower()
    if Retailer.objects.filter(slug=slug, owner_email=owner_email).exclude(owner_email="").exists():
        return slug
    try:
        check_address(slug)
    except ValidationError as error:
        raise ValidationError(error.messages) from error
    return slug


class OnboardForm(forms.Form):
    name = forms.CharField(max_length=100, label="Shop’s name", help_text="As shoppers know it.")
    owner_email = forms.EmailField(
        label="Owner’s e-mail", help_text="Gets a link to choose a password."
    )
    slug = forms.CharField(
        max_length=40,
        label="Address",
        help_text="Small letters, digits and hyphens: <address>.{host}",
    )
    country = forms.ChoiceField(help_text="Where phone numbers without a prefix are from.")
    language = forms.ChoiceField(
        choices=settings.LANGUAGES, help_text="Of the first page. More can be added later."
    )
    plan = forms.ChoiceField(
        required=False, help_text="What they asked for. They subscribe themselves, under Billing."
    )
    template = forms.ChoiceField(
        choices=starters.CHOICES, required=False, label="First page", help_text="What it asks for."
    )
    logo = forms.ImageField(
        required=False,
        validators=[FileExtensionValidator(PICTURES)],
        help_text="PNG, JPEG or WebP, up to 2 MB. The owner can add it later.",
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = countries("en")
        self.fields["country"].initial = "NL"
        self.fields["plan"].choices = [("", "Not said"), *offers.on_offer().choices()]
        address = self.fields["slug"]
        address.help_text = address.help_text.format(host=settings.BASE_HOST)

    def clean_owner_email(self) -> str:
        return self.cleaned_data["owner_email"].strip().lower()

    def clean_slug(self) -> str:
        return check_slug(self.cleaned_data["slug"], self.cleaned_data.get("owner_email", ""))

    def clean_logo(self):
        logo = self.cleaned_data["logo"]
        if logo and logo.size > LARGEST_LOGO:
            raise ValidationError("This picture is too large. 2 MB are the most.")
        return logo

    def values(self) -> dict:
        """For an Onboarding."""
        told = dict(self.cleaned_data)
        logo = told.pop("logo")
        if logo:
            logo.seek(0)
            told |= {"logo": logo.read(), "logo_name": PurePath(logo.name).name[:100]}
        return told


class ReasonForm(forms.Form):
    why = forms.CharField(max_length=500, label="Why")


class SupportForm(ReasonForm):
    minutes = forms.TypedChoiceField(
        coerce=int, choices=[(each, f"{each} minutes") for each in support.MINUTES], label="For"
    )


class RenameForm(ReasonForm):
    slug = forms.CharField(max_length=40, label="New address")

    def clean_slug(self) -> str:
        return self.cleaned_data["slug"].strip().lower()


class DomainForm(forms.Form):
    domain = forms.CharField(max_length=300, label="Your own domain")
