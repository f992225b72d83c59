"""Panels of the page editor that say what the page still needs, kept up to date while it changes.

static/forms_app/editor/draft.js posts what is typed to forms_app.editor_views; checklist.js and
translations.js show what comes back.
"""

import json

from django import forms
from django.conf import settings
from django.forms import Media, Script
from django.urls import reverse
from wagtail.admin.panels import Panel

from .conditions import NEEDS_VALUE, TESTS, tests_for
from .countries import countries
from .kinds import KINDS, RATINGS
from .stores import Store


class TranslationsInput(forms.HiddenInput):
    """Holds all translations as JSON; translations.js draws the inputs that one types in."""

    def format_value(self, value) -> str:
        return value if isinstance(value, str) else json.dumps(value or {})


class DraftPanel(Panel):
    """A panel that is drawn from what is typed. It needs a page that has been saved once."""

    class BoundPanel(Panel.BoundPanel):
        def get_context_data(self, parent_context=None) -> dict:
            page = self.instance
            return {
                **super().get_context_data(parent_context),
                "draft_url": reverse("signup_page_draft", args=[page.pk]) if page.pk else "",
            }


class ChecklistPanel(DraftPanel):
    """Also tells conditions.js what can be asked about fields of which kind."""

    class BoundPanel(DraftPanel.BoundPanel):
        template_name = "forms_app/admin/checklist_panel.html"
        media = Media(
            js=[
                Script(f"forms_app/editor/{name}.js", type="module")
                for name in ("checklist", "conditions")
            ]
        )

        def get_context_data(self, parent_context=None) -> dict:
            return {**super().get_context_data(parent_context), "rules": condition_rules()}


def condition_rules() -> dict:
    """{tests: test → words, needsValue: […], kinds: kind → {label, tests, options?}}.

    `options` are [answer, words] where they are the same on every page.
    """
    from .blocks import FieldsBlock

    return {
        "tests": TESTS,
        "needsValue": sorted(NEEDS_VALUE),
        "kinds": {
            kind: {
                "label": str(block.label),
                "tests": [test for test in TESTS if test in tests_for(kind)],
                **({"options": fixed} if (fixed := fixed_options(kind)) else {}),
            }
            for kind, block in FieldsBlock().child_blocks.items()
            if KINDS[kind].form_field
        },
    }


def fixed_options(kind: str) -> list[list[str]]:
    if kind == "yes_no":
        return [["yes", "Yes"], ["no", "No"]]
    if kind == "rating":
        return [[rating, rating] for rating in RATINGS]
    if kind == "country":
        return [[code, name] for code, name in countries("en")]
    if kind == "store":
        open_stores = Store.objects.filter(is_archived=False).order_by("name")
        return [[str(store.pk), store.name] for store in open_stores]
    return []


class TranslationsPanel(DraftPanel):
    def get_form_options(self) -> dict:
        return {"fields": ["translations"]}

    class BoundPanel(DraftPanel.BoundPanel):
        template_name = "forms_app/admin/translations_panel.html"
        media = Media(js=[Script("forms_app/editor/translations.js", type="module")])

        def get_context_data(self, parent_context=None) -> dict:
            return {
                **super().get_context_data(parent_context),
                "field": self.form["translations"],
                "languages": json.dumps(dict(settings.LANGUAGES)),
            }
