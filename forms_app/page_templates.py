"""What a new sign-up page may begin as: complete pages that a retailer only has to read again."""

import uuid
from dataclasses import dataclass

from django.utils.text import slugify

from .pages import HomePage, SignupPage

NEWS = "Yes, send me news and offers by e-mail. I can unsubscribe at any time."
CLUB = "Yes, send me my club offers and a birthday treat by e-mail. I can unsubscribe at any time."
RULES = "I have read the rules of the club."
DRAW = "I am 18 or older and accept the rules of the draw."


@dataclass(frozen=True)
class PageTemplate:
    """`fields` are (kind, value) of blocks; what a value doesn't say is the block's default.

    `asks` says in words what a shopper is asked for. A condition in a value names another field by
    its place in `fields`, as {"field": 3, …}: blocks get their ids when a page is made.
    """

    name: str
    description: str
    icon: str
    asks: str
    texts: dict[str, str]
    fields: tuple[tuple[str, dict], ...] = ()


def only_if(place: int, test: str, value: str = "") -> dict:
    rule = {"field": place, "test": test, "value": value}
    return {"match": "all", "rules": [rule]}


TEMPLATES: dict[str, PageTemplate] = {
    "newsletter": PageTemplate(
        "Newsletter",
        "E-mail and first name, and a consent. Two fields: the quickest at a busy till.",
        "mail",
        "Asks for: first name, e-mail, consent to news",
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
    "loyalty-club": PageTemplate(
        "Loyalty club",
        "Two short steps: who somebody is, then a birthday and what they agree to.",
        "pick",
        "Asks for: name, e-mail, mobile, birthday, loyalty card, club rules, consent to news",
        {
            "headline": "Join the club",
            "intro": "A treat on your birthday, and points from today on.",
            "submit_label": "Join now",
            "thank_you_title": "Welcome to the club!",
            "thank_you_text": "Your card is on its way to your inbox.",
        },
        (
            ("first_name", {"required": True}),
            ("last_name", {}),
            ("email", {"required": True}),
            ("page_break", {}),
            ("birthday", {"help": "For your birthday treat. The year is nobody's business."}),
            ("mobile", {}),
            ("yes_no", {"label": "Do you have one of our paper cards?", "width": "full"}),
            (
                "loyalty_number",
                {"label": "Its number", "condition": only_if(6, "is", "yes")},
            ),
            ("consent", {"label": CLUB, "purpose": "marketing"}),
            ("consent", {"label": RULES, "purpose": "terms", "required": True}),
        ),
    ),
    "wifi-and-prize-draw": PageTemplate(
        "Wi-Fi and prize draw",
        "For a tablet on the counter: the Wi-Fi code and a chance to win, for an e-mail address.",
        "site",
        "Asks for: first name, e-mail, postcode, how they heard of you, rules, consent to news",
        {
            "headline": "Wi-Fi for you, and maybe a prize",
            "intro": "Every month we draw a winner among all who signed up.",
            "submit_label": "Count me in",
            "thank_you_title": "Good luck!",
            "thank_you_text": "The Wi-Fi code is on the card beside the till.",
        },
        (
            ("first_name", {"required": True, "width": "full"}),
            ("email", {"required": True}),
            ("postcode", {}),
            ("heard_from", {"display": "list"}),
            ("consent", {"label": DRAW, "purpose": "terms", "required": True}),
            ("consent", {"label": NEWS, "purpose": "marketing"}),
        ),
    ),
    "blank": PageTemplate(
        "Blank page",
        "Start with nothing but an e-mail address, and add what you want to know.",
        "plus",
        "Asks for: e-mail",
        {"headline": "", "intro": ""},
        (("email", {"required": True}),),
    ),
}


def blocks_of(template: PageTemplate) -> list[dict]:
    """The fields as a stream's raw data, with ids of their own."""
    ids = [str(uuid.uuid4()) for _ in template.fields]
    return [
        {"type": kind, "id": own, "value": {**value, **condition_of(value, ids)}}
        for own, (kind, value) in zip(ids, template.fields, strict=True)
    ]


def condition_of(value: dict, ids: list[str]) -> dict:
    if "condition" not in value:
        return {}
    rules = [{**rule, "field": ids[rule["field"]]} for rule in value["condition"]["rules"]]
    return {"condition": {**value["condition"], "rules": rules}}


def make_page(home: HomePage, template: PageTemplate, user) -> SignupPage:
    """A draft under `home`, with an address that is free."""
    page = SignupPage(title=template.name, slug=free_slug(home, template.name), live=False)
    for name, text in template.texts.items():
        setattr(page, name, text)
    page.owner = user
    page.fields = SignupPage.fields.field.stream_block.to_python(blocks_of(template))
    home.add_child(instance=page)
    page.save_revision(user=user, log_action=True)
    return page


def free_slug(home: HomePage, name: str) -> str:
    taken = set(home.get_children().values_list("slug", flat=True))
    slug = slugify(name)
    numbers = (f"{slug}-{number}" for number in range(2, len(taken) + 3))
    return next(candidate for candidate in (slug, *numbers) if candidate not in taken)
