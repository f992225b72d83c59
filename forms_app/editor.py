"""The page editor of a sign-up page: its form and its tabs."""

from django import forms
from django.conf import settings
from wagtail.admin.forms import WagtailAdminPageForm
from wagtail.admin.panels import (
    FieldPanel,
    FieldRowPanel,
    MultiFieldPanel,
    ObjectList,
    TabbedInterface,
)
from wagtail.models import Page
from wagtail_color_panel.edit_handlers import NativeColorPanel

from .brand import Brand
from .colour_tools import ColourTools
from .editor_panels import ChecklistPanel, TranslationsInput, TranslationsPanel
from .look import contrast_errors
from .translating import tidy
from .versions import describe


class SignupPageForm(WagtailAdminPageForm):
    other_languages = forms.MultipleChoiceField(
        label="Other languages",
        required=False,
        choices=settings.LANGUAGES,
        widget=forms.CheckboxSelectMultiple,
        help_text="The tablet shows a button for each. Write their texts under Translations.",
    )
    translations = forms.JSONField(required=False, widget=TranslationsInput)

    def clean(self) -> dict:
        cleaned = super().clean()
        first = cleaned.get("language")
        others = cleaned.get("other_languages", [])
        cleaned["other_languages"] = [language for language in others if language != first]
        return cleaned

    def _post_clean(self) -> None:
        """The page has now what was typed."""
        super()._post_clean()
        page, brand = self.instance, Brand.load()
        page.translations = tidy(page.translations, describe(page, brand), page.other_languages)
        if not self.is_deferred_validation:  # a draft may look like anything
            for name, message in contrast_errors(page, brand).items():
                self.add_error(name, message)


edit_handler = TabbedInterface(
    [
        ObjectList(
            [
                ChecklistPanel("Before you publish", icon="check"),
                *Page.content_panels,
                MultiFieldPanel([FieldPanel("headline"), FieldPanel("intro")], "Welcome"),
                FieldPanel("fields"),
                FieldPanel("submit_label"),
                MultiFieldPanel(
                    [
                        FieldPanel("thank_you_title"),
                        FieldPanel("thank_you_text"),
                        FieldPanel("thank_you_seconds"),
                    ],
                    "Thank-you",
                ),
            ],
            "Page",
        ),
        ObjectList(
            [
                MultiFieldPanel(
                    [FieldPanel("own_logo"), FieldPanel("own_picture")],
                    "Pictures",
                    help_text="What is empty here is as in your brand.",
                ),
                MultiFieldPanel(
                    [
                        ColourTools("own_"),
                        FieldRowPanel(
                            [NativeColorPanel("own_background"), NativeColorPanel("own_surface")]
                        ),
                        FieldRowPanel(
                            [NativeColorPanel("own_text"), NativeColorPanel("own_accent")]
                        ),
                    ],
                    "Colours",
                ),
                MultiFieldPanel(
                    [
                        FieldRowPanel(
                            [
                                FieldPanel("own_font"),
                                FieldPanel("own_radius"),
                                FieldPanel("own_button_style"),
                            ]
                        )
                    ],
                    "Type and shapes",
                ),
            ],
            "Look",
        ),
        ObjectList(
            [
                MultiFieldPanel(
                    [FieldPanel("language"), FieldPanel("other_languages")], "Languages"
                ),
                TranslationsPanel("Texts"),
            ],
            "Translations",
        ),
        ObjectList([FieldPanel("slug")], "Address"),
        ObjectList(Page.settings_panels, "Settings"),
    ],
    base_form_class=SignupPageForm,
)
