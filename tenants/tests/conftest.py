"""Where files are stored: each test that asks for `place` runs with a folder and with S3."""

import pytest
from moto.server import ThreadedMotoServer

from .places import Bucket, Folder


@pytest.fixture(scope="session")
def s3_server():
    """Its address; it speaks S3 over HTTP."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    yield "http://{}:{}".format(*server.get_host_and_port())
    server.stop()


@pytest.fixture
def bucket(s3_server, settings, monkeypatch):
    """Uploaded files go to an empty bucket, under a prefix."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    made = Bucket(s3_server)
    settings.STORAGES = {**settings.STORAGES, "default": made.settings()}
    yield made
    made.remove()


@pytest.fixture(params=["folder", "s3"])
def place(request, settings):
    """Where the bytes really are, looked at past the storage."""
    return request.getfixturevalue("bucket") if request.param == "s3" else Folder(settings)
