"""Any form and any answers: version → form → intake stores what validation returned, or nothing."""

import uuid

from bs4 import BeautifulSoup
from django.http import QueryDict
from django.utils.http import urlencode
from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, event, given, settings, strategies as st
from wagtail.blocks import StreamBlockValidationError

from forms_app import export, intake, presentation
from forms_app.answers import form_class, posted
from forms_app.conditions import TESTS, visible
from forms_app.kinds import KINDS
from forms_app.models import Brand, Consent, Signup, SignupPage, Store
from forms_app.signups import in_words
from forms_app.translations import in_language
from forms_app.versions import find_version, write_version

from .shop import PARTS, choice, field, stream

# What a retailer's editor can hold, and what a browser can send: no halves of surrogate pairs.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
SENT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
# Labels that would break out of their place if anything let them.
BREAKS = [
    "</form><script>alert(1)</script>",
    '" onclick="alert(1)" x="',
    "<img src=x onerror=alert(1)>",
    "{{ 7|add:7 }}{% now 'Y' %}",
    "شكرا \u202e لك",
    "x" * 10_000,
]
LABELS = st.one_of(WORDS, st.sampled_from(BREAKS))
STORE = "the id of Acorn's store"
GOOD = {
    "email": st.sampled_from(["robin@example.com", "ROBIN@example.com ", "zoë@example.com"]),
    "mobile": st.sampled_from(["0612345678", "+447911123456", "06 1234 5678"]),
    "consent": st.sampled_from(["yes", "", "false"]),
    "store": st.just(STORE),
    "country": st.sampled_from(["NL", "US", "XX"]),
    "number": st.sampled_from(["12", "-0,5", "1e3"]),
    "rating": st.sampled_from(["1", "5", "6"]),
    "yes_no": st.sampled_from(["yes", "no"]),
}
NUMBERS = st.one_of(
    st.integers(-10, 10**12).map(str), st.sampled_from(["", "29", "2", "1990", "٣"])
)


OPTIONS = ("choice", "choices", "heard_from")
DATES = ("birthday", "date")


@st.composite
def blocks(draw, number: int, before: list[str]):
    kind = draw(st.sampled_from(sorted(KINDS)))
    if kind == "page_break":
        return {"type": kind, "id": str(uuid.uuid4()), "value": None}
    value = {"label": draw(LABELS), "required": draw(st.booleans())}
    if kind in ("heading", "text", "image", "divider", "hidden"):
        value = {"label": value["label"], "text": draw(LABELS), "alt": draw(LABELS), "image": None}
    if before and kind != "hidden" and draw(st.booleans()):
        rule = {
            "field": draw(st.sampled_from(before)),
            "test": draw(st.sampled_from(sorted(TESTS))),
            "value": draw(st.sampled_from(["", "yes", "no", "3", "x"])),
        }
        value["condition"] = {"match": draw(st.sampled_from(["all", "any"])), "rules": [rule]}
    if kind in OPTIONS:
        labels = draw(st.lists(LABELS, min_size=2, max_size=4, unique=True))
        return {**choice(f"f{number}", *labels, **value), "type": kind}
    if kind == "hidden":
        value = {"label": value["label"], "value": draw(WORDS)}
    if kind == "birthday":
        value["year"] = draw(st.booleans())
    if kind == "consent":
        value["purpose"] = draw(st.sampled_from(["marketing", "terms"]))
    return field(kind, f"f{number}", **value)


@st.composite
def filled_forms(draw):
    """(blocks, what is sent as (name, value) pairs, translations into Dutch)"""
    fields: list[dict] = []
    for number in range(draw(st.integers(0, 7))):
        fields.append(draw(blocks(number, [block["id"] for block in fields])))
    sent: list[tuple[str, str]] = []
    for block in fields:
        kind, name = block["type"], block["id"]
        if KINDS[kind].form_field is None:
            continue
        if kind in DATES:
            sent += [(f"{name}-{part}", draw(NUMBERS)) for part in PARTS if draw(st.booleans())]
            continue
        good = GOOD.get(kind, WORDS)
        if kind in OPTIONS:
            good = st.sampled_from([option["id"] for option in block["value"]["options"]])
        for _ in range(draw(st.integers(1, 3)) if kind == "choices" else 1):
            if draw(st.integers(0, 9)):
                sent.append((name, draw(st.one_of(good, good, SENT))))
    if draw(st.booleans()):
        sent.append(("submitted_at", draw(st.one_of(SENT, st.datetimes().map(lambda d: f"{d}Z")))))
    sent.append(("language", draw(st.sampled_from(["en", "nl", "xx", ""]))))
    dutch = {f"{block['id']}.label": draw(LABELS) for block in fields if draw(st.booleans())}
    return fields, sent, dutch


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[
        HealthCheck.function_scoped_fixture,
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
    ],
)
@given(filled=filled_forms())
def test_what_is_stored_is_what_validation_returned(shops, rf, filled):
    fields, pairs, dutch = filled
    acorn, birch = shops
    theirs = birch.stored()
    with tenant_context(acorn.retailer):
        store, _ = Store.objects.get_or_create(name="Centre")
        pairs = [(name, str(store.pk) if value == STORE else value) for name, value in pairs]
        sent = QueryDict(urlencode(pairs))
        page = SignupPage.objects.get(slug="join")
        page.fields = stream(*fields)
        the_editor_takes_it_or_says_why_not(page.fields)
        page.headline = str(uuid.uuid4())  # one version for each example
        page.other_languages, page.translations = ["nl"], {"nl": dutch}
        brand = Brand.load()
        version = find_version(acorn.schema, str(write_version(page, brand).pk))
        language = sent["language"] if sent["language"] in ("en", "nl") else "en"
        schema = in_language(version.schema, language)
        nothing_breaks_out(rf, page, version, brand, language)
        expected = form_class(schema)(sent)
        before = Signup.objects.count(), Consent.objects.count()
        try:
            receipt = intake.take(version, sent)
        except intake.Invalid as invalid:
            event("invalid")
            assert not expected.is_valid()
            assert invalid.form.errors == expected.errors
            assert (Signup.objects.count(), Consent.objects.count()) == before
            receipt = intake.keep_aside(version, sent, invalid, origin="queue")
            kept = Signup.objects.get(pk=receipt)
            assert kept.problem == "invalid" and set(kept.problems) == set(expected.errors)
            assert kept.wrong() and all(isinstance(words, str) for _, words in kept.answered())
            assert export.row(kept, list(export.columns()))["delivery_state"] == "kept_aside"
            kept.delete()
        except intake.Refused as refused:
            event("refused")
            assert refused.status == 400
            assert any("\x00" in text or "\ufffd" in text for _, text in pairs)
            assert (Signup.objects.count(), Consent.objects.count()) == before
        else:
            event("taken")
            assert expected.is_valid()
            signup = Signup.objects.get(pk=receipt)
            assert signup.answers == expected.answers() and signup.language == language
            shown = visible(version.fields, signup.answers)
            boxes = {f["key"] for f in version.fields if f["kind"] == "consent"} & shown
            given = {consent.key: consent.given for consent in signup.consents.all()}
            assert given == {box: expected.cleaned_data[box] for box in boxes}
            # Everything that shows it can read it.
            answered = [f for f in version.fields if KINDS[f["kind"]].holds_answer]
            assert len(signup.answered()) == len([f for f in answered if f["key"] in shown])
            assert all(isinstance(in_words(f, signup.answers, language), str) for f in answered)
            assert signup.as_data().id == str(receipt)
            assert export.row(signup, list(export.columns()))["id"] == str(receipt)
            assert intake.take(version, sent) == receipt
            again = QueryDict(urlencode(posted(version, signup.answers), doseq=True))
            form = form_class(schema)(again)
            assert form.is_valid() and form.answers() == signup.answers
    assert birch.stored() == theirs


def the_editor_takes_it_or_says_why_not(value) -> None:
    try:
        assert len(value.stream_block.clean(value)) == len(value)
        event("the editor takes it")
    except StreamBlockValidationError as error:
        assert error.block_errors
        assert all(0 <= number < len(value) for number in error.block_errors)


def nothing_breaks_out(rf, page, version, brand, language: str) -> None:
    """Whatever the labels are, the page is one form with our own elements and attributes."""
    answer = presentation.form(
        rf.get("/join/"), page, version.schema, brand, language=language, version_id=str(version.pk)
    )
    made = BeautifulSoup(answer.content, "html.parser")
    assert len(made.select("form")) == 1
    scripts = [tag.get("src") for tag in made.find_all("script") if tag.get("type") == "module"]
    assert len(scripts) == len(made.find_all("script", src=True)) and all(scripts)
    assert not made.select("[onclick], [onerror], [onload], [style], iframe, object")
    assert not made.find_all(["b", "i"], id=True)
