"""What is kept aside is mended by staff, or taken in, or thrown away; nothing of it is lost."""

import pytest
from django.http import QueryDict
from django.utils.http import urlencode
from django_tenants.utils import tenant_context

from forms_app import intake
from forms_app.models import Signup
from forms_app.versions import find_version
from integrations.models import Delivery

from .shop import choice, field, key, soup

FIELDS = (
    field("first_name"),
    field("email", label="E-mail"),
    field("birthday", year=True),
    field("date"),
    {**choice("likes", "Tea", "Coffee"), "type": "choices"},
    field("yes_no"),
    field("consent", "news", label="Send me news.", purpose="marketing"),
    field("consent", "terms", label="I accept the terms.", purpose="terms", required=True),
)


def kept_aside(shop) -> Signup:
    """What a tablet had queued, with something wrong in it."""
    version_id = shop.version()
    with shop.inside():
        version = find_version(shop.schema, version_id)
        pairs = [(key("first_name"), "Robin"), (key("email"), "robin@nowhere")]
        pairs += [(key("terms"), "yes"), (key("likes"), key("Tea")), (key("likes"), key("Coffee"))]
        pairs += [(key("birthday") + "-day", "31"), (key("birthday") + "-month", "2")]
        pairs += [(key("date") + "-day", "1"), (key("date") + "-year", "26")]
        data = QueryDict(urlencode(pairs))
        with pytest.raises(intake.Invalid) as invalid:
            intake.take(version, data, origin="queue")
        return Signup.objects.get(
            pk=intake.keep_aside(version, data, invalid.value, origin="queue")
        )


@pytest.fixture
def kept(shops):
    """At both shops, with a CRM: a sign-up that waits to be mended."""
    for shop in shops:
        shop.publish(*FIELDS)
        shop.connect()
    return [kept_aside(shop) for shop in shops]


def url(signup, what: str = "mend") -> str:
    return f"/admin/signups/{what}/{signup.pk}/"


def mended(**changes) -> list[tuple[str, str]]:
    values = {
        "first_name": "Robin",
        "email": "robin@example.com",
        "birthday-day": "28",
        "birthday-month": "2",
        "birthday-year": "",
        "date-day": "1",
        "date-month": "3",
        "date-year": "2026",
        "yes_no": "yes",
    } | changes
    named = [
        (key(name.split("-")[0]) + name[len(name.split("-")[0]) :], v) for name, v in values.items()
    ]
    return [*named, (key("likes"), key("Tea"))]


def post(browser, address: str, pairs):
    return browser.post(address, urlencode(pairs), content_type="application/x-www-form-urlencoded")


def test_it_is_shown_with_what_is_wrong_and_isnt_sent(shops, kept):
    acorn, _ = shops
    assert acorn.signup(kept[0].pk).deliveries.count() == 0
    page = acorn.staff().get(url(kept[0], "inspect")).text
    assert "Kept aside" in page and "E-mail: An e-mail address looks like" in page
    assert "robin@nowhere" in page
    listed = soup(acorn.staff().get("/admin/signups/?problem=invalid"))
    assert [state.text for state in listed.select("td .delivery")] == ["Kept aside"]


def test_the_form_holds_what_was_typed_and_asks_for_no_consent(shops, kept):
    page = soup(shops[0].staff().get(url(kept[0])))
    value = {given["name"]: given.get("value") for given in page.select(".mend input[name]")}
    assert value[key("email")] == "robin@nowhere"
    assert (value[f"{key('birthday')}-day"], value[f"{key('birthday')}-month"]) == ("31", "2")
    assert (value[f"{key('date')}-day"], value[f"{key('date')}-year"]) == ("1", "26")
    ticked = [box["value"] for box in page.select(".mend input[type=checkbox][checked]")]
    assert ticked == [key("Tea"), key("Coffee")]
    assert key("terms") not in value and key("news") not in value


def test_once_mended_it_is_on_its_way_with_the_consent_as_it_was_given(shops, kept):
    acorn, birch = shops
    editor = acorn.staff("Editors")
    forged = [(key("news"), "yes"), (key("likes"), "x")]
    assert post(editor, url(kept[0]), [*mended(), *forged[:1]]).status_code == 302
    signup = acorn.signup(kept[0].pk)
    assert (signup.problem, signup.problems, signup.email) == ("", {}, "robin@example.com")
    assert signup.answers[key("likes")] == [key("Tea")]
    assert signup.answers[key("birthday")] == "--02-28"
    assert signup.answers[key("news")] is False and signup.answers[key("terms")] is True
    assert {c.key: c.given for c in signup.consents.all()} == {
        key("news"): False, key("terms"): True,
    }  # fmt: skip
    assert [delivery.state for delivery in signup.deliveries.all()] == ["due"]
    assert birch.signup(kept[1].pk).problem == "invalid"


def test_what_is_still_wrong_is_said_and_nothing_changes(shops, kept):
    acorn, _ = shops
    answer = post(acorn.staff(), url(kept[0]), mended(email="robin@"))
    assert answer.status_code == 422 and "An e-mail address looks like" in answer.text
    assert acorn.signup(kept[0].pk).problem == "invalid"


def test_a_consent_that_was_not_given_stays_so_even_if_it_is_required(shops, kept):
    acorn, _ = shops
    with tenant_context(acorn.retailer):
        signup = Signup.objects.get(pk=kept[0].pk)
        signup.answers[key("terms")] = False
        signup.save()
    assert post(acorn.staff(), url(kept[0]), mended()).status_code == 302
    assert acorn.signup(kept[0].pk).answers[key("terms")] is False


def test_what_a_crm_refused_is_mended_and_sent_again(shops):
    acorn, _ = shops
    acorn.publish(*FIELDS)
    acorn.connect()
    signup = acorn.sign_up({"first_name": "Robin", "email": "robin@example.com", "terms": "yes"})
    assert "Mend it" not in acorn.staff().get(url(signup, "inspect")).text
    with tenant_context(acorn.retailer):
        Delivery.objects.update(state="needs_attention", error="No such mailbox.")
    assert "Mend it" in acorn.staff().get(url(signup, "inspect")).text
    assert post(acorn.staff(), url(signup), mended(email="robin@example.org")).status_code == 302
    after = acorn.signup(signup.pk)
    assert after.email == "robin@example.org"
    assert [(d.state, d.error) for d in after.deliveries.all()] == [("due", "")]


def test_a_robot_that_was_a_person_is_taken_in_once(shops, robin):
    acorn, birch = shops
    for shop in shops:
        shop.connect()
    signup = acorn.sign_up(robin, website="x")
    editor = acorn.staff("Editors")
    assert "take it in" in editor.get(url(signup, "inspect")).text
    for _ in range(2):
        assert editor.post(url(signup, "release")).status_code == 302
    after = acorn.signup(signup.pk)
    assert after.problem == "" and after.deliveries.count() == 1
    assert birch.staff().post(url(signup, "release")).status_code == 404


def test_only_owners_throw_away_and_only_what_is_kept_aside(shops, robin):
    acorn, _ = shops
    robot, person = acorn.sign_up(robin, website="x"), acorn.sign_up({**robin, "first_name": "K"})
    assert acorn.staff("Editors").post(url(robot, "discard")).status_code == 302
    assert len(acorn.signups()) == 2
    owner = acorn.staff()
    assert "To delete a person" in owner.post(url(person, "discard"), follow=True).text
    assert owner.post(url(robot, "discard")).status_code == 302
    assert [signup.pk for signup in acorn.signups()] == [person.pk]


@pytest.mark.parametrize("what", ["mend", "release"])
def test_viewers_change_nothing(shops, kept, what):
    viewer = shops[0].staff("Viewers")
    page = viewer.get(url(kept[0], "inspect")).text
    assert "Mend it" not in page and "take it in" not in page
    assert viewer.post(url(kept[0], what)).status_code == 302
    assert shops[0].signup(kept[0].pk).problem == "invalid"
