"""The mapping editor: what is chosen is what is stored, and nothing disappears by itself."""

import pytest
from bs4 import BeautifulSoup
from django.contrib.auth.models import Group
from django_tenants.utils import tenant_context

from integrations.admin.dry_run import in_words, samples
from integrations.admin.mapping_rows import OurField, catalogue, field_of
from integrations.models import Connection
from integrations.tests.conftest import sign_up, words_of
from integrations.tests.forms import posted
from integrations.tests.hostile import Hostile


def soup(page):
    return BeautifulSoup(page.content, "html.parser")


def stored(retailer, pk):
    with tenant_context(retailer):
        return Connection.objects.get(pk=pk)


def store(retailer, pk, **values):
    with tenant_context(retailer):
        Connection.objects.filter(pk=pk).update(**values)


def mapped(retailer, pk):
    rows = stored(retailer, pk).mapping
    return {row["source"]: (row["attribute"], row["mode"]) for row in rows}


def test_what_is_chosen_is_stored_and_read_back(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        changes = {
            "meaning:email": {"mode": "only_if_empty"},
            "meaning:first_name": {"attribute": "notes", "mode": "append"},
            "meaning:last_name": {"attribute": ""},
        }
        page = owner.get(f"{pk}/mapping/")
        answer = owner.post(f"{pk}/mapping/", posted(page, **changes), follow=True)
        assert "From now on sign-ups go where you said." in answer.text
        rows = mapped(retailer, pk)
        assert rows["meaning:email"] == ("email", "only_if_empty")
        assert rows["meaning:first_name"] == ("notes", "append")
        assert "meaning:last_name" not in rows
        again = {row["source"].value(): row for row in owner.get(f"{pk}/mapping/").context["form"]}
        assert again["meaning:first_name"]["attribute"].value() == "Notes"
        assert again["meaning:first_name"]["mode"].value() == "append"
        assert again["meaning:last_name"]["attribute"].value() == ""


def test_saving_without_a_change_changes_nothing(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/")))
        once = stored(retailer, pk).mapping
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/")))
        assert stored(retailer, pk).mapping == once != []


def test_every_field_of_the_pages_has_a_row_with_a_sample(retailers, visitor, connect):
    for retailer in retailers:
        pk = connect(retailer, "Ours")
        words = visitor(retailer).read(f"{pk}/mapping/")
        with tenant_context(retailer):
            fields = catalogue()
        assert {"meaning:email", "consent:marketing", "consent:marketing:wording"} <= set(fields)
        for field in fields.values():
            assert field.label in words and field.sample in words


def test_the_attributes_stand_with_their_type_and_a_required_mark(retailers, visitor, connect):
    for retailer in retailers:
        words = visitor(retailer).read(f"{connect(retailer, 'Ours')}/mapping/")
        page = visitor(retailer).get(f"{connect(retailer, 'Two')}/mapping/")
        listed = {one["value"]: one.text for one in soup(page).find("datalist").find_all("option")}
        assert list(listed)[0] == "E-mail" and listed["E-mail"] == "e-mail, required"
        assert listed["Birthday"] == "date" and listed["Marketing consent"] == "yes or no"
        assert "Points" not in listed  # the CRM doesn't let it be written
        assert "Required by Ours" in words


def test_a_required_attribute_that_nothing_goes_to_is_named(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        assert "Required, and nothing is sent there yet" not in owner.read(f"{pk}/mapping/")
        store(retailer, pk, mapping=[])
        named = "Required, and nothing is sent there yet: E-mail ."
        assert named in owner.read(f"{pk}/mapping/")
        assert "refuses every contact without E-mail" in owner.read(f"{pk}/")
        assert "Not mapped yet: E-mail" in owner.read()


def test_a_row_whose_field_is_on_no_page_is_kept_and_said(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        gone = {"source": "field:gone-for-good", "attribute": "favourite", "mode": "append"}
        store(retailer, pk, mapping=[*stored(retailer, pk).mapping, gone])
        page = owner.get(f"{pk}/mapping/")
        others = words_of(page).partition("Not asked on any page now")[2]
        assert "A field that was removed" in others and "Mobile" in others
        owner.post(f"{pk}/mapping/", posted(page))
        assert gone in stored(retailer, pk).mapping
        forget = {"field:gone-for-good": {"attribute": ""}}
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/"), **forget))
        assert gone not in stored(retailer, pk).mapping


def test_a_field_that_goes_to_two_attributes_keeps_both(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        two = [
            {"source": "meaning:email", "attribute": name, "mode": "overwrite"}
            for name in ("email", "notes")
        ]
        store(retailer, pk, mapping=two)
        owner.post(f"{pk}/mapping/", posted(owner.get(f"{pk}/mapping/")))
        assert stored(retailer, pk).mapping == two


def test_an_attribute_that_the_crm_lost_is_kept_and_said(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        row = {"source": "meaning:email", "attribute": "shoe_size", "mode": "overwrite"}
        store(retailer, pk, mapping=[row])
        page = owner.get(f"{pk}/mapping/")
        assert "The CRM no longer has this attribute" in words_of(page)
        owner.post(f"{pk}/mapping/", posted(page))
        assert stored(retailer, pk).mapping == [row]


def test_nothing_can_be_added_to_what_holds_one_value(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        before = stored(retailer, pk).mapping
        data = posted(owner.get(f"{pk}/mapping/"), **{"meaning:birthday": {"mode": "append"}})
        answer = owner.post(f"{pk}/mapping/", data)
        assert "Birthday holds one value: nothing can be added." in words_of(answer)
        assert "Not saved yet" in answer.text and stored(retailer, pk).mapping == before


@pytest.mark.parametrize(
    "change",
    [
        {"source": "secrets:api_key"},
        {"attribute": "points"},
        {"attribute": "no such thing"},
        {"mode": "delete"},
        {"transform": "date:DD/MM/YYYY"},
        {"transform": "eval:1"},
        {"default": "x" * 1001},
    ],
)
def test_what_the_page_never_offered_is_refused(retailers, visitor, connect, change):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        before = stored(retailer, pk).mapping
        data = posted(owner.get(f"{pk}/mapping/"), **{"meaning:email": change})
        answer = owner.post(f"{pk}/mapping/", data)
        assert "Not saved yet" in answer.text and stored(retailer, pk).mapping == before


def test_a_post_without_the_form_is_refused(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        before = stored(retailer, pk).mapping
        assert owner.post(f"{pk}/mapping/", {"action": "save"}).status_code == 200
        assert stored(retailer, pk).mapping == before


def test_a_webhook_takes_any_name_and_no_mode(retailers, visitor):
    for retailer in retailers:
        owner = visitor(retailer)
        with Hostile() as server:
            server.answers(204, b"")
            secret = owner.get("connect/webhook/").context["form"]["config_secret"].value()
            data = {"name": "Ours", "config_url": server.url(), "config_secret": secret}
            owner.post("connect/webhook/", data)
        with tenant_context(retailer):
            pk = Connection.objects.get().pk
        page = owner.get(f"{pk}/mapping/")
        assert '<option value="loyalty_number">' in page.text
        assert "Read attributes again" not in page.text and "Only if empty" not in page.text
        changes = {"meaning:email": {"attribute": " mail "}, "meaning:birthday": {"attribute": " "}}
        owner.post(f"{pk}/mapping/", posted(page, **changes))
        rows = mapped(retailer, pk)
        assert rows["meaning:email"] == ("mail", "overwrite")
        assert "meaning:birthday" not in rows


# reading the attributes again


def test_reading_again_says_what_is_new_and_keeps_what_was_chosen(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        known = stored(retailer, pk).attributes
        lost = {"name": "shoe_size", "label": "Shoe size", "type": "number"}
        store(retailer, pk, attributes=[*known[1:], lost])
        before = stored(retailer, pk).mapping
        changes = {"meaning:last_name": {"attribute": "notes"}}
        data = posted(owner.get(f"{pk}/mapping/"), **changes)
        answer = owner.post(f"{pk}/mapping/", {**data, "action": "read"})
        assert "The CRM has 14 attributes. New: E-mail. Gone: Shoe size." in answer.text
        assert stored(retailer, pk).attributes == known
        assert stored(retailer, pk).mapping == before
        rows = {row["source"].value(): row for row in answer.context["form"]}
        assert rows["meaning:last_name"]["attribute"].value() == "notes"
        again = owner.post(f"{pk}/mapping/", {**data, "action": "read"})
        assert "Nothing has changed." in again.text


def test_reading_again_that_fails_says_why_and_keeps_the_attributes(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        known = stored(retailer, pk).attributes
        store(retailer, pk, config={"base_url": "http://127.0.0.1:9"})
        data = posted(owner.get(f"{pk}/mapping/"))
        answer = owner.post(f"{pk}/mapping/", {**data, "action": "read"})
        assert "We can&#x27;t reach a CRM there." in answer.text
        assert stored(retailer, pk).attributes == known


# the dry run


def test_the_dry_run_shows_the_record_of_the_newest_sign_up(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer, "old@example.com")
        newest = sign_up(retailer, "new@example.com", first_name="Nora", birthday="--05-17")
        page = owner.get(f"{pk}/mapping/")
        words = words_of(page).partition("What the CRM would get")[2]
        assert "From your newest sign-up, Nora Lee" in words and f"/{newest.pk}/" in page.text
        assert "E-mail new@example.com Replaces" in words
        assert "Birthday Left out The date has no year" in words
        assert "old@example.com" not in words


def test_the_dry_run_shows_samples_before_the_first_sign_up(retailers, visitor, connect):
    for retailer in retailers:
        words = visitor(retailer).read(f"{connect(retailer, 'Ours')}/mapping/")
        words = words.partition("What the CRM would get")[2]
        assert "From samples: nobody has signed up yet." in words
        assert "E-mail robin@example.com" in words and "Marketing consent Yes" in words


def test_the_dry_run_never_shows_another_retailers_sign_up(retailers, visitor, connect):
    acorn, birch = retailers
    sign_up(acorn, "ann@acorn.test")
    pk = connect(birch, "Ours")
    words = visitor(birch).read(f"{pk}/mapping/")
    assert "ann@acorn.test" not in words and "nobody has signed up yet" in words


def test_the_dry_run_follows_what_was_chosen_but_not_saved(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        before = stored(retailer, pk).mapping
        changes = {row["source"]: {"attribute": ""} for row in before}
        data = posted(owner.get(f"{pk}/mapping/"), **changes)
        words = words_of(owner.post(f"{pk}/mapping/", {**data, "action": "preview"}))
        assert "not saved yet. Nothing at all: no field is sent." in words
        assert "nothing is sent there yet: E-mail" in words
        assert stored(retailer, pk).mapping == before


def test_who_may_not_see_sign_ups_gets_samples(retailers, visitor, connect):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        sign_up(retailer, "ann@example.com")
        with tenant_context(retailer):
            group = Group.objects.get(name="Owners")
            group.permissions.remove(group.permissions.get(codename="view_signup"))
        assert "ann@example.com" not in owner.read(f"{pk}/mapping/")


# a mapping that can't be read


def test_a_mapping_that_cant_be_read_is_set_anew_and_the_connection_goes_on(
    retailers, visitor, connect, rung
):
    for retailer in retailers:
        pk, owner = connect(retailer, "Ours"), visitor(retailer)
        reason = "The mapping can't be read: Row 1."
        store(retailer, pk, mapping=[{"bad": 1}], state="paused", state_reason=reason)
        assert "What goes where can't be read" in owner.read(f"{pk}/")
        assert reason in owner.read()
        page = owner.get(f"{pk}/mapping/")
        assert "What was stored can't be read, so this is our suggestion." in words_of(page)
        rung()
        owner.post(f"{pk}/mapping/", posted(page))
        assert mapped(retailer, pk)["meaning:email"] == ("email", "overwrite")
        assert stored(retailer, pk).state == "active"
        assert rung() == [(retailer.schema_name, pk)]


# words


def test_a_source_that_is_on_no_page_has_a_name_all_the_same():
    names = {source: field_of(source, {}).label for source in ("meaning:loyalty_number",)}
    assert names == {"meaning:loyalty_number": "Loyalty number"}
    assert field_of("consent:terms:wording", {}).label == "Consent: terms, wording"
    assert field_of("field:123", {}).label == "A field that was removed"
    assert not field_of("signup:page", {}).on_a_page


def test_samples_fill_in_what_is_asked_and_no_more():
    assert samples({}).answers == () and samples({}).id == "sample"
    ours = {
        source: OurField(source, "Label", "Sample")
        for source in ("field:1", "consent:terms", "signup:language", "signup:page")
    }
    data = samples(ours)
    assert [(answer.key, answer.value) for answer in data.answers] == [("1", "Sample")]
    assert [(consent.purpose, consent.given) for consent in data.consents] == [("terms", True)]
    assert (data.language, data.page, data.is_test) == ("Sample", "Sample", True)


def test_samples_are_of_the_kind_that_is_asked():
    options = (("o-1", "Coffee"), ("o-2", "Tea"))
    ours = {
        f"field:{type}": OurField(f"field:{type}", "Label", "Sample", type, options)
        for type in ("yes_no", "choice", "choices", "number")
    }
    assert {answer.key: answer.value for answer in samples(ours).answers} == {
        "yes_no": True,
        "choice": "o-1",
        "choices": ["o-1"],
        "number": "Sample",
    }


def test_values_are_shown_as_a_person_reads_them():
    assert [in_words(value) for value in (True, False, ["a", "b"], 5)] == ["Yes", "No", "a, b", "5"]
