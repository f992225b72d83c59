"""What of a page is to be translated, and which of it still lacks a translation.

`SignupPage.translations` is language → {key: text}, with the keys of a form version:
"texts.<name>", "<field's key>.<name>", "<option's id>".
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

PAGE_TEXTS = (
    ("Welcome", (("headline", "Headline"), ("intro", "Introduction"), ("submit_label", "Button"))),
    ("Thank-you", (("thank_you_title", "Heading"), ("thank_you_text", "Text"))),
)
FIELD_TEXTS = (("label", "Label"), ("help", "Help"), ("text", "Text"), ("alt", "Description"))
LONG = 60  # characters from which on a text gets more than a line to be typed in
MOST = 10_000  # characters of one translation


@dataclass(frozen=True)
class Text:
    key: str
    name: str
    text: str

    @property
    def long(self) -> bool:
        return len(self.text) > LONG or "\n" in self.text


@dataclass(frozen=True)
class Group:
    """The texts that stand together; `field` is the field's key, "" for the page's own texts."""

    title: str
    texts: tuple[Text, ...]
    field: str = ""


def groups(schema: Mapping) -> list[Group]:
    """The texts of a form version's schema in the order of the page; no empty ones."""
    welcome, thanks = (page_group(schema, title, names) for title, names in PAGE_TEXTS)
    fields = [field_group(field) for field in schema["fields"]]
    return [group for group in (welcome, *fields, thanks) if group.texts]


def page_group(schema: Mapping, title: str, names) -> Group:
    texts = schema["texts"]
    return Group(
        title,
        tuple(Text(f"texts.{name}", label, texts[name]) for name, label in names if texts[name]),
    )


def field_group(field: Mapping) -> Group:
    return Group(field.get("label") or "", tuple(field_texts(field)), field["key"])


def field_texts(field: Mapping) -> Iterator[Text]:
    for name, label in FIELD_TEXTS:
        if isinstance(field.get(name), str) and field[name].strip():
            yield Text(f"{field['key']}.{name}", label, field[name])
    for number, option in enumerate(field.get("options", ()), start=1):
        if (option["label"] or "").strip():
            yield Text(option["id"], f"Option {number}", option["label"])


def all_texts(schema: Mapping) -> list[Text]:
    return [text for group in groups(schema) for text in group.texts]


def tidy(translations, schema: Mapping, languages: list[str]) -> dict[str, dict[str, str]]:
    """Only what belongs to a language and a text that are there, and isn't empty."""
    if not isinstance(translations, dict):
        return {}
    keys = {text.key for text in all_texts(schema)}
    return {
        language: {
            key: text.strip()[:MOST]
            for key, text in translations[language].items()
            if key in keys and isinstance(text, str) and text.strip()
        }
        for language in languages
        if isinstance(translations.get(language), dict)
    }


def missing(translations: Mapping, schema: Mapping, languages: list[str]) -> dict[str, list[Text]]:
    """Language → the texts that it lacks; languages that lack none aren't named."""
    found = {
        language: [
            text for text in all_texts(schema) if text.key not in translations.get(language, {})
        ]
        for language in languages
    }
    return {language: texts for language, texts in found.items() if texts}
