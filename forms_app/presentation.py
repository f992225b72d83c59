"""What a shopper sees: the templates' contexts, and the headers of every answer."""

import json
import logging
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render
from wagtail.images import get_image_model
from wagtail.images.models import SourceImageIOError

from .answers import AnswersForm, form_class
from .conditions import visible
from .countries import countries
from .intake import issue
from .kinds import KINDS, MAX_LENGTHS, RATINGS, messages
from .look import look_of
from .proof import challenge
from .shop_settings import TabletSettings
from .translations import in_language, languages
from .ui_texts import UI_TEXTS

log = logging.getLogger(__name__)
LANGUAGE_NAMES = dict(settings.LANGUAGES)

# Kept for later, but asked about each time: a change is seen at once.
REVALIDATE = "no-cache"


def form(
    request: HttpRequest,
    page,
    schema: Mapping,
    brand,
    *,
    language: str = "",
    version_id: str = "",
    bound: AnswersForm | None = None,
    preview: bool = False,
    with_errors: bool = False,
    offline: bool = False,
    status: int = 200,
) -> HttpResponse:
    """The sign-up page for a version's schema; `bound` brings back what was typed.

    `language` is one of the schema's; any other means the page's own.
    """
    said = in_language(schema, language)
    if with_errors:
        bound = form_class(said)({})
    fields = [present(field, said["language"], bound) for field in said["fields"]]
    asked = visible(said["fields"], {}) if bound is None else asked_of(bound)
    for field in fields:
        field["is_asked"] = field["key"] in asked
    context = {
        **common(page, said, brand, preview),
        "action": own_path(request),
        "version_id": version_id,
        # Who mends a mistake may well be done in a second: the page is as old as it was.
        "issued": "" if preview else bound.data.get("issued", "") if bound else issue(),
        "steps": steps(fields),
        "conditions": conditions(fields),
        "errors": summary(said, bound),
        "offline": offline,
        "form_url": language_url(page, said, said["language"]),
        "first_language_url": page.get_url(request) or "",
        "thanks_url": f"{language_url(page, said, said['language'])}thanks/",
    }
    return answer(request, "forms_app/signup_page.html", context, status)


def thanks(
    request: HttpRequest,
    page,
    schema: Mapping,
    brand,
    *,
    language: str = "",
    version_id: str = "",
    preview: bool = False,
) -> HttpResponse:
    # In the preview the page stays; on the tablet it goes back to the form by itself, in the
    # page's own language: the next shopper may speak another one.
    context = {
        **common(page, in_language(schema, language), brand, preview),
        "form_url": page.get_url(request) or "",
    }
    return answer(request, "forms_app/signup_thanks.html", context)


def proof(request: HttpRequest, schema: Mapping, posted: QueryDict) -> HttpResponse:
    """What was typed, on a page that shows that it takes trouble and sends it again by itself."""
    language = posted.get("language", "")
    language = language if language in languages(schema) else languages(schema)[0]
    context = {
        "language": language,
        "ui": UI_TEXTS[language],
        "action": own_path(request),
        "challenge": json.dumps(challenge()),
        "posted": [(name, value) for name in posted for value in posted.getlist(name)],
    }
    return answer(request, "forms_app/signup_proof.html", context, 429)


def steps(fields: list[dict]) -> list[list[dict]]:
    """The fields of each step. A page without breaks is one step."""
    found: list[list[dict]] = [[]]
    for field in fields:
        if field["kind"] == "page_break":
            found.append([])
        elif field["kind"] != "hidden":
            found[-1].append(field)
    return [step for step in found if step] or [[]]


def asked_of(bound: AnswersForm) -> set[str]:
    """The keys of the fields that are shown, given what was typed."""
    bound.is_valid()  # looks at it all
    return bound.shown


def conditions(fields: list[dict]) -> str:
    """What conditions.js needs of the fields, as JSON; "" if none depends on another."""
    if not any(field.get("condition") for field in fields):
        return ""
    return json.dumps(
        [
            {"key": field["key"], "condition": field.get("condition")}
            for field in fields
            if field["kind"] != "page_break"
        ]
    )


def language_url(page, schema: Mapping, language: str) -> str:
    """Where the page stands in this language: its own is at the page's address."""
    url = page.get_url() or "/"
    return url if language == languages(schema)[0] else f"{url}{language}/"


def own_path(request: HttpRequest) -> str:
    """The address of the request, on this host: //elsewhere would be another's."""
    return f"/{request.path.lstrip('/')}"


def not_found(request: HttpRequest) -> HttpResponse:
    return answer(request, "forms_app/signup_not_found.html", plain(), 404)


def refused(request: HttpRequest, status: int, message: str) -> HttpResponse:
    context = {**plain(), "message": message, "form_url": own_path(request)}
    return answer(request, "forms_app/signup_refused.html", context, status)


def closed(request: HttpRequest, brand, language: str) -> HttpResponse:
    """The shop takes no sign-ups at the moment: not an error of the shopper's."""
    look = look_of(None, brand)
    context = {
        "language": language,
        "ui": UI_TEXTS[language],
        "brand": {"name": brand.name, "logo_url": look.logo_url},
        "brand_css_url": look.css_url,
        "theme": brand.background,
    }
    return answer(request, "forms_app/signup_closed.html", context, 403)


def plain() -> dict:
    """For pages that name nobody."""
    return {"language": "en", "ui": UI_TEXTS["en"]}


def common(page, schema: Mapping, brand, preview: bool = False) -> dict:
    look = look_of(page, brand)
    ui = UI_TEXTS[schema["language"]]
    tablets = TabletSettings.load()
    return {
        "language": schema["language"],
        "ui": ui,
        "page": {
            **schema["texts"],
            "next_label": ui["next_customer"],
            "thank_you_seconds": page.thank_you_seconds,
        },
        "languages": [
            {
                "code": code,
                "name": LANGUAGE_NAMES[code],
                "url": language_url(page, schema, code),
                "current": code == schema["language"],
            }
            for code in languages(schema)
        ],
        "country": schema["country"],
        "idle_seconds": tablets.idle_seconds,
        "countdown_seconds": tablets.countdown_seconds,
        "preview": preview,
        "brand": {
            "name": brand.name,
            "logo_url": look.logo_url,
            "hero_image_url": look.tokens.hero_image_url,
        },
        "brand_css_url": look.preview_css_url if preview else look.css_url,
    }


def present(field: Mapping, language: str, bound: AnswersForm | None) -> dict:
    """A field of a version as the templates want it."""
    shown = {"condition": None, **field, "options": offered(field, language)}
    if KINDS[field["kind"]].form_field is None:
        return shown | ({"image": picture(field)} if field["kind"] == "image" else {})
    value = bound[field["key"]].value() if bound else None
    chosen = value if isinstance(value, list) else [value]
    return {
        **shown,
        "value": value,
        "errors": bound.errors.get(field["key"], []) if bound else [],
        "options": [{**option, "checked": option["id"] in chosen} for option in shown["options"]],
        "max_length": MAX_LENGTHS.get(field["kind"]),
        "messages": messages(field["kind"], language),
    }


def offered(field: Mapping, language: str) -> list[dict]:
    """The answers to choose from: the retailer's, or those that are the same for everybody."""
    ui = UI_TEXTS[language]
    if field["kind"] == "country":
        return [{"id": code, "label": name} for code, name in countries(language)]
    if field["kind"] == "rating":
        return [{"id": n, "label": n, "words": ui["rating_of"].format(number=n)} for n in RATINGS]
    if field["kind"] == "yes_no":
        return [{"id": answer, "label": ui[answer]} for answer in ("yes", "no")]
    return list(field.get("options", ()))


def picture(field: Mapping) -> dict | None:
    """{"url", "width", "height"} of a content image; None if it is gone."""
    image = get_image_model().objects.filter(pk=field.get("image")).first()
    try:
        made = image.get_rendition("max-900x600|format-webp") if image else None
    except SourceImageIOError:
        log.exception("The file of image %s is lost", field.get("image"))
        made = None
    return {"url": made.url, "width": made.width, "height": made.height} if made else None


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
    response["Cache-Control"] = REVALIDATE if status == 200 else "no-store"
    return response
