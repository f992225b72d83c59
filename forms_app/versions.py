"""Form versions: what exactly a shopper saw. Written on publish, never changed after."""

import hashlib
import json
import uuid
from collections.abc import Mapping

from django.db import models, transaction

from .condition_blocks import describe_condition
from .kinds import KINDS
from .stores import Store
from .translations import languages

# Versions never change, so a process may keep them for ever. The schema is part of the key.
_kept: dict[tuple[str, str], "FormVersion"] = {}
KEEP = 2000


class FormVersion(models.Model):
    """`schema` has this shape:

    {"format": 2,
     "languages": ["en", "nl"],  # the page's own first
     "country": "NL",
     "texts": {"title", "headline", "intro", "submit_label", "thank_you_title", "thank_you_text"},
     "fields": [{"key", "kind", "meaning", "label", "help", "required", "width", "condition",
                 and what the kind needs: "options": [{"id", "label"}], "display", "year",
                 "purpose", "min", "max", "decimals", "value", "text", "image", "alt"}],
     "translations": {"nl": {"texts.headline", "<key>.label", "<option's id>": "…"}}}

    Content and steps stand among the fields, in the page's order (`KINDS[kind].holds_answer`).
    The first format had no "format", one "language", and no conditions.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # A page that nobody signed up on may go, with its versions: sign-ups protect both themselves.
    page = models.ForeignKey(
        "forms_app.SignupPage", on_delete=models.CASCADE, related_name="versions"
    )
    number = models.PositiveIntegerField()
    schema = models.JSONField()
    digest = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    wagtail_reference_index_ignore = True

    class Meta:
        ordering = ["page", "number"]
        constraints = [
            models.UniqueConstraint(fields=["page", "number"], name="form_version_page_number"),
        ]

    def __str__(self) -> str:
        return f"{self.schema['texts']['title']}, version {self.number}"

    @property
    def fields(self) -> list[dict]:
        return self.schema["fields"]

    @property
    def country(self) -> str:
        return self.schema["country"]

    @property
    def languages(self) -> list[str]:
        return languages(self.schema)

    @property
    def language(self) -> str:
        """The page's own."""
        return self.languages[0]


def describe(page, brand) -> dict:
    """The schema of `page` as it stands, saved or not."""
    return {
        "format": 2,
        "languages": [page.language, *page.other_languages],
        "country": brand.country,
        "texts": {
            "title": page.title,
            "headline": page.headline or page.title,
            "intro": page.intro,
            "submit_label": page.submit_label,
            "thank_you_title": page.thank_you_title,
            "thank_you_text": page.thank_you_text,
        },
        # Where there are no stores, there is nothing to choose from.
        "fields": [
            field
            for field in map(describe_field, page.fields)
            if field["kind"] != "store" or field["options"]
        ],
        "translations": {
            language: page.translations.get(language, {}) for language in page.other_languages
        },
    }


def describe_field(child) -> dict:
    """One block of the page's stream."""
    kind, value = child.block_type, child.value or {}
    field = {
        # A block that was never saved has no id yet; a preview needs one all the same.
        "key": child.id or str(uuid.uuid4()),
        "kind": kind,
        "meaning": KINDS[kind].meaning,
        "label": value.get("label") or "",
        "help": value.get("help") or "",
        "required": bool(value.get("required")),
        "width": value.get("width") or "full",
        "condition": describe_condition(value.get("condition")),
    }
    for name in PLAIN.get(kind, ()):
        field[name] = value[name]
    if kind in ("choice", "choices", "heard_from"):
        options = value["options"].bound_blocks
        field["options"] = [{"id": option.id, "label": option.value} for option in options]
    if kind == "store":
        field["options"] = [
            {"id": str(store.pk), "label": store.name}
            for store in Store.objects.filter(is_archived=False)
        ]
    if kind == "number":
        for name in ("min", "max"):
            field[name] = "" if value[name] is None else f"{value[name]:f}"
    if kind == "image":
        field["image"] = value["image"].pk if value["image"] else None
    return field


# kind → what its version keeps just as the retailer typed it
PLAIN = {
    "birthday": ("year",),
    "choice": ("display",),
    "heard_from": ("display",),
    "store": ("display",),
    "consent": ("purpose",),
    "number": ("decimals",),
    "hidden": ("value",),
    "heading": ("text",),
    "text": ("text",),
    "image": ("alt",),
}


def digest(schema: Mapping) -> str:
    return hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()


def current_version(page) -> FormVersion | None:
    return page.versions.order_by("-number").first()


def write_version(page, brand) -> FormVersion:
    """The version for what `page` shows now; a new one only if that has changed."""
    schema = describe(page, brand)
    with transaction.atomic():
        # Two publications at once must not both take the next number.
        type(page).objects.select_for_update().get(pk=page.pk)
        latest = current_version(page)
        if latest and latest.digest == digest(schema):
            return latest
        return FormVersion.objects.create(
            page_id=page.pk,
            number=latest.number + 1 if latest else 1,
            schema=schema,
            digest=digest(schema),
        )


def find_version(schema_name: str, version_id: str) -> FormVersion | None:
    """The version with this id in the schema that is active (its name is `schema_name`)."""
    key = (schema_name, version_id)
    if key not in _kept:
        try:
            version = FormVersion.objects.get(pk=uuid.UUID(version_id))
        except (ValueError, FormVersion.DoesNotExist):
            return None
        if len(_kept) >= KEEP:
            _kept.clear()
        _kept[key] = version
    return _kept[key]
