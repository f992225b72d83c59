"""The judge itself: each kind of mistake is found, so that no findings mean something."""

import copy

import pytest

from integrations.tests.contract import Contract
from integrations.tests.fakes import brevo, hubspot, klaviyo

HEADERS = {"Content-Type": "application/vnd.api+json", "revision": "2026-07-15"}
LINKS = {"self": "https://a.klaviyo.com/api/"}
SENT = {"data": {"type": "profile", "attributes": {"email": "ann@example.com"}}}
ANSWER = {"data": {"type": "profile", "id": "01P", "attributes": {}, "links": LINKS}}


def findings(body=SENT, status=201, answer=ANSWER, headers=HEADERS, path="/api/profile-import"):
    contract = Contract("klaviyo")
    contract.check("POST", path, headers, body, status, answer)
    return "\n".join(contract.findings)


def changed(value, path, new):
    value = copy.deepcopy(value)
    place = value
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = new
    return value


def test_what_the_vendor_describes_passes():
    assert findings() == ""


@pytest.mark.parametrize(
    "mistake, said",
    [
        ({"body": changed(SENT, ["data", "attributes", "e_mail"], "x")}, "e_mail"),
        ({"body": changed(SENT, ["data", "attributes", "title"], 3)}, "is not of type 'string'"),
        ({"body": changed(SENT, ["data", "type"], "person")}, "is not one of ['profile']"),
        ({"body": {"data": {"type": "profile"}}}, "'attributes' is a required property"),
        ({"body": None}, "None is not of type 'object'"),
        ({"answer": changed(ANSWER, ["data", "links"], {})}, "'self' is a required property"),
        ({"status": 302, "answer": None}, "describe no such answer"),
        ({"headers": {"revision": "x"}}, "the body is nothing"),
        ({"headers": {"Content-Type": HEADERS["Content-Type"]}}, "parameter revision is missing"),
        ({"path": "/api/profile-imports"}, "describe no such call"),
        ({"path": "/api/profile-import?dry=1"}, "no query parameter dry"),
        ({"status": 404, "answer": {"error": "no"}}, "'errors' is a required property"),
    ],
)
def test_each_mistake_is_found(mistake, said):
    assert said in findings(**mistake)


def test_an_array_of_a_parameter_holds_only_what_it_may():
    contract = Contract("klaviyo")
    path = "/api/profiles?fields[profile]=properties,email"
    for more, count in (("", 0), (",shoes", 1)):
        contract.check("GET", path + more, HEADERS, None, 200, {"data": []})
        assert len(contract.findings) == count


def test_a_parameter_outside_of_its_list_and_a_body_too_many_are_found():
    contract = Contract("brevo", strict=False)
    contract.check("GET", "/v3/contacts?sort=up", {}, {"a": 1}, 200, {"contacts": []})
    assert any("sort can't be 'up'" in one for one in contract.findings)
    assert any("this call has no body" in one for one in contract.findings)
    contract.check("PUT", "/v3/contacts/7", {"Content-Type": "application/json"}, {}, 204, {})
    assert "this answer has no body" in contract.findings[-1]


def test_a_success_is_not_excused_by_the_shape_of_errors():
    contract = Contract("hubspot")
    error = {
        "category": "X",
        "message": "",
        "correlationId": "aeb5f871-7f07-4993-9211-075dc63e7cbf",
    }
    path = "/crm/objects/2026-03/contacts/7?properties=email"
    contract.check("GET", path, {}, None, 404, error)
    assert contract.findings == []
    contract.check("GET", path, {}, None, 201, error)
    assert "describe no such answer" in contract.findings[0]


@pytest.mark.parametrize("vendor", [brevo, hubspot, klaviyo])
def test_only_what_the_files_are_silent_on_is_excused(vendor):
    """An exception for a call that the files do describe would hide mistakes."""
    silent = [pattern.rsplit(" ", 1) for pattern in vendor.SILENT]
    contract = Contract(vendor.__name__.rpartition(".")[2])
    for call, status in silent:
        method, path = call.split(" ") if " " in call else ("GET", "")
        _, operation = contract._operation(method, path)
        if operation is not None:
            assert status not in ("*", *operation["responses"]), (call, status)


def test_without_the_files_the_tests_say_why_they_are_skipped(monkeypatch, tmp_path):
    monkeypatch.setattr("integrations.tests.contract.SPECS", tmp_path)
    with pytest.raises(pytest.skip.Exception, match="SPECS_DIR names the folder"):
        Contract("hubspot")
    assert hubspot.contract() is None  # the connectors' own tests go on without their judge


@pytest.mark.parametrize("vendor", [brevo, hubspot, klaviyo])
def test_the_connectors_tests_have_their_judge(vendor):
    """Skipped, with the reason, where the files aren't."""
    Contract(vendor.__name__.rpartition(".")[2])
    assert vendor.contract().documents
