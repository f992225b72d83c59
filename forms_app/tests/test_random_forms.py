"""Any form and any answers: version → form → intake stores what validation returned, or nothing."""

import uuid

from django_tenants.utils import tenant_context
from hypothesis import HealthCheck, event, given, settings, strategies as st

from forms_app import intake
from forms_app.answers import form_class
from forms_app.kinds import KINDS
from forms_app.models import Brand, Consent, Signup, SignupPage
from forms_app.signups import in_words
from forms_app.versions import find_version, write_version

from .shop import PARTS, choice, field, stream

# What a retailer's editor can hold, and what a browser can send: no halves of surrogate pairs.
WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=60)
SENT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
GOOD = {
    "email": st.sampled_from(["robin@example.com", "ROBIN@example.com ", "zoë@example.com"]),
    "mobile": st.sampled_from(["0612345678", "+447911123456", "06 1234 5678"]),
    "consent": st.sampled_from(["yes", "", "false"]),
}
NUMBERS = st.one_of(
    st.integers(-10, 10**12).map(str), st.sampled_from(["", "29", "2", "1990", "٣"])
)


@st.composite
def blocks(draw, number: int):
    kind = draw(st.sampled_from(sorted(KINDS)))
    value = {"label": draw(WORDS), "required": draw(st.booleans())}
    if kind == "choice":
        labels = draw(st.lists(WORDS, min_size=2, max_size=4, unique=True))
        return choice(f"f{number}", *labels, **value)
    if kind == "birthday":
        value["year"] = draw(st.booleans())
    if kind == "consent":
        value["purpose"] = draw(st.sampled_from(["marketing", "terms"]))
    return field(kind, f"f{number}", **value)


@st.composite
def filled_forms(draw):
    """(blocks, what is sent)"""
    fields = [draw(blocks(number)) for number in range(draw(st.integers(0, 6)))]
    sent = {}
    for block in fields:
        kind, name = block["type"], block["id"]
        if kind == "birthday":
            sent |= {f"{name}-{part}": draw(NUMBERS) for part in PARTS if draw(st.booleans())}
            continue
        good = GOOD.get(kind, WORDS)
        if kind == "choice":
            good = st.sampled_from([option["id"] for option in block["value"]["options"]])
        if draw(st.integers(0, 9)):
            sent[name] = draw(st.one_of(good, good, SENT))
    if draw(st.booleans()):
        sent["submitted_at"] = draw(st.one_of(SENT, st.datetimes().map(lambda d: f"{d}Z")))
    return fields, sent


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(filled=filled_forms())
def test_what_is_stored_is_what_validation_returned(shops, filled):
    fields, sent = filled
    acorn, birch = shops
    theirs = birch.stored()
    with tenant_context(acorn.retailer):
        page = SignupPage.objects.get(slug="join")
        page.fields = stream(*fields)
        page.headline = str(uuid.uuid4())  # one version for each example
        version = find_version(acorn.schema, str(write_version(page, Brand.load()).pk))
        expected = form_class(version.schema)(sent)
        before = Signup.objects.count(), Consent.objects.count()
        try:
            receipt = intake.take(version, sent)
        except intake.Invalid as invalid:
            event("invalid")
            assert not expected.is_valid()
            assert invalid.form.errors == expected.errors
            assert (Signup.objects.count(), Consent.objects.count()) == before
        except intake.Refused as refused:
            event("refused")
            assert refused.status == 400
            assert any("\x00" in text or "\ufffd" in text for text in sent.values())
            assert (Signup.objects.count(), Consent.objects.count()) == before
        else:
            event("taken")
            assert expected.is_valid()
            signup = Signup.objects.get(pk=receipt)
            assert signup.answers == expected.answers()
            boxes = [block["id"] for block in fields if block["type"] == "consent"]
            given = {consent.key: consent.given for consent in signup.consents.all()}
            assert given == {box: expected.cleaned_data[box] for box in boxes}
            # Everything that shows it can read it.
            assert len(signup.answered()) == len(fields)
            assert all(isinstance(in_words(f, signup.answers), str) for f in version.fields)
            assert signup.as_data().id == str(receipt)
            assert intake.take(version, sent) == receipt
    assert birch.stored() == theirs
