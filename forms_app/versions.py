"""Form versions: what exactly a shopper saw. Written on publish, never changed after."""

import hashlib
import json
import uuid
from collections.abc import Mapping

from django.db import models, transaction

from .kinds import KINDS

# Versions never change, so a process may keep them for ever. The schema is part of the key.
_kept: dict[tuple[str, str], "FormVersion"] = {}
KEEP = 2000


class FormVersion(models.Model):
    """`schema` has this shape:

    {"language": "en", "country": "NL",
     "texts": {"title", "headline", "intro", "submit_label", "thank_you_title", "thank_you_text"},
     "fields": [{"key", "kind", "meaning", "label", "help", "required", "width",
                 "options": [{"id", "label"}], "display", "year", "purpose"}]}
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
    def language(self) -> str:
        return self.schema["language"]


def describe(page, brand) -> dict:
    """The schema of `page` as it stands, saved or not."""
    return {
        "language": page.language,
        "country": brand.country,
        "texts": {
            "title": page.title,
            "headline": page.headline or page.title,
            "intro": page.intro,
            "submit_label": page.submit_label,
            "thank_you_title": page.thank_you_title,
            "thank_you_text": page.thank_you_text,
        },
        "fields": [describe_field(child) for child in page.fields],
    }


def describe_field(child) -> dict:
    """One field block of the page's stream."""
    value = child.value
    field = {
        # A block that was never saved has no id yet; a preview needs one all the same.
        "key": child.id or str(uuid.uuid4()),
        "kind": child.block_type,
        "meaning": KINDS[child.block_type].meaning,
        "label": value["label"],
        "help": value.get("help") or "",
        "required": value["required"],
        "width": value.get("width", "full"),
    }
    if child.block_type == "choice":
        options = value["options"].bound_blocks
        field["options"] = [{"id": option.id, "label": option.value} for option in options]
        field["display"] = value["display"]
    if child.block_type == "birthday":
        field["year"] = value["year"]
    if child.block_type == "consent":
        field["purpose"] = value["purpose"]
    return field


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
