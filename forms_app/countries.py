"""The countries of the world, in the languages of the tablet (Unicode CLDR, through Babel)."""

import functools

import phonenumbers
from babel import Locale


@functools.cache
def countries(language: str) -> tuple[tuple[str, str], ...]:
    """(ISO 3166 code, name), in the order of the names."""
    names = Locale.parse(language).territories
    found = [(code, names[code]) for code in phonenumbers.SUPPORTED_REGIONS if code in names]
    return tuple(sorted(found, key=lambda pair: fold(pair[1])))


def fold(name: str) -> str:
    """For sorting: Österreich stands with O."""
    accents = str.maketrans("àáâäåçèéêëìíîïñòóôöøùúûüýÿ", "aaaaaceeeeiiiinooooouuuuyy")
    return name.lower().translate(accents)


def country_name(code: str, language: str) -> str:
    return dict(countries(language)).get(code, code)
