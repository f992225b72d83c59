"""A person asks to be forgotten: staff find, look, and erase."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.generic import FormView
from wagtail.admin.views.generic import WagtailAdminTemplateMixin

from . import erasing
from .erasures import Erasure


class PersonForm(forms.Form):
    who = forms.CharField(
        label="E-mail address or phone number",
        max_length=254,
        help_text="A number without a country code is taken to be from your brand's country.",
    )

    def clean_who(self) -> erasing.Identity:
        identity = erasing.identify(self.cleaned_data["who"])
        if identity is None:
            raise forms.ValidationError("This is neither an e-mail address nor a phone number.")
        return identity


class EraseView(WagtailAdminTemplateMixin, FormView):
    """First shows what there is; erases when that was confirmed."""

    form_class = PersonForm
    template_name = "forms_app/admin/erase.html"
    page_title = "Erase a person"
    header_icon = "bin"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm("forms_app.delete_signup"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self):
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse("signups:index"), "label": "Sign-ups"},
            {"url": "", "label": self.page_title},
        ]

    def form_valid(self, form: PersonForm) -> HttpResponse:
        identity = form.cleaned_data["who"]
        found = erasing.signups_of(identity)
        if "erase" not in self.request.POST:
            return self.render_to_response(
                self.get_context_data(
                    form=form,
                    searched=True,
                    found=found.select_related("form_version", "page"),
                    records=erasing.records_of(found),
                )
            )
        try:
            erasure = erasing.erase(identity, self.request.user)
        except erasing.Busy:
            form.add_error("who", "One of the sign-ups is being sent just now. Try in a minute.")
            return self.form_invalid(form)
        what = ", ".join(f"{number} {name}" for name, number in erasure.counts.items() if number)
        messages.success(self.request, f"Erased: {what or 'there was nothing'}.")
        return redirect("signups:erase")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        context["erasures"] = Erasure.objects.select_related("by")[:20]
        return context
