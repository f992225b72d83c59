"""A form version's schema in one of its languages."""

from collections.abc import Mapping

TRANSLATED = ("label", "help", "text", "alt")


def languages(schema: Mapping) -> list[str]:
    """The languages of a version, its own first. Versions of the first format have one."""
    return schema.get("languages") or [schema["language"]]


def in_language(schema: Mapping, language: str) -> dict:
    """The same schema with every text in `language`; what isn't translated stays as it is.

    Keys and option ids are the same in all languages. An unknown language gives the page's own.
    """
    known = languages(schema)
    language = language if language in known else known[0]
    texts = schema.get("translations", {}).get(language, {})
    return {
        **schema,
        "language": language,
        "texts": {
            name: texts.get(f"texts.{name}") or text for name, text in schema["texts"].items()
        },
        "fields": [field_in_language(field, texts) for field in schema["fields"]],
    }


def field_in_language(field: Mapping, texts: Mapping[str, str]) -> dict:
    translated = {
        name: texts.get(f"{field['key']}.{name}") or field[name]
        for name in TRANSLATED
        if isinstance(field.get(name), str)
    }
    options = [
        {**option, "label": texts.get(option["id"]) or option["label"]}
        for option in field.get("options", ())
    ]
    return {**field, **translated, **({"options": options} if options else {})}
