"""The field blocks: what a retailer can put on a page, and what is refused."""

from decimal import Decimal

import pytest
from django.template.loader import get_template
from django_tenants.utils import tenant_context
from wagtail.blocks import StreamBlockValidationError, StructBlockValidationError

from forms_app.blocks import ChoiceFieldBlock, ConsentBlock, FieldsBlock
from forms_app.kinds import KINDS, MAX_LENGTHS, messages
from forms_app.models import SignupPage
from forms_app.ui_texts import UI_TEXTS

from .shop import choice, field, key, stream


def clean(*fields):
    return SignupPage.fields.field.stream_block.clean(stream(*fields))


@pytest.mark.parametrize("required", [True, False])
@pytest.mark.parametrize("purpose", ["marketing", "terms"])
def test_only_terms_can_be_required(purpose, required):
    block = ConsentBlock()
    value = block.to_python({"label": "Yes", "purpose": purpose, "required": required})
    if purpose == "marketing" and required:
        with pytest.raises(StructBlockValidationError) as refused:
            block.clean(value)
        assert "free" in refused.value.block_errors["required"].message
    else:
        assert block.clean(value)["required"] is required


@pytest.mark.parametrize("options", [[], ["Green"], [""], ["", ""], ["Green", ""], ["a"] * 51])
def test_a_choice_needs_two_to_fifty_options(options):
    with pytest.raises(StreamBlockValidationError):
        clean(choice("colour", *options))


def test_a_choice_of_two_options_is_enough():
    assert len(clean(choice("colour", "Green", "Blue"))[0].value["options"]) == 2


@pytest.fixture
def inside_acorn(shops):
    """A store field lists the retailer's stores."""
    with tenant_context(shops[0].retailer):
        yield


FIELDS = sorted(kind for kind, about in KINDS.items() if about.form_field)
WITH_OPTIONS = ("choice", "choices", "heard_from")


def block(kind: str, **value) -> dict:
    """A block of this kind in which nothing is wrong but what `value` says."""
    if kind in WITH_OPTIONS:
        return {**choice("x", "a", "b", **value), "type": kind}
    more = {"purpose": "terms"} if kind == "consent" else {}
    return field(kind, "x", **{**more, **value})


@pytest.mark.parametrize("kind", FIELDS)
def test_a_field_needs_a_label_of_bearable_length(inside_acorn, kind):
    assert clean(block(kind, label="x" * 200))[0].id == key("x")
    for label in ("", "  ", "x" * 1001):
        with pytest.raises(StreamBlockValidationError):
            clean(block(kind, label=label))


def test_every_kind_has_a_block_a_template_and_words():
    assert set(FieldsBlock().child_blocks) == set(KINDS)
    for kind, child in FieldsBlock().child_blocks.items():
        assert kind in ("hidden", "page_break") or get_template(f"forms_app/fields/{kind}.html")
        assert child.meta.group and child.meta.icon != "placeholder"
        for language in UI_TEXTS:
            assert messages(kind, language)["required"], language
    assert set(MAX_LENGTHS) < set(KINDS)


@pytest.mark.parametrize("kind", sorted(set(FIELDS) - {"consent"}))
def test_nothing_is_required_unless_somebody_says_so_but_the_e_mail(kind):
    block = FieldsBlock().child_blocks[kind]
    assert block.get_default()["required"] is (kind == "email")


@pytest.mark.parametrize("least, most", [("5", "4"), ("0", "-1")])
def test_a_number_has_a_range_that_can_be(least, most):
    with pytest.raises(StreamBlockValidationError):
        clean(field("number", min=Decimal(least), max=Decimal(most)))
    assert clean(field("number", min=Decimal(most), max=Decimal(least)))


def test_marketing_is_what_a_consent_is_for_and_free_unless_said_otherwise():
    value = ConsentBlock().get_default()
    assert (value["purpose"], value["required"]) == ("marketing", False)


def test_two_options_are_offered_to_be_filled_in():
    assert list(ChoiceFieldBlock().get_default()["options"]) == ["", ""]
