"""Which code of ours a shopper's page was made with."""

import functools
import hashlib
from pathlib import Path

from django.conf import settings

HERE = Path(__file__).resolve().parent
# What a page is made of: templates, CSS, modules.
OURS = (
    (HERE / "static" / "forms_app", "*.js"),
    (HERE / "static" / "forms_app", "*.css"),
    (HERE.parent / "templates" / "forms_app", "*.html"),
    (HERE.parent / "templates" / "forms_app" / "fields", "*.html"),
)


def app_version() -> str:
    """Twelve hex digits that change with the code that a browser gets."""
    return worked_out() if settings.DEBUG else kept()


def worked_out() -> str:
    digest = hashlib.sha256()
    for folder, pattern in OURS:
        for file in sorted(folder.glob(pattern)):
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


kept = functools.cache(worked_out)  # files of a release don't change under its processes
