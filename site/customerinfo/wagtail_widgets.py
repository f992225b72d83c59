"""Wagtail's fields for dates, pictures and pages without the scripts that it writes into the page.

Wagtail (7.4 and 8.0) starts each by a <script> beside it, the last that its admin has (its issue
1288). Here the same stands in data attributes, and static/customerinfo/widgets.js starts the field.
Dates: templates/wagtailadmin/widgets/. Choosers write theirs in Python.
"""

import json

from django.utils.html import format_html
from django.utils.safestring import SafeString
from wagtail.admin.widgets.chooser import BaseChooser

START = (
    '{}<span hidden data-controller="field-start" data-by="{}" data-of="{}" data-with="{}"></span>'
)


def render(self: BaseChooser, name: str, value, attrs: dict, renderer=None) -> SafeString:
    """Instead of `BaseChooser.render`. `attrs` has the field's id."""
    chosen = self.get_value_data(value)
    html = self.render_html(name, chosen, attrs)
    options = json.dumps(self.get_js_init_options(attrs["id"], name, chosen))
    return format_html(START, html, self.js_constructor, attrs["id"], options)


def without_inline_scripts() -> None:
    BaseChooser.render = render
