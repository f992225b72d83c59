"""Staff mend what a shopper typed: kept aside by us, or refused by a CRM."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views import View
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.log_actions import log

from . import intake, presentation
from .answers import AnswersForm, form_class, posted
from .kinds import KINDS
from .signups import Signup
from .translations import in_language
from .ui_texts import UI_TEXTS


class MendView(WagtailAdminTemplateMixin, View):
    """The sign-up's own form, as the shopper saw it, with what was typed. Consent isn't here:
    nobody gives it for somebody else."""

    page_title = "Mend a sign-up"
    header_icon = "edit"
    template_name = "forms_app/admin/mend.html"

    def dispatch(self, request: HttpRequest, pk) -> HttpResponse:
        if not request.user.has_perm("forms_app.change_signup"):
            raise PermissionDenied
        self.signup = get_object_or_404(Signup.objects.select_related("form_version"), pk=pk)
        return super().dispatch(request, pk)

    @property
    def schema(self) -> dict:
        return in_language(self.signup.form_version.schema, self.signup.language)

    def get_breadcrumbs_items(self):
        here = [
            {"url": reverse("signups:index"), "label": "Sign-ups"},
            {"url": reverse("signups:inspect", args=[self.signup.pk]), "label": "Sign-up"},
            {"url": "", "label": "Mend"},
        ]
        return [*super().get_breadcrumbs_items(), *here]

    def get(self, request: HttpRequest, pk) -> HttpResponse:
        data = QueryDict(mutable=True)
        for name, value in posted(self.signup.form_version, self.signup.answers).items():
            data.setlist(name, value if isinstance(value, list) else [value])
        bound = form_class(self.schema)(data)
        return self.show(bound)

    def post(self, request: HttpRequest, pk) -> HttpResponse:
        try:
            intake.mend(self.signup, request.POST)
        except intake.Invalid as invalid:
            return self.show(invalid.form, status=422)
        log(instance=self.signup, action="forms_app.mend")
        messages.success(request, "Saved. It is on its way.")
        return redirect("signups:inspect", pk)

    def show(self, bound: AnswersForm, status: int = 200) -> HttpResponse:
        context: dict[str, Any] = self.get_context_data(
            signup=self.signup,
            fields=[
                presentation.present(field, self.schema["language"], bound)
                for field in self.schema["fields"]
                if KINDS[field["kind"]].form_field and field["kind"] != "consent"
            ],
            errors=presentation.summary(self.schema, bound),
            language=self.schema["language"],
            ui=UI_TEXTS[self.schema["language"]],
            back_url=reverse("signups:inspect", args=[self.signup.pk]),
        )
        return render(self.request, self.template_name, context, status=status)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(view=self, **kwargs)
