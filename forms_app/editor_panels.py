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
    class BoundPanel(DraftPanel.BoundPanel):
        template_name = "forms_app/admin/checklist_panel.html"
        media = Media(js=[Script("forms_app/editor/checklist.js", type="module")])


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
