"""The operator's public pages on BASE_HOST: what it is, and what it costs.

Edited in the console's Wagtail, under Settings. No foreign keys to pages, pictures or revisions:
those tables stand in every schema, and a retailer who deletes one of its own would reach these
rows by the same number.
"""

from django.db import models
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.blocks import CharBlock, ListBlock, RichTextBlock, StructBlock, TextBlock
from wagtail.contrib.settings.models import BaseGenericSetting, register_setting
from wagtail.fields import StreamField
from wagtail.models import PreviewableMixin

WORDS = ["bold", "italic", "ul"]  # no links to pages: those would be another schema's


class Point(StructBlock):
    heading = CharBlock(max_length=80)
    text = TextBlock(max_length=400)


class Points(StructBlock):
    """A row of short points, or numbered steps."""

    heading = CharBlock(max_length=100, required=False)
    points = ListBlock(Point(), min_num=1, max_num=6)


class Question(StructBlock):
    question = CharBlock(max_length=160)
    answer = RichTextBlock(features=WORDS)


BLOCKS = [
    ("points", Points(icon="list-ul", label="Points")),
    ("steps", Points(icon="list-ol", label="Numbered steps")),
    ("questions", ListBlock(Question(), icon="help", label="Questions and answers")),
    ("text", RichTextBlock(features=WORDS, icon="pilcrow", label="Text")),
]


def landing_body() -> list:
    return [
        (
            "steps",
            {
                "heading": "From the till to your CRM in seconds",
                "points": [
                    {
                        "heading": "Design your page",
                        "text": "Your logo, your colours, the questions you want to ask. Ten "
                        "minutes, and no one to call.",
                    },
                    {
                        "heading": "Put a tablet at the till",
                        "text": "Scan a code, and it belongs to your shop. It keeps working when "
                        "the Wi-Fi doesn’t.",
                    },
                    {
                        "heading": "Watch them arrive",
                        "text": "Each sign-up stands in your CRM seconds later, with the consent "
                        "that was really given.",
                    },
                ],
            },
        ),
        (
            "points",
            {
                "heading": "Made for a queue of people",
                "points": [
                    {
                        "heading": "Twenty seconds",
                        "text": "Large fields, few questions, one button. Nothing remains on the "
                        "screen for the next in line.",
                    },
                    {
                        "heading": "Nothing gets lost",
                        "text": "No Wi-Fi, or your CRM is down? Sign-ups wait, sealed, and arrive "
                        "later. Once each.",
                    },
                    {
                        "heading": "Consent you can show",
                        "text": "Which words, in which language, at which moment: it is kept with "
                        "every sign-up.",
                    },
                ],
            },
        ),
    ]


def pricing_body() -> list:
    return [
        (
            "questions",
            [
                {
                    "question": "What happens when a month is busier than my plan?",
                    "answer": "<p>Nobody is turned away. Each sign-up beyond the included ones "
                    "costs a few cents.</p>",
                },
                {
                    "question": "Do I need a card to begin?",
                    "answer": "<p>No. Try everything first, and choose a plan when you like it."
                    "</p>",
                },
                {
                    "question": "Can I leave?",
                    "answer": "<p>Any day. You can export everything, and then all of it is "
                    "deleted.</p>",
                },
            ],
        )
    ]


class PublicPage(PreviewableMixin, BaseGenericSetting):
    """`description` is what search engines show."""

    description = models.CharField("for search engines", max_length=200, blank=True)

    class Meta:
        abstract = True

    def get_preview_template(self, request, mode_name):
        return self.template

    def get_preview_context(self, request, mode_name):
        from .public_site import context_of

        return context_of(self)


@register_setting(icon="home", order=10)
class LandingPage(PublicPage):
    heading = models.CharField(
        max_length=120, default="Every customer at your till, in your CRM by the time they leave"
    )
    lead = models.TextField(
        max_length=400,
        default="A sign-up page in your shop’s own brand, on a tablet beside the till. Shoppers "
        "type for twenty seconds, and you know them from then on.",
    )
    button = models.CharField(max_length=40, default="Try it free")
    body = StreamField(BLOCKS, default=landing_body, blank=True)
    footer = models.TextField(
        max_length=400, blank=True, help_text="At the foot of every public page: who you are."
    )

    panels = [
        MultiFieldPanel([FieldPanel("heading"), FieldPanel("lead"), FieldPanel("button")], "Top"),
        FieldPanel("body"),
        MultiFieldPanel([FieldPanel("footer"), FieldPanel("description")], "Elsewhere"),
    ]
    template = "tenants/public/landing.html"

    class Meta:
        verbose_name = "landing page"


@register_setting(icon="tag", order=20)
class PricingPage(PublicPage):
    heading = models.CharField(max_length=120, default="Pay for what you use")
    lead = models.TextField(
        max_length=400,
        default="Every plan has everything: your brand, every CRM, all languages. They differ in "
        "how much.",
    )
    body = StreamField(BLOCKS, default=pricing_body, blank=True)

    panels = [
        MultiFieldPanel([FieldPanel("heading"), FieldPanel("lead")], "Top"),
        FieldPanel("body"),
        FieldPanel("description"),
    ]
    template = "tenants/public/pricing.html"

    class Meta:
        verbose_name = "pricing page"
