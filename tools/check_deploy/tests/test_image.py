"""The rules over a finished image, on a small folder in its place: a build takes minutes."""

import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.deploy

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import image  # noqa: E402

GOOD = {
    "User": "10001:10001",
    "Healthcheck": {"Test": ["CMD", "python", "-c", "…/healthz"]},
    "Env": ["PATH=/opt/venv/bin"],
}


@pytest.fixture
def folder(tmp_path):
    for name in (
        "app/manage.py",
        "app/site/customerinfo/__pycache__/settings.cpython-311.pyc",
        "app/static/staticfiles.json",
        "app/static/page.css.gz",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
        path.chmod(0o644)
    return tmp_path


def test_a_good_image_gets_no_remark(folder):
    assert list(image.remarks_on_config(GOOD)) == []
    assert list(image.remarks_on_files(folder)) == []


@pytest.mark.parametrize(
    "change, remark",
    [
        ({"User": ""}, "runs as ''"),
        ({"User": "root"}, "runs as 'root'"),
        ({"Healthcheck": None}, "has no HEALTHCHECK on /healthz"),
        ({"Env": ["SECRET_KEY=build-only"]}, "keeps a value that was for the build alone"),
    ],
)
def test_a_setting_that_is_wrong_is_named(change, remark):
    assert list(image.remarks_on_config({**GOOD, **change})) == [remark]


@pytest.mark.parametrize(
    "name, remark",
    [
        ("usr/bin/gcc", "has gcc in it"),
        ("usr/local/bin/uv", "has uv in it"),
        ("app/tenants/tests", "has app/tenants/tests in it"),
        ("app/.env", "has app/.env in it"),
        ("opt/venv/lib/a/tests/x.py", "has opt/venv/lib/a/tests in it, which nobody reads there"),
        ("opt/venv/lib/a/de.po", "has opt/venv/lib/a/de.po in it, which nobody reads there"),
    ],
)
def test_what_does_not_belong_into_an_image_is_named(name, remark, folder):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("")

    assert list(image.remarks_on_files(folder)) == [remark]


def test_a_file_that_the_images_user_cannot_read_is_named(folder):
    (folder / "app/static/staticfiles.json").chmod(0o640)

    assert list(image.remarks_on_files(folder)) == [
        "app/static/staticfiles.json can't be read by the image's user"
    ]


@pytest.mark.parametrize(
    "pattern, remark",
    [
        ("**/*.gz", "has no collected, compressed static files"),
        ("**/staticfiles.json", "has no collected, compressed static files"),
        ("**/*.pyc", "has no bytecode: every start would compile again"),
    ],
)
def test_what_is_missing_is_named(pattern, remark, folder):
    for path in folder.glob(pattern):
        path.unlink()

    assert list(image.remarks_on_files(folder)) == [remark]


def test_the_size_is_told_by_part_and_what_grew_too_large_is_named(folder):
    (folder / "opt/venv").mkdir(parents=True)
    assert list(image.remarks_on_sizes(image.sizes(folder))) == []
    with (folder / "opt/venv/model.bin").open("wb") as file:
        file.truncate(300_000_000)

    parts = image.sizes(folder)

    assert "packages 287" in image.told(parts)
    assert list(image.remarks_on_sizes(parts)) == ["packages: 287 MB, and 280 are the most"]
