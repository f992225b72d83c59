"""What a new sign-up page may begin as: complete pages that a retailer only has to read again."""

import uuid
from dataclasses import dataclass

from django.utils.text import slugify

from .pages import HomePage, SignupPage

NEWS = "Yes, send me news and offers by e-mail. I can unsubscribe at any time."


@dataclass(frozen=True)
class PageTemplate:
    """`fields` are (kind, value) of blocks; what a value doesn't say is the block's default."""

    name: str
    description: str
    icon: str
    texts: dict[str, str]
    fields: tuple[tuple[str, dict], ...] = ()


TEMPLATES: dict[str, PageTemplate] = {
    "newsletter": PageTemplate(
        "Newsletter",
        "E-mail and first name, and a consent. Two fields: the quickest at a busy till.",
        "mail",
        {
            "headline": "First to know",
            "intro": "New things and the occasional treat, in your inbox now and then.",
            "submit_label": "Subscribe",
            "thank_you_title": "You're on the list!",
            "thank_you_text": "We'll write when there is something worth reading.",
        },
        (
            ("first_name", {"width": "full"}),
            ("email", {"required": True}),
            ("consent", {"label": NEWS, "purpose": "marketing"}),
        ),
    ),
}


def make_page(home: HomePage, template: PageTemplate, user) -> SignupPage:
    """A draft under `home`, with an address that is free."""
    page = SignupPage(title=template.name, slug=free_slug(home, template.name), live=False)
    for name, text in template.texts.items():
        setattr(page, name, text)
    page.owner = user
    page.fields = SignupPage.fields.field.stream_block.to_python(
        [{"type": kind, "id": str(uuid.uuid4()), "value": value} for kind, value in template.fields]
    )
    home.add_child(instance=page)
    page.save_revision(user=user, log_action=True)
    return page


def free_slug(home: HomePage, name: str) -> str:
    taken = set(home.get_children().values_list("slug", flat=True))
    slug = slugify(name)
    numbers = (f"{slug}-{number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (slug, *numbers) if candidate not in taken)
