"""What the page editor asks while somebody types, and how a new page begins."""

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.loader import render_to_string
from django.urls import path
from django.views.decorators.http import require_POST
from wagtail.admin.views.pages import preview

from . import colour_tools
from .brand import Brand
from .checklist import GOOD, checklist
from .page_templates import TEMPLATES, make_page
from .pages import HomePage, SignupPage
from .translating import groups
from .versions import describe

# Wagtail 8 has renamed it.
PreviewOnEdit = getattr(preview, "PreviewOnEdit", None) or preview.PreviewOnEditView


class DraftView(PreviewOnEdit):
    """POST what stands in the editor, saved or not: its checklist and its texts come back.

    204 if it can't be read as a page yet, such as with a label that is too long.
    """

    http_method_names = ["post"]

    def get_object(self) -> SignupPage:
        get_object_or_404(SignupPage, pk=self.kwargs["page_id"])
        return super().get_object()

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        if "fields-count" not in request.POST:  # the browser hasn't drawn the fields yet
            return HttpResponse(status=204)
        form = self.get_form(request.POST)
        if not self.validate_form(form):
            return HttpResponse(status=204)
        form.save(commit=False)
        page, brand = self.object, Brand.load()
        schema = describe(page, brand)
        lines = checklist(page, schema, brand, request.user)
        html = render_to_string(
            "forms_app/admin/checklist.html",
            {"lines": lines, "ready": all(line.level == GOOD for line in lines)},
        )
        texts = [
            {
                "title": group.title,
                "field": group.field,
                "texts": [
                    {"key": text.key, "name": text.name, "text": text.text, "long": text.long}
                    for text in group.texts
                ],
            }
            for group in groups(schema)
        ]
        names = dict(settings.LANGUAGES)
        others = [{"code": code, "name": names[code]} for code in page.other_languages]
        return JsonResponse(
            {"checklist": html, "groups": texts, "languages": others, "first": names[page.language]}
        )


@require_POST
def new_page(request: HttpRequest) -> HttpResponse:
    """A draft after the chosen template; its editor is opened."""
    home = get_object_or_404(HomePage)
    template = TEMPLATES.get(request.POST.get("template", ""))
    if template is None or not home.permissions_for_user(request.user).can_add_subpage():
        raise PermissionDenied
    page = make_page(home, template, request.user)
    return redirect("wagtailadmin_pages:edit", page.pk)


urls = [
    path("signup-pages/new/", new_page, name="new_signup_page"),
    path("signup-pages/<int:page_id>/draft/", DraftView.as_view(), name="signup_page_draft"),
    *colour_tools.urls,
]
