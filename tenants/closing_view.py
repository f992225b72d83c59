"""An owner closes the account: with the name typed, so that nobody does it in passing."""

from django import forms
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.utils import timezone
from django_tenants.utils import get_public_schema_name, schema_context
from wagtail.admin.menu import MenuItem

from . import lifecycle
from .models import Retailer
from .owners import OwnersMenuItem, owners_only


class CloseForm(forms.Form):
    name = forms.CharField(max_length=100, label="Your shop’s name")
    why = forms.CharField(
        max_length=400,
        required=False,
        label="What could we have done better?",
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args, retailer: Retailer, **kwargs):
        super().__init__(*args, **kwargs)
        self.retailer = retailer
        self.fields["name"].help_text = f"Type “{retailer.name}” to close its account."

    def clean_name(self) -> str:
        typed = self.cleaned_data["name"].strip()
        if typed.casefold() != self.retailer.name.strip().casefold():
            raise forms.ValidationError(f"Type “{self.retailer.name}” as it stands here.")
        return typed


def page(request: HttpRequest) -> HttpResponse:
    """Under billing/, which stays open to who is suspended: everybody may leave."""
    retailer = owners_only(request)
    form = CloseForm(request.POST or None, retailer=retailer)
    if request.method == "POST" and form.is_valid():
        why = f"closed by its owner. {form.cleaned_data['why']}".strip()
        try:
            with schema_context(get_public_schema_name()):
                lifecycle.act(retailer, "close", why=why, by=request.user.email)
        except lifecycle.NotNow:
            pass  # it is closed already, and the page says so
        return redirect("close_account")
    context = {
        "form": form,
        "retailer": retailer,
        "days": settings.CLOSED_DAYS,
        "is_closed": retailer.state == Retailer.State.CLOSED,
        "last_day": retailer.delete_at and timezone.localtime(retailer.delete_at),
    }
    return render(request, "tenants/close.html", context)


def menu_item() -> MenuItem:
    return OwnersMenuItem(
        "Close account",
        reverse("close_account"),
        name="close-account",
        icon_name="cross",
        order=900,
    )


urls = [path("billing/close/", page, name="close_account")]
