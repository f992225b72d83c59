"""What a shopper sees: the templates' contexts, and the headers of every answer."""

from collections.abc import Mapping

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from .answers import AnswersForm, form_class
from .kinds import MAX_LENGTHS, messages
from .ui_texts import UI_TEXTS

# No inline script or style, nothing from elsewhere. The editor's preview is a frame of this host.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'self'"
)
# Kept for later, but asked about each time: a change is seen at once.
REVALIDATE = "no-cache"


def form(
    request: HttpRequest,
    page,
    schema: Mapping,
    brand,
    *,
    version_id: str = "",
    bound: AnswersForm | None = None,
    preview: bool = False,
    with_errors: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The sign-up page for a version's schema; `bound` brings back what was typed."""
    if with_errors:
        bound = form_class(schema)({})
    context = {
        **common(page, schema, brand),
        "action": own_path(request),
        "version_id": version_id,
        "fields": [present(field, schema["language"], bound) for field in schema["fields"]],
        "errors": summary(schema, bound),
        "preview": preview,
    }
    return answer(request, "forms_app/signup_page.html", context, status)


def thanks(
    request: HttpRequest,
    page,
    schema: Mapping,
    brand,
    *,
    version_id: str = "",
    preview: bool = False,
) -> HttpResponse:
    # In the preview the page stays; on the tablet it goes back to the form by itself.
    context = {**common(page, schema, brand), "form_url": page.get_url(), "preview": preview}
    return answer(request, "forms_app/signup_thanks.html", context)


def own_path(request: HttpRequest) -> str:
    """The address of the request, on this host: //elsewhere would be another's."""
    return f"/{request.path.lstrip('/')}"


def not_found(request: HttpRequest) -> HttpResponse:
    return answer(request, "forms_app/signup_not_found.html", plain(), 404)


def refused(request: HttpRequest, status: int, message: str) -> HttpResponse:
    context = {**plain(), "message": message, "form_url": own_path(request)}
    return answer(request, "forms_app/signup_refused.html", context, status)


def plain() -> dict:
    """For pages that name nobody."""
    return {"language": "en", "ui": UI_TEXTS["en"]}


def common(page, schema: Mapping, brand) -> dict:
    ui = UI_TEXTS[schema["language"]]
    return {
        "language": schema["language"],
        "ui": ui,
        "page": {
            **schema["texts"],
            "next_label": ui["next_customer"],
            "thank_you_seconds": page.thank_you_seconds,
        },
        "brand": {
            "name": brand.name,
            "logo_url": brand.logo_url,
            "hero_image_url": brand.picture_url,
        },
        "brand_css_url": brand.css_url,
    }


def present(field: Mapping, language: str, bound: AnswersForm | None) -> dict:
    """A field of a version as the templates want it."""
    value = bound[field["key"]].value() if bound else None
    return {
        **field,
        "value": value,
        "errors": bound.errors.get(field["key"], []) if bound else [],
        "options": [
            {**option, "checked": option["id"] == value} for option in field.get("options", ())
        ],
        "max_length": MAX_LENGTHS.get(field["kind"]),
        "messages": messages(field["kind"], language),
    }


def summary(schema: Mapping, bound: AnswersForm | None) -> list[dict]:
    """The errors in the order of the page."""
    if bound is None:
        return []
    return [
        {"key": field["key"], "label": field["label"], "message": message}
        for field in schema["fields"]
        for message in bound.errors.get(field["key"], ())
    ]


def answer(request: HttpRequest, template: str, context: dict, status: int = 200) -> HttpResponse:
    response = render(request, template, context, status=status)
    response["Content-Security-Policy"] = CSP
    response["Cache-Control"] = REVALIDATE if status == 200 else "no-store"
    return response
