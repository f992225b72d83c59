"""What stands in the folder or the bucket of uploaded files, seen from outside."""

import uuid
from pathlib import Path

import boto3

from customerinfo.env import Env

PREFIX = "customer/info"


class Folder:
    def __init__(self, settings):
        self.settings = settings

    @property
    def root(self) -> Path:
        return Path(self.settings.MEDIA_ROOT)

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def files(self, schema: str) -> dict[str, bytes]:
        """path below the schema → content; of all whose name begins like it, nothing else."""
        folder = self.root / schema
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


class Bucket:
    def __init__(self, server: str):
        self.server, self.name = server, f"media-{uuid.uuid4().hex}"
        self.client = boto3.client("s3", region_name="us-east-1", endpoint_url=server)
        self.client.create_bucket(Bucket=self.name)

    def settings(self, server: str = "") -> dict:
        """The STORAGES entry that the variable makes."""
        address = f"s3://{self.name}/{PREFIX}?endpoint={server or self.server}&region=us-east-1"
        return Env({"MEDIA_STORAGE": address}).media_storage("MEDIA_STORAGE")

    def keys(self) -> list[str]:
        """All of them, or as many as one list holds."""
        found = self.client.list_objects_v2(Bucket=self.name).get("Contents", ())
        return [each["Key"] for each in found]

    def put(self, name: str, content: bytes) -> None:
        self.client.put_object(Bucket=self.name, Key=f"{PREFIX}/{name}", Body=content)

    def files(self, schema: str) -> dict[str, bytes]:
        start = f"{PREFIX}/{schema}/"
        found = [key for key in self.keys() if key.startswith(start)]
        return {key.removeprefix(start): self.read(key) for key in found}

    def read(self, key: str) -> bytes:
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def remove(self) -> None:
        while keys := self.keys():
            for key in keys:
                self.client.delete_object(Bucket=self.name, Key=key)
        self.client.delete_bucket(Bucket=self.name)
