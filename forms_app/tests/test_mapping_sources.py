"""What a mapping can choose from: what the pages ask, in the words of their first language."""

import pytest
from django_tenants.utils import tenant_context

from forms_app.kinds import KINDS
from forms_app.mapping_sources import (
    EXAMPLES,
    TYPES,
    field_sources,
    home_country,
    our_consents,
    our_fields,
)
from forms_app.models import FormVersion, Signup, SignupPage, Store
from integrations.attribute_values import SOURCE_TYPES
from integrations.mapping import MEANINGS, MappingRow, map_signup, rows_from_json, rows_to_json


def field(kind, **values):
    meaning = KINDS[kind].meaning
    common = {"key": f"the-{kind}", "kind": kind, "meaning": meaning, "label": kind.title()}
    return {**common, "purpose": "marketing", **values}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_field_can_be_mapped_or_holds_nothing_to_map(kind):
    sources = field_sources(field(kind))
    if not KINDS[kind].holds_answer:
        assert sources == []
    for source in sources:
        assert source.type in SOURCE_TYPES and source.sample
        rows = (MappingRow(source.key, "x"),)
        assert rows_from_json(rows_to_json(rows)) == rows


def test_every_meaning_has_an_example_and_a_place_in_the_first_mapping():
    meanings = {kind.meaning for kind in KINDS.values() if kind.meaning}
    assert meanings == set(EXAMPLES) == set(MEANINGS)
    for name, kind in KINDS.items():
        if kind.meaning:
            assert MEANINGS[kind.meaning] == TYPES.get(name, "text")


def test_options_come_along_and_what_is_a_picture_does_not():
    options = [{"id": "o-1", "label": "Coffee"}]
    (source,) = field_sources(field("choice", options=options))
    assert (source.key, source.options, source.sample) == (
        "field:the-choice",
        (("o-1", "Coffee"),),
        "Coffee",
    )
    assert field_sources(field("heading")) == [] == field_sources({**field("image"), "kind": "?"})


def test_a_consent_brings_its_words_and_its_time():
    sources = field_sources(field("consent", label="Yes, please", purpose="profiling_ads"))
    assert [(one.key, one.type) for one in sources] == [
        ("consent:profiling_ads", "consent"),
        ("consent:profiling_ads:wording", "long_text"),
        ("consent:profiling_ads:recorded_at", "moment"),
    ]
    assert sources[1].sample == "Yes, please" and "profiling ads" in sources[0].label


def test_boxes_are_listed_for_live_pages_only(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            (box,) = our_consents()
            assert box.purpose == "marketing" and box.page == SignupPage.objects.get().title
            SignupPage.objects.update(live=False)
            assert our_consents() == []
            assert our_fields(), "what was asked before can still be mapped"


def test_a_store_can_be_mapped_once_there_is_one(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            assert "meaning:store" not in [one.key for one in our_fields()]
            Store.objects.create(name=f"{retailer.name}, High Street")
            (store,) = [one for one in our_fields() if one.key == "meaning:store"]
            assert store.sample == f"{retailer.name}, High Street"


def test_the_country_is_that_of_the_newest_page(retailers):
    for retailer in retailers:
        with tenant_context(retailer):
            assert home_country() == FormVersion.objects.latest("created_at").country
            SignupPage.objects.get().versions.all().delete()
            assert home_country() == ""


def test_a_crm_gets_options_in_the_first_language_whatever_the_shopper_read(retailers):
    drink = field("choice", options=[{"id": "o-1", "label": "Coffee"}])
    for retailer in retailers:
        with tenant_context(retailer):
            version = FormVersion.objects.latest("number")
            version.schema = {
                **version.schema,
                "format": 2,
                "languages": ["en", "nl"],
                "fields": [drink],
                "translations": {"nl": {"o-1": "Koffie"}},
            }
            version.save()
            signup = Signup(
                page=version.page,
                form_version=version,
                language="nl",
                answers={"the-choice": "o-1"},
            )
            signup.save()
            record = map_signup(signup.as_data(), [MappingRow("field:the-choice", "drink")])
            assert record.values["drink"].value == "Coffee"
