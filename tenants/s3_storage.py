"""S3-compatible storage for backups and for uploaded files: s3://bucket/prefix/<schema>/…"""

import io
import posixpath
from collections.abc import Iterator
from contextlib import contextmanager

from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files.base import File
from django.db import connection
from django.utils.encoding import filepath_to_uri
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from .storage import NewNames, OutOfReach, Stored

# Somebody waits, and a page goes without a picture rather than not at all: seconds, not minutes.
PATIENCE = {"connect_timeout": 3, "read_timeout": 10, "retries": {"total_max_attempts": 2}}
# What newer SDKs add to each request, and what only AWS's own servers all understand.
PLAIN = {
    "request_checksum_calculation": "when_required",
    "response_checksum_validation": "when_required",
}

NO_SUCH_FILE = {"NoSuchKey", "404", "KeyTooLongError"}  # a bucket that is missing is a mistake


@contextmanager
def as_file_error() -> Iterator[None]:
    """Raise what files raise: callers, Wagtail among them, know how to go on without a file."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] in NO_SUCH_FILE:
            raise FileNotFoundError("There is no such file.") from error
        raise OutOfReach(str(error)) from error
    except BotoCoreError as error:
        raise OutOfReach(str(error)) from error


class PlainS3Storage(S3Storage):
    """As every server understands it; what is read comes by the disk, not through memory."""

    def __init__(self, **options):
        super().__init__(max_memory_size=8_000_000, **options)
        self.client_config = self.client_config.merge(Config(**PLAIN))


class RetailerS3Storage(NewNames, PlainS3Storage):
    """The schema is part of every key and is read from the connection at each call."""

    def __init__(self, **options):
        # No threads: a picture is one request.
        super().__init__(**options, transfer_config=TransferConfig(use_threads=False))
        self.client_config = self.client_config.merge(Config(**PATIENCE))

    @property
    def location(self) -> str:
        return posixpath.join(self.shared_prefix, connection.schema_name)

    @location.setter
    def location(self, value: str) -> None:
        self.shared_prefix = value

    def url(self, name: str, **kwargs) -> str:
        """On the retailer's own host; the bucket stays shut."""
        return settings.MEDIA_URL + filepath_to_uri(name)

    def stored(self, name: str) -> Stored:
        """Raises FileNotFoundError, OutOfReach, SuspiciousOperation for a path that leaves."""
        key = self._normalize_name(clean_name(name))
        with as_file_error():
            found = self.connection.meta.client.get_object(Bucket=self.bucket_name, Key=key)
        return Stored(found["Body"], found["ContentLength"], found["LastModified"])

    def _open(self, name: str, mode: str = "rb") -> File:
        if mode != "rb":
            raise ValueError(f"Files are read whole, as bytes, and saved whole; not {mode!r}.")
        found = self.stored(name)
        with as_file_error(), found.content as body:
            return File(io.BytesIO(body.read()), name=name)

    def _save(self, name: str, content: File) -> str:
        with as_file_error():
            return super()._save(name, content)

    def exists(self, name: str) -> bool:
        with as_file_error():
            return super().exists(name)

    def delete(self, name: str) -> None:
        with as_file_error():
            super().delete(name)

    def listdir(self, name: str) -> tuple[list[str], list[str]]:
        with as_file_error():
            return super().listdir(name)
