"""The product as production is graded, and each header that is lost on the way is noticed."""

import shutil
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.deploy

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "tools/check_deploy"))

import environment  # noqa: E402
import manifests  # noqa: E402
import observatory  # noqa: E402
from outcome import Failed  # noqa: E402
from programs import Programs  # noqa: E402

CHECK = ("check", "--deploy", "--fail-level", "WARNING")


@pytest.fixture(scope="module")
def programs() -> Programs:
    return Programs(ROOT / ".tools/check_deploy", ROOT / "tools/check_deploy")


@pytest.fixture(scope="module")
def product(programs):
    with observatory.running(ROOT, programs) as made:
        yield made


def test_every_page_has_all_the_points_that_it_can_have(programs, product):
    found = observatory.grades(programs, *product)
    assert list(found) == list(observatory.PAGES)
    assert all(is_good for is_good, _ in found.values()), found


@pytest.mark.parametrize(
    "header",
    [
        *("Content-Security-Policy", "Strict-Transport-Security", "X-Content-Type-Options"),
        *("Referrer-Policy", "Cross-Origin-Resource-Policy"),
    ],
)
def test_a_lost_header_is_noticed_on_every_page(programs, product, header):
    found = observatory.grades(programs, *product, without=header)
    assert not any(is_good for is_good, _ in found.values()), found


def test_a_page_that_does_not_answer_is_no_good_page(programs, product):
    _, host, pem = product
    found = observatory.grades(programs, 1, host, pem)
    assert not any(is_good for is_good, _ in found.values())


def test_the_web_containers_variables_come_from_config_secret_and_container(programs):
    rendered = manifests.rendered(ROOT, programs, "helm 3", "minimal")
    found = environment.of_web(rendered)
    assert found["BASE_URL"] == "http://customerinfo.test"
    assert found["SECRET_KEY"] == "not-a-secret" and "DATABASE_URL" in found


def test_a_chart_without_https_is_noticed(programs, tmp_path):
    shutil.copytree(ROOT / "chart", tmp_path / "chart")
    shutil.copy(ROOT / ".gitlab-ci.yml", tmp_path)
    helpers = tmp_path / "chart/templates/_helpers.tpl"
    text = helpers.read_text()
    assert 'ternary "https" "http"' in text, "it has changed: break it in another way"
    helpers.write_text(text.replace('ternary "https" "http"', 'ternary "http" "http"'))
    with pytest.raises(Failed, match="BASE_URL is 'http://"):
        environment.settings(tmp_path, programs)


@pytest.mark.parametrize(
    "variable, complaint",
    [({"SECRET_KEY": "short"}, "security.W009"), ({"DEBUG": "1"}, "security.W018")],
)
def test_settings_that_django_warns_of_are_noticed(programs, variable, complaint):
    chart = environment.of_web(manifests.rendered(ROOT, programs, "helm 3", "production"))
    with pytest.raises(Failed, match=complaint):
        environment.manage(ROOT, environment.GIVEN | chart | variable, *CHECK)
