"""Rows of the mapping editor in detail: transforms, defaults, texts of one's own, what doesn't fit,
adding and removing without a script, and two windows at once."""

import pytest
from bs4 import BeautifulSoup
from django.apps import apps
from django.test import override_settings
from django_tenants.utils import tenant_context

from integrations.admin.mapping_rows import OurField
from integrations.admin.mapping_targets import Targets
from integrations.admin.mapping_templates import from_words, to_words
from integrations.connectors.base import Attribute
from integrations.connectors.sandbox import SandboxConnector
from integrations.mapping import rows_from_json
from integrations.models import Connection
from integrations.tests.conftest import sign_up, words_of
from integrations.tests.forms import posted, row_of, sent

COFFEE, TEA = "0a6f2c1e-0000-4000-8000-000000000001", "0a6f2c1e-0000-4000-8000-000000000002"
DRINK = {
    "key": "0a6f2c1e-0000-4000-8000-000000000000",
    "kind": "choice",
    "meaning": "",
    "label": "Favourite drink",
    "help": "",
    "required": False,
    "width": "full",
    "options": [{"id": COFFEE, "label": "Coffee"}, {"id": TEA, "label": "Tea"}],
    "display": "buttons",
}
DRINK_SOURCE = f"field:{DRINK['key']}"
DRINKS = {
    "name": "drink",
    "label": "Drink",
    "type": "choice",
    "required": False,
    "unique": False,
    "writable": True,
    "options": [["C1", "Coffee"], ["T1", "Hot tea"]],
}


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def change(retailer, pk, **values):
    with tenant_context(retailer):
        Connection.objects.filter(pk=pk).update(**values)


def ask(retailer, *fields):
    """The newest version of the page asks these as well."""
    with tenant_context(retailer):
        version = apps.get_model("forms_app", "FormVersion").objects.order_by("-number").first()
        version.schema = {**version.schema, "fields": [*version.schema["fields"], *fields]}
        version.pk, version.number, version.digest = None, version.number + 1, "other"
        version._state.adding = True
        version.save()


def row(retailer, pk, source=None, attribute=None):
    return next(
        one
        for one in stored(retailer, pk).mapping
        if source in (None, one["source"]) and attribute in (None, one["attribute"])
    )


def element(page, prefix):
    return BeautifulSoup(page.content, "html.parser").find(id=prefix)


@pytest.fixture
def ours(retailers, visitor, connect):
    """(retailer, connection's id, owner) of both."""
    return [(retailer, connect(retailer, "Ours"), visitor(retailer)) for retailer in retailers]


# transforms and defaults


def test_a_transform_and_a_default_are_stored_shown_and_applied(ours):
    for retailer, pk, owner in ours:
        sign_up(retailer, "ann@example.com", first_name="ann", birthday="1990-05-17")
        changes = {
            "meaning:first_name": {"transform": "title", "default": "friend"},
            "meaning:birthday": {"attribute": "Notes", "transform": "date:DD/MM/YYYY"},
        }
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/"), **changes))
        assert row(retailer, pk, "meaning:first_name")["transform"] == {"kind": "title"}
        assert row(retailer, pk, "meaning:first_name")["default"] == "friend"
        page = owner.get(f"{pk}/mapping/")
        words = words_of(page)
        assert "with Capital Initials · “friend” if the answer is empty" in words
        dry = words.partition("What the CRM would get")[2]
        assert "First name Ann Replaces" in dry and "Notes 17/05/1990" in dry
        before = stored(retailer, pk).mapping
        owner.post(f"{pk}/mapping/", posted(page))
        assert stored(retailer, pk).mapping == before


def test_the_samples_are_those_of_the_newest_sign_up(ours):
    for retailer, pk, owner in ours:
        sign_up(retailer, "ann@example.com", first_name="Nora")
        page = owner.get(f"{pk}/mapping/")
        first = element(page, row_of(sent(page), "meaning:first_name"))
        assert first.find(class_="map-row__sample").text.strip() == "Nora"
        birthday = element(page, row_of(sent(page), "meaning:birthday"))
        assert birthday.find(class_="map-row__sample").text.strip().startswith("e.g.")


def test_our_options_lead_to_theirs_filled_in_where_they_are_equal(ours):
    for retailer, pk, owner in ours:
        ask(retailer, DRINK)
        connection = stored(retailer, pk)
        mapped = {"source": DRINK_SOURCE, "attribute": "drink", "mode": "overwrite"}
        change(
            retailer,
            pk,
            attributes=[*connection.attributes, DRINKS],
            mapping=[*connection.mapping, mapped],
        )
        page = owner.get(f"{pk}/mapping/")
        assert "The CRM doesn't know: Tea." in words_of(page)
        data = sent(page)
        prefix = row_of(data, DRINK_SOURCE)
        assert (data[f"{prefix}-option_0"], data[f"{prefix}-option_1"]) == ("Coffee", "")
        changes = {DRINK_SOURCE: {"transform": "options", "option_1": "Hot tea"}}
        owner.post(f"{pk}/mapping/", posted(page, **changes))
        table = {COFFEE: "Coffee", TEA: "Hot tea"}
        kept = {"kind": "options", "table": table}
        assert row(retailer, pk, DRINK_SOURCE)["transform"] == kept
        page = owner.get(f"{pk}/mapping/")
        assert "The CRM doesn't know" not in words_of(page)
        owner.post(f"{pk}/mapping/", posted(page))
        assert row(retailer, pk, DRINK_SOURCE)["transform"] == kept


def test_a_typed_number_is_read_as_one_of_the_shops_country(ours):
    field = {**DRINK, "kind": "short_text", "label": "Landline", "options": []}
    for retailer, pk, owner in ours:
        ask(retailer, field)
        with tenant_context(retailer):
            newest = apps.get_model("forms_app", "FormVersion").objects.order_by("-created_at")[0]
        page = owner.get(f"{pk}/mapping/")
        options = element(page, row_of(sent(page), DRINK_SOURCE)).find_all("option")
        assert f"e164:{newest.country}" in [one["value"] for one in options]


def test_a_stored_transform_of_another_country_stays(ours):
    for retailer, pk, owner in ours:
        kept = {
            "source": "meaning:loyalty_number",
            "attribute": "notes",
            "mode": "overwrite",
            "transform": {"kind": "e164", "country": "JP"},
        }
        change(retailer, pk, mapping=[kept])
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/")))
        assert kept in stored(retailer, pk).mapping


def test_a_change_that_the_attribute_has_no_use_for_is_refused(ours):
    for retailer, pk, owner in ours:
        data = posted(
            owner.get(f"{pk}/mapping/"), **{"meaning:birthday": {"transform": "date:YYYY"}}
        )
        answer = owner.post(f"{pk}/mapping/", data)
        assert "Birthday has a form of its own: leave the value as it is." in words_of(answer)


# what doesn't fit


def test_what_can_never_fit_is_refused_with_the_reason(ours):
    for retailer, pk, owner in ours:
        before = stored(retailer, pk).mapping
        data = posted(owner.get(f"{pk}/mapping/"), **{"meaning:email": {"attribute": "Birthday"}})
        answer = owner.post(f"{pk}/mapping/", data)
        assert "It holds a date: an e-mail address can't go there." in words_of(answer)
        assert stored(retailer, pk).mapping == before


def test_what_no_longer_fits_is_said_and_kept_until_another_is_chosen(ours):
    for retailer, pk, owner in ours:
        odd = {"source": "meaning:email", "attribute": "birthday", "mode": "overwrite"}
        change(retailer, pk, mapping=[odd])
        page = owner.get(f"{pk}/mapping/")
        assert "It holds a date: an e-mail address can't go there." in words_of(page)
        owner.post(f"{pk}/mapping/", posted(page))
        assert stored(retailer, pk).mapping == [odd]


def test_the_script_is_told_what_each_attribute_refuses_and_why():
    attributes = [
        Attribute("b", "Birthday", "date"),
        Attribute("p", "Points", "number", writable=False),
        Attribute("e", "E-mail", "email", required=True),
    ]
    told = Targets(SandboxConnector, attributes, ()).for_script()["attributes"]
    assert [one["text"] for one in told] == ["E-mail", "Birthday", "Points"]
    assert told[1]["refuses"]["consent"] == "It holds a date: a consent can't go there."
    assert "birthday" not in told[1]["refuses"]
    assert told[2]["refuses"]["number"] == "The CRM fills this in by itself."


def test_two_attributes_of_one_label_are_told_apart():
    attributes = [Attribute("a", "Name", "string"), Attribute("b", "name ", "string")]
    targets = Targets(SandboxConnector, attributes, ())
    assert (targets.text("a"), targets.text("b")) == ("Name (a)", "name  (b)")
    assert (targets.find("Name (a)"), targets.find(" b "), targets.find("Name")) == ("a", "b", None)
    assert targets.find("") == "" and targets.text("gone") == "gone"


# required attributes


def test_a_required_attribute_that_nothing_fills_stands_on_top_and_can_be_filled_there(ours):
    for retailer, pk, owner in ours:
        change(retailer, pk, mapping=[])
        page = owner.get(f"{pk}/mapping/")
        assert "Nothing is sent there yet" in words_of(page)
        data = sent(page)
        prefix = row_of(data, "email", name="wanted")
        chosen = [one["value"] for one in element(page, prefix).find_all("option")]
        assert "meaning:email" in chosen and "meaning:birthday" not in chosen
        owner.post(f"{pk}/mapping/", {**data, f"{prefix}-source": "meaning:email"})
        assert [one["attribute"] for one in stored(retailer, pk).mapping] == ["email"]
        page = owner.get(f"{pk}/mapping/")
        assert "Nothing is sent there yet" not in words_of(page)


def test_a_fixed_text_can_fill_a_required_attribute(ours):
    for retailer, pk, owner in ours:
        shop = {**DRINKS, "name": "shop", "label": "Shop", "type": "string", "options": []}
        shop["required"] = True
        change(retailer, pk, attributes=[*stored(retailer, pk).attributes, shop])
        data = sent(owner.get(f"{pk}/mapping/"))
        prefix = row_of(data, "shop", name="wanted")
        data[f"{prefix}-source"] = "constant"
        answer = owner.post(f"{pk}/mapping/", data)
        assert "Which text?" in words_of(answer)
        again = {**sent(answer), f"{prefix}-text": "Utrecht"}
        owner.post(f"{pk}/mapping/", again)
        assert row(retailer, pk, attribute="shop")["transform"]["text"] == "Utrecht"


# rows of one's own


def test_a_row_is_added_without_a_script_and_keeps_what_was_chosen(ours):
    for retailer, pk, owner in ours:
        data = posted(
            owner.get(f"{pk}/mapping/"), "add", **{"meaning:last_name": {"attribute": "Notes"}}
        )
        page = owner.post(f"{pk}/mapping/", {**data, "add_source": "constant"})
        assert "data-added" in page.text
        data = sent(page)
        prefix = row_of(data, "constant")
        assert data[f"{row_of(data, 'meaning:last_name')}-attribute"] == "Notes"
        data |= {f"{prefix}-text": "Till", f"{prefix}-attribute": "Store"}
        data[f"{row_of(data, 'meaning:store')}-attribute"] = ""
        owner.post(f"{pk}/mapping/", data)
        added = row(retailer, pk, attribute="store")
        assert added["transform"] == {"kind": "constant", "text": "Till"}
        assert "Till" in owner.get(f"{pk}/mapping/").text


def test_a_field_can_go_to_a_second_place(ours):
    for retailer, pk, owner in ours:
        data = {**sent(owner.get(f"{pk}/mapping/"), "add"), "add_source": "meaning:email"}
        page = owner.post(f"{pk}/mapping/", data)
        data = sent(page)
        (second,) = [
            name.removesuffix("-source")
            for name, value in data.items()
            if value == "meaning:email" and not data[name.replace("source", "attribute")]
        ]
        owner.post(f"{pk}/mapping/", {**data, f"{second}-attribute": "notes"})
        places = [
            r["attribute"] for r in stored(retailer, pk).mapping if r["source"] == "meaning:email"
        ]
        assert places == ["email", "notes"]


def test_nothing_is_added_if_nothing_was_chosen(ours):
    for retailer, pk, owner in ours:
        data = sent(owner.get(f"{pk}/mapping/"), "add")
        page = owner.post(f"{pk}/mapping/", data)
        assert sent(page)["row-TOTAL_FORMS"] == data["row-TOTAL_FORMS"]
        broken = {**data, "row-TOTAL_FORMS": "many", "add_source": "constant"}
        assert owner.post(f"{pk}/mapping/", broken).status_code == 200


def test_a_row_is_removed_without_a_script(ours):
    for retailer, pk, owner in ours:
        two = [
            {"source": "meaning:email", "attribute": name, "mode": "overwrite"}
            for name in ("email", "notes")
        ]
        change(retailer, pk, mapping=two)
        data = sent(owner.get(f"{pk}/mapping/"))
        prefix = row_of(data, "notes", name="attribute") if "notes" in data.values() else ""
        prefix = prefix or row_of(data, "Notes", name="attribute")
        page = owner.post(f"{pk}/mapping/", {**data, "action": f"remove:{prefix}"})
        assert stored(retailer, pk).mapping == two, "not before it is saved"
        owner.post(f"{pk}/mapping/", sent(page))
        assert stored(retailer, pk).mapping == two[:1]
        page = owner.post(f"{pk}/mapping/", {**sent(page), "action": "remove:nonsense"})
        assert page.status_code == 200


def test_several_fields_together_are_written_by_their_labels(ours):
    for retailer, pk, owner in ours:
        sign_up(retailer, "ann@example.com", first_name="Ann", last_name="Lee")
        page = owner.post(
            f"{pk}/mapping/", {**sent(owner.get(f"{pk}/mapping/"), "add"), "add_source": "template"}
        )
        data = sent(page)
        prefix = row_of(data, "template")
        data |= {f"{prefix}-text": "{Nobody}", f"{prefix}-attribute": "Notes"}
        answer = owner.post(f"{pk}/mapping/", data)
        assert "No field is called Nobody." in words_of(answer)
        data = {**sent(answer), f"{prefix}-text": "no field"}
        assert "Name at least one field in braces" in words_of(owner.post(f"{pk}/mapping/", data))
        data[f"{prefix}-text"] = "{Last name}, {first name}"
        owner.post(f"{pk}/mapping/", data)
        kept = row(retailer, pk, attribute="notes")
        assert kept["transform"]["text"] == "{meaning:last_name}, {meaning:first_name}"
        page = owner.get(f"{pk}/mapping/")
        assert 'value="{Last name}, {First name}"' in page.text
        assert "Notes Lee, Ann" in words_of(page).partition("What the CRM would get")[2]


def test_a_template_names_fields_whose_label_is_no_name_by_their_source():
    ours = {
        source: OurField(source, label, "")
        for source, label in (("field:a", "Size"), ("field:b", "size"), ("meaning:email", "E-mail"))
    }
    stored_text = "{field:b} {meaning:email} {meaning:mobile}"
    words = to_words(stored_text, ours)
    assert words == "{field:b} {E-mail} {mobile}"
    assert from_words(words, ours) == stored_text
    for wrong in ("{}", "{Hat}"):
        with pytest.raises(ValueError):
            from_words(wrong, ours)


# two windows


def test_what_another_window_saved_is_never_replaced_unseen(ours):
    for retailer, pk, owner in ours:
        first, second = owner.get(f"{pk}/mapping/"), owner.get(f"{pk}/mapping/")
        theirs = {"meaning:last_name": {"attribute": "Notes"}}
        owner.post(f"{pk}/mapping/", posted(first, **theirs))
        before = stored(retailer, pk).mapping
        mine = {"meaning:first_name": {"attribute": "Favourite"}}
        answer = owner.post(f"{pk}/mapping/", posted(second, **mine))
        words = words_of(answer)
        assert "This was changed in another window" in words
        assert "Last name goes into Notes" in words
        assert "First name isn't sent to Favourite" in words
        assert stored(retailer, pk).mapping == before
        assert "Favourite" in sent(answer).values(), "what was chosen is still there"
        owner.post(f"{pk}/mapping/", sent(answer))
        assert row(retailer, pk, "meaning:first_name")["attribute"] == "favourite"
        assert row(retailer, pk, "meaning:last_name")["attribute"] == "last_name"


def test_another_window_that_saved_the_same_is_no_reason_to_ask(ours):
    for retailer, pk, owner in ours:
        first = owner.get(f"{pk}/mapping/")
        owner.post(f"{pk}/mapping/", posted(first))
        change(retailer, pk, name="Renamed", state="paused", paused_by="hand")
        page = owner.get(f"{pk}/mapping/")
        change(retailer, pk, looked_at=None, failures=3)
        answer = owner.post(f"{pk}/mapping/", posted(page), follow=True)
        assert "From now on sign-ups go where you said." in answer.text


def test_a_page_without_its_version_is_not_saved(ours):
    for retailer, pk, owner in ours:
        data = posted(owner.get(f"{pk}/mapping/"), **{"meaning:email": {"mode": "only_if_empty"}})
        del data["version"]
        before = stored(retailer, pk).mapping
        assert "changed in another window" in words_of(owner.post(f"{pk}/mapping/", data))
        assert stored(retailer, pk).mapping == before


def test_a_window_opened_before_the_page_asked_more_is_read_as_it_was(ours):
    for retailer, pk, owner in ours:
        page = owner.get(f"{pk}/mapping/")
        ask(retailer, DRINK)
        mode = {"meaning:email": {"mode": "only_if_empty"}}
        owner.post(f"{pk}/mapping/", posted(page, **mode))
        assert row(retailer, pk, "meaning:email")["mode"] == "only_if_empty"
        assert all(one.attribute for one in rows_from_json(stored(retailer, pk).mapping))


# size


def test_three_hundred_attributes_are_one_list_and_not_one_for_each_row(ours):
    for retailer, pk, owner in ours:
        many = [{**DRINKS, "name": f"a{n}", "label": f"Attribute {n}"} for n in range(300)]
        change(retailer, pk, attributes=[*stored(retailer, pk).attributes, *many])
        with override_settings(DEBUG=False):
            page = owner.get(f"{pk}/mapping/")
        assert page.text.count('<option value="Attribute 7">') == 1
        assert len(page.content) < 500_000
