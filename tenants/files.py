"""All files of one retailer, wherever they are stored: to keep, to bring back, to delete."""

from collections.abc import Iterable, Iterator

from django.core.files.base import File
from django.core.files.storage import default_storage
from django_tenants.utils import schema_context

from .schemas import SCHEMA_NAME


def check(schema: str) -> None:
    """Raises ValueError unless it is a retailer's: `public`, or none, would mean everybody's."""
    if not SCHEMA_NAME.match(schema):
        raise ValueError(f"{schema!r} isn't a retailer's schema.")


def names(schema: str) -> list[str]:
    """Sorted paths below the retailer's folder or prefix."""
    check(schema)
    with schema_context(schema):
        return sorted(name for name in walk("") if not name.endswith("/"))


def walk(folder: str) -> Iterator[str]:
    """Every file, and every folder, with a slash at its end, after what is in it."""
    folders, files = default_storage.listdir(folder)
    yield from (f"{folder}{name}" for name in files)
    for name in folders:
        yield from walk(f"{folder}{name}/")
        yield f"{folder}{name}/"


def opened(schema: str, name: str) -> File:
    check(schema)
    with schema_context(schema):
        return default_storage.open(name)


def put(schema: str, name: str, content: File, replace: bool = False) -> None:
    """Under exactly this name, because rows of the database hold it.

    Raises FileExistsError if there is one already, unless that may be replaced.
    """
    check(schema)
    with schema_context(schema):
        if default_storage.exists(name):
            if not replace:
                raise FileExistsError(f"{schema} has a file {name}.")
            with default_storage.open(name) as there:
                if there.read() == content.read():
                    return
            content.seek(0)
            default_storage.delete(name)
        default_storage._save(name, content)


def delete(schema: str, names: Iterable[str]) -> None:
    check(schema)
    with schema_context(schema):
        for name in names:
            default_storage.delete(name)


def delete_all(schema: str) -> None:
    check(schema)
    with schema_context(schema):
        for name in [*walk(""), "."]:
            default_storage.delete(name)
