"""Sign-ups and the consent that was given with them."""

import datetime
import uuid
from collections.abc import Iterator

from django.db import models
from django.utils import timezone, translation
from django.utils.formats import date_format

from integrations.mapping import Answer, ConsentGiven, SignupData

from .conditions import visible
from .countries import country_name
from .kinds import KINDS
from .translations import in_language
from .ui_texts import UI_TEXTS
from .versions import FormVersion


class Signup(models.Model):
    """One submission. The id is made on the tablet, so a repeat is recognised."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    page = models.ForeignKey(
        "forms_app.SignupPage", on_delete=models.PROTECT, related_name="signups"
    )
    form_version = models.ForeignKey(FormVersion, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=10)
    answers = models.JSONField(help_text="field key → value, as forms_app.kinds stores it")
    # Copies of answers by which a person is found again.
    email = models.CharField("e-mail", max_length=254, blank=True, db_index=True)
    mobile = models.CharField(max_length=20, blank=True, db_index=True)
    is_test = models.BooleanField("test", default=False)
    store = models.ForeignKey(
        "forms_app.Store", null=True, blank=True, on_delete=models.PROTECT, related_name="signups"
    )
    tablet = models.ForeignKey(
        "forms_app.Tablet", null=True, blank=True, on_delete=models.SET_NULL, related_name="signups"
    )
    # Kept aside for the retailer: "invalid" (see `problems`), "robot" (honeypot or pace), or "".
    # Nothing is delivered while it isn't "".
    problem = models.CharField(max_length=20, blank=True)
    problems = models.JSONField(default=dict, blank=True, help_text="field key → what is wrong")
    origin = models.CharField(max_length=10, default="page", help_text="page, queue or import")
    submitted_at = models.DateTimeField(default=timezone.now, help_text="by the tablet's clock")
    received_at = models.DateTimeField(default=timezone.now, db_index=True)
    tablet_clock_at = models.DateTimeField(
        null=True, blank=True, help_text="what the tablet's clock said, however wrong"
    )

    # Wagtail would note with each sign-up that it refers to its page: half of a sign-up's work.
    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["-received_at"]
        verbose_name = "sign-up"
        verbose_name_plural = "sign-ups"

    def __str__(self) -> str:
        return self.person

    @property
    def person(self) -> str:
        """How staff recognise the person: name, else e-mail, else number."""
        names = [self.by_meaning(meaning) for meaning in ("first_name", "last_name")]
        name = " ".join(filter(None, names)) or self.by_meaning("full_name")
        return name or self.email or self.mobile or "Somebody"

    def by_meaning(self, meaning: str) -> str:
        return by_meaning(self.form_version.fields, self.answers, meaning)

    @property
    def fields(self) -> list[dict]:
        """What was on the page, in the words that the shopper read."""
        return in_language(self.form_version.schema, self.language)["fields"]

    def answered(self) -> list[tuple[str, str]]:
        """(label, answer) for each field that the shopper saw, in words."""
        answers = self.answers
        shown = visible(self.form_version.fields, answers)
        return [
            (field["label"], in_words(field, answers, self.language))
            for field in self.fields
            if KINDS[field["kind"]].holds_answer and field["key"] in shown
        ]

    def wrong(self) -> list[tuple[str, str]]:
        """(label, what is wrong) of each field that keeps this sign-up aside."""
        labels = {field["key"]: field["label"] for field in self.form_version.fields}
        return [(labels.get(key, key), message) for key, message in self.problems.items()]

    @property
    def delivery_state(self) -> str:
        """In one word for the list: the worst of its deliveries."""
        if self.problem:
            return "kept_aside"
        states = {delivery.state for delivery in self.deliveries.all()}
        for state in ("needs_attention", "sending", "due", "delivered"):
            if state in states:
                return state
        return "none"

    def as_data(self) -> SignupData:
        """What a connection's mapping works on."""
        version = self.form_version
        return SignupData(
            id=str(self.id),
            submitted_at=self.submitted_at,
            language=self.language,
            page=version.schema["texts"]["title"],
            is_test=self.is_test,
            answers=tuple(self.answers_as_data()),
            consents=tuple(
                ConsentGiven(
                    key=consent.key,
                    purpose=consent.purpose,
                    wording=consent.wording,
                    language=consent.language,
                    given=consent.given,
                    recorded_at=consent.recorded_at,
                    form_version=version.number,
                )
                for consent in self.consents.all()
            ),
        )

    def answers_as_data(self) -> Iterator[Answer]:
        """The answers; the tablet's store where the page didn't ask for one."""
        asked_for_store = False
        # In the page's first language, whatever was read: a CRM knows an option by one name.
        for field in self.form_version.fields:
            if KINDS[field["kind"]].holds_answer:
                value = self.answers.get(field["key"])
                asked_for_store |= field["meaning"] == "store" and bool(value)
                yield Answer(
                    key=field["key"],
                    meaning=field["meaning"],
                    kind=field["kind"],
                    label=field["label"],
                    value=value,
                    options={o["id"]: o["label"] for o in field.get("options", ())},
                )
        if self.store and not asked_for_store:
            yield Answer("store", "store", "short_text", "Store", self.store.name)


def by_meaning(fields: list[dict], answers: dict, meaning: str) -> str:
    """The first answer that isn't blank among the fields of this meaning."""
    values = (answers.get(field["key"], "") for field in fields if field["meaning"] == meaning)
    return next(filter(None, values), "")


def in_words(field: dict, answers: dict, language: str) -> str:
    """A stored answer as the shopper would read it."""
    value = answers.get(field["key"])
    if value in (None, "", []):
        return ""
    if isinstance(value, bool):
        return UI_TEXTS[language]["yes" if value else "no"]
    if field["kind"] in ("birthday", "date"):
        return date_in_words(value, language)
    if field["kind"] == "country":
        return country_name(value, language)
    if field["kind"] == "rating":
        return UI_TEXTS[language]["rating_of"].format(number=value)
    labels = {option["id"]: option["label"] for option in field.get("options", ())}
    if isinstance(value, list):
        return ", ".join(labels.get(one, one) for one in value)
    return labels.get(value, value)


def date_in_words(value: str, language: str) -> str:
    """10 December, or 10 December 1815 where a year was given; what is no date stays as typed."""
    without_year = value.startswith("--")
    try:
        # A leap year stands in, so that 29 February is a date.
        day = datetime.date.fromisoformat(f"2000{value[1:]}" if without_year else value)
    except ValueError:
        return value
    with translation.override(language):
        return date_format(day, "j F" if without_year else "j F Y")


class Consent(models.Model):
    """Evidence: what was asked, in which words, and whether the box was ticked."""

    signup = models.ForeignKey(Signup, on_delete=models.CASCADE, related_name="consents")
    key = models.CharField(max_length=36, help_text="the field's key")
    purpose = models.CharField(max_length=20)
    wording = models.TextField()
    language = models.CharField(max_length=10)
    given = models.BooleanField()
    recorded_at = models.DateTimeField(help_text="by the tablet's clock")

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.purpose}: {'yes' if self.given else 'no'}"
