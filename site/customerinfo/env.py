"""Read settings from the environment, and name every mistake at once.

A deploy that fails on one wrong variable, is mended, and fails on the next costs an hour; so
`Env` collects what is wrong and `Env.finish()` raises once, with all of it.
"""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import pyrage
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

TRUE = {"1", "true", "yes", "on"}
FALSE = {"", "0", "false", "no", "off"}


def split(value: str) -> tuple[SplitResult | None, int | None]:
    """The parts of an address and its port; (None, None) where it can't be parsed."""
    try:
        url = urlsplit(value)
        return url, url.port
    except ValueError:
        return None, None


def place(storage: dict, folder: str) -> tuple[str, ...]:
    """Where a STORAGES entry keeps its files, from the outermost part to the innermost."""
    options = storage.get("OPTIONS", {})
    if "bucket_name" not in options:
        return Path(options.get("location", folder)).resolve().parts
    inside = filter(None, options["location"].split("/"))
    return ("s3", options["endpoint_url"] or "", options["bucket_name"], *inside)


class Env:
    """Typed access to `values` (usually `os.environ`).

    Every reader returns a usable value even when the variable is wrong, so that the later ones
    are read too; `finish()` then raises `ImproperlyConfigured`.
    """

    def __init__(self, values: Mapping[str, str]):
        self.values = values
        self.mistakes: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self.values.get(name, "")
        if value:
            return value
        if default is None:
            self.mistakes.append(f"{name} is not set.")
            return ""
        return default

    def flag(self, name: str, default: bool = False) -> bool:
        value = self.values.get(name)
        if value is None:
            return default
        if value.lower() in TRUE | FALSE:
            return value.lower() in TRUE
        self.mistakes.append(f"{name} is {value!r}; use 1 or 0.")
        return default

    def number(self, name: str, default: int, most: int | None = None) -> int:
        """From 0 to `most`."""
        value = self.values.get(name, "")
        if not value:
            return default
        if value.isascii() and value.isdigit() and (most is None or int(value) <= most):
            return int(value)
        limit = "" if most is None else f" up to {most}"
        self.mistakes.append(f"{name} is {value!r}; use a whole number{limit}.")
        return default

    def url(self, name: str, schemes: Sequence[str], default: str | None = None) -> str:
        """An address of one of these kinds, with a port that there can be; it may hold secrets."""
        value = self.text(name, default)
        url, _ = split(value)
        if value and (url is None or url.scheme not in schemes):
            kinds = " or ".join(f"{scheme}://" for scheme in schemes)
            self.mistakes.append(f"{name} must begin with {kinds}, and be an address.")
            return ""
        return value

    def choice(self, name: str, among: Sequence[str], default: str) -> str:
        value = self.text(name, default)
        if value in among:
            return value
        self.mistakes.append(f"{name} is {value!r}; use {' or '.join(among)}.")
        return default

    def database(self, name: str) -> dict:
        """A DATABASES entry from postgres://user:password@host:port/name.

        A Unix socket is given as ?host=/folder (and ?port=), as libpq writes it.
        """
        value = self.text(name)
        url, port = split(value)
        if value and (
            url is None or url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/")
        ):
            self.mistakes.append(f"{name} must look like postgres://user:password@host:5432/name.")
        url = url or urlsplit("")
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        host = query.pop("host", "") or url.hostname or ""
        port = query.pop("port", "") or port or ""
        return {
            "NAME": unquote(url.path.lstrip("/")),
            "USER": unquote(url.username or ""),
            "PASSWORD": unquote(url.password or ""),
            "HOST": host,
            "PORT": str(port),
            "OPTIONS": query,
        }

    def storage(self, name: str, default: str) -> dict:
        """A STORAGES entry from a folder, or from s3://bucket/prefix?endpoint=…&region=…"""
        value = self.text(name, default)
        if "://" not in value:
            return {
                "BACKEND": "django.core.files.storage.FileSystemStorage",
                "OPTIONS": {"location": value},
            }
        return {
            "BACKEND": "tenants.s3_storage.PlainS3Storage",
            "OPTIONS": self.s3(name, "a folder, or look like s3://bucket/prefix"),
        }

    def media_storage(self, name: str) -> dict:
        """A STORAGES entry from s3://bucket/prefix?endpoint=…&region=…; empty: the folder."""
        if not self.text(name, ""):
            return {"BACKEND": "tenants.storage.RetailerStorage"}
        return {
            "BACKEND": "tenants.s3_storage.RetailerS3Storage",
            "OPTIONS": self.s3(name, "empty, or look like s3://bucket/prefix"),
        }

    def hold_apart(self, name: str, one: dict, other_name: str, other: dict, folder: str) -> None:
        """Two STORAGES entries, of which neither may lie in the other: each would take the other's
        files for its own, and delete them. `folder` is that of an entry which names no place.
        """
        places = sorted((place(one, folder), place(other, folder)), key=len)
        if places[1][: len(places[0])] == places[0]:
            self.mistakes.append(f"{name} and {other_name} must be two places, none in the other.")

    def s3(self, name: str, wanted: str) -> dict:
        """Options of django-storages' S3Storage; `wanted` is what the variable must be."""
        url, _ = split(self.text(name))
        url = url or urlsplit("")
        query = {key: values[-1] for key, values in parse_qs(url.query).items()}
        if url.scheme != "s3" or not url.netloc or set(query) - {"endpoint", "region"}:
            self.mistakes.append(f"{name} must be {wanted}, with ?endpoint= and region= at most.")
        endpoint = query.get("endpoint")
        if endpoint and not endpoint.startswith(("https://", "http://")):
            self.mistakes.append(f"{name}: its endpoint must begin with https://.")
        return {
            "bucket_name": url.netloc,
            "location": url.path.strip("/"),
            "endpoint_url": endpoint,
            "region_name": query.get("region"),
            # Servers other than AWS's often have no host name for each bucket.
            "addressing_style": "path" if endpoint else None,
            "default_acl": None,
            "file_overwrite": False,
        }

    def base_url(self, name: str, default: str | None = None) -> str:
        """scheme://host[:port], without a path."""
        value = self.text(name, default).rstrip("/")
        url, _ = split(value)
        if value and (
            url is None
            or url.scheme not in {"http", "https"}
            or not url.hostname
            or url.path
            or url.query
            or url.fragment
            or "@" in url.netloc
        ):
            self.mistakes.append(
                f"{name} is {value!r}; it must look like https://customerinfo.example."
            )
            return ""
        return value

    def age_recipient(self, name: str) -> str:
        """A public key of age's, or "" where there is none."""
        value = self.text(name, "")
        try:
            if value:
                pyrage.x25519.Recipient.from_str(value)
        except pyrage.RecipientError:
            self.mistakes.append(f"{name} is no public key of age's (age1…).")
            return ""
        return value

    def any_of(self, *names: str) -> None:
        """One of these has to be set; what it holds is looked at where it is read."""
        if not any(self.values.get(name) for name in names):
            self.mistakes.append(f"{' or '.join(names)} is not set.")

    def mail_service(self, name: str) -> str:
        """A mail service that django-anymail knows, or ""."""
        value = self.text(name, "")
        if value and not (value.isidentifier() and find_spec(f"anymail.backends.{value}")):
            self.mistakes.append(f"{name} is {value!r}, which django-anymail doesn't know.")
            return ""
        return value

    def fernet_keys(self, name: str, default: str | None = None) -> list[str]:
        """Comma-separated Fernet keys, newest first."""
        value = self.text(name, default)
        keys = [key.strip() for key in value.split(",") if key.strip()]
        if value and not keys:
            self.mistakes.append(f"{name} holds no key.")
        for key in keys:
            try:
                Fernet(key)
            except ValueError:
                self.mistakes.append(
                    f"{name} holds something that is no Fernet key (32 bytes, url-safe base64)."
                )
        return keys

    def finish(self) -> None:
        """Raise `ImproperlyConfigured` that lists every mistake, if there is one."""
        if self.mistakes:
            raise ImproperlyConfigured(
                "The environment is not complete:\n" + "\n".join(f"- {m}" for m in self.mistakes)
            )
