"""A shopper waits for what is loaded: all of the tablet's CSS and JavaScript stays small."""

import gzip
import re
from pathlib import Path

import pytest

from customerinfo.static_files import smaller

STATIC = Path(__file__).parent.parent / "static" / "forms_app"
TEMPLATES = STATIC.parents[2] / "templates" / "forms_app"
MOST = 30_000  # bytes
STARTS = ("signup_page.html", "signup_thanks.html", "pair.html", "signup_proof.html")


def loaded(*names: str) -> dict[str, str]:
    """These files and all that they load, directly or not, by name."""
    found: dict[str, str] = {}
    todo = list(names)
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = (STATIC / name).read_text()
            if name.endswith(".js"):
                todo += re.findall(r'"\./([\w-]+\.(?:js|css))"', found[name])
    return found


@pytest.fixture
def files() -> dict[str, str]:
    """Whatever a tablet may ever load: page, queue, pairing, staff menu, service worker."""
    html = "".join((TEMPLATES / name).read_text() for name in ("tablet_base.html", *STARTS))
    files = loaded("sw.js", *re.findall(r"static 'forms_app/([\w.-]+)'", html))
    assert {"tablet.css", "fields.css", "tablet.js", "app.js", "queue.js", "staff.js"} <= set(files)
    return files


def test_all_of_a_tablets_code_is_below_30_kb_as_production_serves_it(files):
    sizes = {
        name: len(gzip.compress(smaller(name, text).encode(), mtime=0))
        for name, text in files.items()
    }
    assert sum(sizes.values()) < MOST, sizes


def test_browsers_that_know_brotli_get_less_still():
    """WhiteNoise writes .br files beside the others where this package is installed."""
    from whitenoise.compress import brotli_installed

    assert brotli_installed
