"""A form version says what exactly a shopper saw, and is never changed."""

import pytest
from django.db.models import ProtectedError
from django_tenants.utils import tenant_context

from forms_app import export
from forms_app.models import Brand, FormVersion, SignupPage
from forms_app.versions import current_version, describe, find_version

from .shop import choice, field, key


def versions(shop, slug: str = "join") -> list[FormVersion]:
    with tenant_context(shop.retailer):
        return list(FormVersion.objects.filter(page__slug=slug).order_by("number"))


def test_publishing_what_has_not_changed_writes_no_version(shops):
    acorn, birch = shops
    acorn.publish()
    before = acorn.stored(), birch.stored()
    for _ in range(2):
        acorn.publish()
    acorn.publish(thank_you_seconds=10, seo_title="Not for shoppers", slug="join")
    assert (acorn.stored(), birch.stored()) == before


@pytest.mark.parametrize(
    "attribute, value",
    [
        ("title", "Another"),
        ("headline", "Another"),
        ("intro", "Another"),
        ("submit_label", "Another"),
        ("thank_you_title", "Another"),
        ("thank_you_text", "Another"),
        ("language", "nl"),
    ],
)
def test_publishing_what_a_shopper_sees_differently_writes_the_next_version(
    shops, attribute, value
):
    acorn, birch = shops
    before, theirs = versions(acorn), birch.stored()
    acorn.publish(**{attribute: value})
    *old, new = versions(acorn)
    assert [version.schema for version in old] == [version.schema for version in before]
    assert new.number == old[-1].number + 1
    assert value in (new.language, *new.schema["texts"].values())
    assert birch.stored() == theirs


def test_going_back_to_an_earlier_wording_is_a_new_version(shops):
    acorn, _ = shops
    before = len(versions(acorn))
    for headline in ("One", "Two", "One"):
        acorn.publish(headline=headline)
    assert len(versions(acorn)) == before + 3


def test_a_draft_writes_no_version(shops):
    acorn, _ = shops
    before = acorn.stored()
    with acorn.inside():
        page = SignupPage.objects.get(slug="join")
        page.headline = "Not yet"
        page.save_revision()
    assert acorn.stored() == before


def test_a_version_says_what_was_asked(shops):
    acorn, _ = shops
    acorn.save_brand(country="BE")
    acorn.publish(
        choice("colour", "Green", "Blue", label="Colour", required=True, display="list"),
        field("birthday", label="Born", year=True, width="half", help="For a treat"),
        field("consent", label="News?", purpose="marketing"),
        headline="", title="Join us", language="nl",
    )  # fmt: skip
    version = versions(acorn)[-1]
    assert (version.country, version.language) == ("BE", "nl")
    assert str(version) == f"Join us, version {version.number}"
    assert version.schema["texts"]["headline"] == "Join us"
    colour, born, news = version.fields
    assert colour == {
        "key": key("colour"), "kind": "choice", "meaning": "", "label": "Colour", "help": "",
        "required": True, "width": "full", "condition": None, "display": "list",
        "options": [{"id": key("Green"), "label": "Green"}, {"id": key("Blue"), "label": "Blue"}],
    }  # fmt: skip
    assert (born["year"], born["width"], born["help"], born["meaning"]) == (
        True, "half", "For a treat", "birthday",
    )  # fmt: skip
    assert (news["purpose"], news["help"], news["width"]) == ("marketing", "", "full")


def test_a_renamed_label_keeps_the_fields_key_and_the_options_ids(shops, robin):
    acorn, _ = shops
    first = acorn.sign_up({**robin, "colour": key("Green")})
    with tenant_context(acorn.retailer):
        page = SignupPage.objects.get(slug="join")
        page.fields[4].value["label"] = "Lievelingskleur"
        page.fields[4].value["options"].bound_blocks[0].value = "Groen"
        page.save_revision().publish()
    old, new = versions(acorn)[-2:]
    assert [f["key"] for f in old.fields] == [f["key"] for f in new.fields]
    ids = [[option["id"] for option in version.fields[4]["options"]] for version in (old, new)]
    assert ids[0] == ids[1]
    assert new.fields[4]["label"] == "Lievelingskleur"
    with tenant_context(acorn.retailer):
        assert dict(first.answered())["Favourite colour"] == "Green"
    assert dict(acorn.signup(first.pk).answered())["Favourite colour"] == "Green"


def test_translating_changes_nothing_of_what_was_answered_before(shops, robin):
    acorn, birch = shops
    theirs = birch.stored()
    first = acorn.sign_up({**robin, "colour": key("Green"), "news": "yes"})
    dutch = {
        f"{key('colour')}.label": "Kleur",
        key("Green"): "Groen",
        f"{key('news')}.label": "Ja!",
    }
    acorn.publish(other_languages=["nl"], translations={"nl": dutch})
    second = acorn.sign_up({**robin, "colour": key("Green"), "news": "yes"}, language="nl")
    for signup, words in (
        (first, ("Favourite colour", "Green", "Send me news.", "en")),
        (second, ("Kleur", "Groen", "Ja!", "nl")),
    ):
        signup = acorn.signup(signup.pk)
        assert signup.answers[key("colour")] == key("Green")
        news = next(consent for consent in signup.consents.all() if consent.key == key("news"))
        with tenant_context(acorn.retailer):
            said = dict(signup.answered())
            row = export.row(signup, list(export.columns()))
        assert (said[words[0]], news.wording, news.language) == words[1:]
        assert (row[key("colour")], row["language"]) == (words[1], words[3])
    assert birch.stored() == theirs


def test_fields_that_were_made_without_ids_get_keys_that_stay(shops):
    acorn, _ = shops
    blocks = [("email", {}), ("choice", {"label": "?", "options": ["a", "b"]})]
    with acorn.inside():
        page = SignupPage.objects.get(slug="join")
        stream_block = SignupPage.fields.field.stream_block
        page.fields = stream_block.to_python([{"type": t, "value": v} for t, v in blocks])
        page.save_revision().publish()
    first = versions(acorn)[-1]
    acorn.publish()
    acorn.publish(headline="Changed")
    second = versions(acorn)[-1]
    assert second.number == first.number + 1
    assert second.fields == first.fields
    with tenant_context(acorn.retailer):
        page = SignupPage.objects.get(slug="join")
        assert describe(page, Brand.load())["fields"] == first.fields


def test_a_page_with_sign_ups_keeps_its_versions_whatever_happens_to_it(shops, robin):
    acorn, _ = shops
    acorn.sign_up(robin)
    with tenant_context(acorn.retailer), pytest.raises(ProtectedError):
        SignupPage.objects.get(slug="join").delete()
    acorn.unpublish()
    with tenant_context(acorn.retailer):
        assert current_version(SignupPage.objects.get(slug="join"))


def test_a_version_is_found_in_its_own_schema_only(shops):
    acorn, birch = shops
    for shop, other in ((acorn, birch), (birch, acorn)):
        ours = str(versions(shop)[-1].pk)
        with tenant_context(shop.retailer):
            assert str(find_version(shop.schema, ours).pk) == ours
        with tenant_context(other.retailer):
            assert find_version(other.schema, ours) is None
