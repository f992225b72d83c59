"""Takes people and secrets out of texts before they are written anywhere. Pure: no Django.

A log keeps the names of attributes and the shape of values, so that one sees what was asked and
what was answered, and nobody learns who the shopper is:

    email: "s…@…"    first_name: "S…"    birthday: "…"    marketing_consent: true
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

HIDDEN = "•••"
SHORTEST_SECRET = 4  # hiding shorter ones would tear holes into ordinary words
SHORTEST_VALUE = 4  # and so would hiding a person's value of three letters
LONGEST = 20_000  # characters; of an error page that somebody else wrote

_WORD = r"[^\s<>\"'(),;:=\[\]{}@]{1,254}"
_EMAIL = re.compile(rf"{_WORD}(?:(?:@|%(?:25)?40|\\u0040){_WORD})+")
# Seven digits or more, in the ways in which people and vendors write them. With an eye on ids:
# a number inside a longer word (a UUID, a hash) is left alone.
_PHONE = re.compile(
    r"(?:(?<![\w-])|(?<=%[0-9A-Fa-f]{2}))(?:\+|%2B|\\u002[bB]|00)?"
    r"\d(?:[ ().\-/]{0,2}\d){6,16}(?![\w-])"
)
_ISO_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d)?\S{0,10})?")
_CREDENTIAL = re.compile(
    r"(?i)\b(bearer|basic|token)\s+(?=\S*[\d+/=_.\-])[A-Za-z0-9+/=_.~\-]{8,}"
    r"|\b((?:api[_-]?|access[_-]?|refresh[_-]?|client[_-]?)?"
    r"(?:key|token|secret|password)[\"']?\s*[=:]\s*[\"']?)[^\s\"'&,;}]{4,}"
)
_KNOWN_TOKENS = re.compile(
    r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*|\b(?:whsec|sk_live|sk_test|rk_live|pat|xkeysib|shpat|pk)"
    r"[_-][A-Za-z0-9+/=_\-]{8,}"
)


def masked(value: object) -> object:
    """The value's shape without its content, as JSON can hold it."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Mapping):
        return {str(name): masked(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [masked(one) for one in value]
    text = str(value).strip()
    if not text:
        return ""
    if "@" in text[1:]:
        return f"{text[0]}…@…"
    return f"{text[0]}…" if text[0].isalpha() else "…"


def masked_lines(values: Mapping[str, object]) -> str:
    """One line for each attribute: its name as it is, its value masked."""
    return "\n".join(
        f"{name}: {json.dumps(masked(value), ensure_ascii=False)}" for name, value in values.items()
    )


def scrubbed(text: str, secrets: Iterable[str] = (), values: Iterable[object] = ()) -> str:
    """`text` without e-mail addresses, phone numbers, credentials, the connection's `secrets` in
    any usual notation, and the person's own `values`."""
    text = str(text)[:LONGEST].replace("\x00", "")  # PostgreSQL takes none
    text = _hidden(text, secrets)
    text = _KNOWN_TOKENS.sub(HIDDEN, text)
    text = _CREDENTIAL.sub(_without_credential, text)
    text = _EMAIL.sub(lambda found: f"{found[0][0]}…@…", text)
    text = _PHONE.sub(_without_phone, text)
    known = sorted(set(_texts(values)), key=len, reverse=True)
    if known:
        words = "|".join(map(re.escape, known))
        text = re.sub(rf"(?i)(?<!\w)(?:{words})(?!\w)", lambda found: f"{found[0][0]}…", text)
    return text


def _hidden(text: str, secrets: Iterable[str]) -> str:
    spellings = {one for secret in secrets for one in _spellings(secret)}
    for secret in sorted(spellings, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text


def _spellings(secret: object) -> Iterable[str]:
    """How a secret may stand in an error: as it is, in a URL, in JSON, in Basic authentication."""
    if not isinstance(secret, str) or len(secret.strip()) < SHORTEST_SECRET:
        return
    secret = secret.strip()
    yield from (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1])
    for credentials in (secret, f"{secret}:", f":{secret}"):
        packed = base64.b64encode(credentials.encode()).decode()
        yield packed
        yield packed.rstrip("=")


def _without_credential(found: re.Match) -> str:
    return f"{found[1]} {HIDDEN}" if found[1] else f"{found[2]}{HIDDEN}"


def _without_phone(found: re.Match) -> str:
    return found[0] if _ISO_MOMENT.fullmatch(found[0]) else "…"


def _texts(values: Iterable[object]) -> Iterable[str]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _texts(value)
        elif isinstance(value, str) and len(value.strip()) >= SHORTEST_VALUE:
            yield value.strip()
