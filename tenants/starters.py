"""A new retailer's first page: one of the templates, in the language of its shop."""

from dataclasses import replace

from forms_app.page_templates import TEMPLATES
from forms_app.starter import Starter
from forms_app.starter_texts import starter as plain_starter

from .starter_words import LABELS, TEXTS

PLAIN = ""  # name, e-mail, birthday and consent: what most shops want

CHOICES = [
    (PLAIN, "Name, e-mail, birthday"),
    *((key, template.name) for key, template in TEMPLATES.items()),
]


def starter(language: str = "en", country: str = "", template: str = PLAIN) -> Starter:
    """`template` is a key of forms_app.page_templates.TEMPLATES, or empty."""
    plain = plain_starter(language, country)
    if template == PLAIN:
        return plain
    chosen = TEMPLATES[template]
    # Of a page without words of its own, such as the blank one, the plain one's are better.
    texts = {name: text for name, text in texts_of(template, language).items() if text}
    fields = tuple(
        (kind, with_label(template, language, place, kind, value))
        for place, (kind, value) in enumerate(chosen.fields)
    )
    title = texts.pop("headline", plain.title)
    return replace(plain, title=title, headline=title, fields=fields, **texts)


def texts_of(template: str, language: str) -> dict[str, str]:
    if language == "en":
        return TEMPLATES[template].texts
    return TEXTS[language].get(template, {})


def with_label(template: str, language: str, place: int, kind: str, value: dict) -> dict:
    """In English the template says it, or the block's own default."""
    if language == "en" or kind == "page_break":
        return value
    labels = LABELS[language]
    words = labels.get(f"{template}:{place}") or labels[kind]
    said = {**value, "label": words}
    if "help" in value:
        said["help"] = labels.get(f"{template}:{place}:help", "")
    return said
