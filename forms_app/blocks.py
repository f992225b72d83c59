"""The blocks that a retailer drags onto a sign-up page: fields, content between them, steps.

A block's UUID is the field's key, for ever: labels may be renamed and translated, data stays. The
options of a choice have ids of their own for the same reason. The names in `FieldsBlock` are the
kinds of forms_app.kinds.
"""

from django.core.exceptions import ValidationError
from wagtail import blocks
from wagtail.images.blocks import ImageChooserBlock

from .condition_blocks import ConditionBlock
from .conditions import problems
from .kinds import KINDS
from .versions import describe_field

WIDTHS = [("full", "Full width"), ("half", "Half width")]
PERSON, SHOP, OWN, AGREE, BETWEEN = (
    "About the person",
    "About the shop",
    "Questions of your own",
    "Consent",
    "Between the fields",
)
HEARD_FROM = ("Friends or family", "Social media", "I walked past", "An advertisement", "Other")


def label(default: str) -> blocks.CharBlock:
    return blocks.CharBlock(default=default, max_length=200, help_text="What the shopper reads.")


def half() -> blocks.ChoiceBlock:
    return blocks.ChoiceBlock(choices=WIDTHS, default="half")


def options(*defaults: str) -> blocks.ListBlock:
    return blocks.ListBlock(
        blocks.CharBlock(max_length=100), min_num=2, max_num=50, default=list(defaults or ("", ""))
    )


def display(default: str = "buttons") -> blocks.ChoiceBlock:
    choices = [("buttons", "Big buttons"), ("list", "Drop-down list")]
    return blocks.ChoiceBlock(choices=choices, default=default)


class SignupFieldBlock(blocks.StructBlock):
    """What every field has. A subclass sets the label that fits its meaning."""

    label = label("")
    help = blocks.CharBlock(required=False, max_length=300, label="Help under the field")
    required = blocks.BooleanBlock(required=False, default=False)
    width = blocks.ChoiceBlock(choices=WIDTHS, default="full")
    condition = ConditionBlock(required=False, label="Only show this if …")


class FirstNameBlock(SignupFieldBlock):
    label = label("First name")
    width = half()

    class Meta:
        icon = "user"
        label = "First name"
        group = PERSON


class LastNameBlock(SignupFieldBlock):
    label = label("Last name")
    width = half()

    class Meta:
        icon = "user"
        label = "Last name"
        group = PERSON


class FullNameBlock(SignupFieldBlock):
    label = label("Name")

    class Meta:
        icon = "user"
        label = "Full name"
        group = PERSON


class EmailBlock(SignupFieldBlock):
    label = label("E-mail")
    required = blocks.BooleanBlock(required=False, default=True)

    class Meta:
        icon = "mail"
        label = "E-mail"
        group = PERSON


class MobileBlock(SignupFieldBlock):
    label = label("Mobile number")

    class Meta:
        icon = "mobile-alt"
        label = "Mobile number"
        group = PERSON


class BirthdayBlock(SignupFieldBlock):
    label = label("Birthday")
    year = blocks.BooleanBlock(
        required=False, default=False, label="Ask for the year", help_text="It stays optional."
    )

    class Meta:
        icon = "calendar-alt"
        label = "Birthday"
        group = PERSON


class PostcodeBlock(SignupFieldBlock):
    label = label("Postcode")
    width = half()

    class Meta:
        icon = "site"
        label = "Postcode"
        group = PERSON


class AddressBlock(SignupFieldBlock):
    label = label("Address")

    class Meta:
        icon = "home"
        label = "Address"
        group = PERSON


class CountryBlock(SignupFieldBlock):
    label = label("Country")
    width = half()

    class Meta:
        icon = "globe"
        label = "Country"
        group = PERSON


class CompanyBlock(SignupFieldBlock):
    label = label("Company")

    class Meta:
        icon = "group"
        label = "Company"
        group = PERSON


class LoyaltyNumberBlock(SignupFieldBlock):
    label = label("Loyalty number")

    class Meta:
        icon = "key"
        label = "Loyalty number"
        group = SHOP


class HeardFromBlock(SignupFieldBlock):
    label = label("How did you hear of us?")
    options = options(*HEARD_FROM)
    display = display()

    class Meta:
        icon = "help"
        label = "How did you hear of us?"
        group = SHOP


class StoreBlock(SignupFieldBlock):
    label = label("Your store")
    display = display("list")

    class Meta:
        icon = "home"
        label = "Store"
        group = SHOP
        help_text = (
            "The list is made of your stores. A paired tablet knows its own, and doesn't ask."
        )


class StaffCodeBlock(SignupFieldBlock):
    label = label("Staff code")
    width = half()

    class Meta:
        icon = "user"
        label = "Staff code"
        group = SHOP


class ShortTextBlock(SignupFieldBlock):
    label = label("")

    class Meta:
        icon = "edit"
        label = "Short text"
        group = OWN


class LongTextBlock(SignupFieldBlock):
    label = label("")

    class Meta:
        icon = "pilcrow"
        label = "Long text"
        group = OWN


class NumberFieldBlock(SignupFieldBlock):
    label = label("")
    min = blocks.DecimalBlock(required=False, label="Least")
    max = blocks.DecimalBlock(required=False, label="Most")
    decimals = blocks.IntegerBlock(
        default=0, min_value=0, max_value=6, label="Digits after the point"
    )
    width = half()

    class Meta:
        icon = "order"
        label = "Number"
        group = OWN

    def clean(self, value):
        cleaned = super().clean(value)
        least, most = cleaned["min"], cleaned["max"]
        if least is not None and most is not None and least > most:
            raise blocks.StructBlockValidationError(
                {"max": ValidationError("This must not be less than the least.")}
            )
        return cleaned


class DateFieldBlock(SignupFieldBlock):
    label = label("")

    class Meta:
        icon = "date"
        label = "Date"
        group = OWN


class ChoiceFieldBlock(SignupFieldBlock):
    label = label("")
    options = options()
    display = display()

    class Meta:
        icon = "list-ul"
        label = "Choice"
        group = OWN


class ChoicesFieldBlock(SignupFieldBlock):
    label = label("")
    options = options()

    class Meta:
        icon = "list-ul"
        label = "Several choices"
        group = OWN


class RatingBlock(SignupFieldBlock):
    label = label("How was your visit?")

    class Meta:
        icon = "pick"
        label = "Rating"
        group = OWN


class YesNoBlock(SignupFieldBlock):
    label = label("")

    class Meta:
        icon = "check"
        label = "Yes or no"
        group = OWN


class HiddenBlock(blocks.StructBlock):
    label = blocks.CharBlock(max_length=200, help_text="For you: shoppers don't see it.")
    value = blocks.CharBlock(
        max_length=200, help_text="Kept with each sign-up, such as the name of a campaign."
    )

    class Meta:
        icon = "view"
        label = "Hidden value"
        group = OWN


class ConsentBlock(blocks.StructBlock):
    """Never ticked in advance; the wording is kept with each sign-up as evidence."""

    label = blocks.TextBlock(
        label="Wording",
        max_length=1000,
        rows=3,
        default="Yes, send me news and offers by e-mail. I can unsubscribe at any time.",
        help_text="Exactly what the shopper agrees to.",
    )
    purpose = blocks.ChoiceBlock(
        choices=[("marketing", "Marketing"), ("terms", "Terms and conditions")],
        default="marketing",
        help_text="Keep marketing apart from terms: a shopper must be able to say no to it.",
    )
    required = blocks.BooleanBlock(
        required=False, default=False, help_text="Only for terms. Marketing is always free."
    )
    condition = ConditionBlock(required=False, label="Only show this if …")

    class Meta:
        icon = "tick-inverse"
        label = "Consent"
        group = AGREE

    def clean(self, value):
        cleaned = super().clean(value)
        if cleaned["required"] and cleaned["purpose"] == "marketing":
            raise blocks.StructBlockValidationError(
                {
                    "required": ValidationError(
                        "Consent to marketing can't be required: it must be free."
                    )
                }
            )
        return cleaned


class HeadingBlock(blocks.StructBlock):
    text = blocks.CharBlock(max_length=200)
    condition = ConditionBlock(required=False, label="Only show this if …")

    class Meta:
        icon = "title"
        label = "Heading"
        group = BETWEEN


class ParagraphBlock(blocks.StructBlock):
    text = blocks.TextBlock(max_length=2000, rows=3)
    condition = ConditionBlock(required=False, label="Only show this if …")

    class Meta:
        icon = "pilcrow"
        label = "Text"
        group = BETWEEN


class ImageBlock(blocks.StructBlock):
    image = ImageChooserBlock()
    alt = blocks.CharBlock(
        required=False,
        max_length=200,
        label="Description",
        help_text="For those who can't see it. Leave it empty if it only decorates.",
    )
    condition = ConditionBlock(required=False, label="Only show this if …")

    class Meta:
        icon = "image"
        label = "Image"
        group = BETWEEN


class DividerBlock(blocks.StructBlock):
    condition = ConditionBlock(required=False, label="Only show this if …")

    class Meta:
        icon = "minus"
        label = "Line"
        group = BETWEEN


class PageBreakBlock(blocks.StaticBlock):
    class Meta:
        icon = "arrow-right"
        label = "Next step"
        group = BETWEEN
        admin_text = "What follows is the next step. A shopper gets there with a button."


class FieldsBlock(blocks.StreamBlock):
    """Everything that may stand on a sign-up page."""

    first_name = FirstNameBlock()
    last_name = LastNameBlock()
    full_name = FullNameBlock()
    email = EmailBlock()
    mobile = MobileBlock()
    birthday = BirthdayBlock()
    postcode = PostcodeBlock()
    address = AddressBlock()
    country = CountryBlock()
    company = CompanyBlock()
    loyalty_number = LoyaltyNumberBlock()
    heard_from = HeardFromBlock()
    store = StoreBlock()
    staff_code = StaffCodeBlock()
    consent = ConsentBlock()
    short_text = ShortTextBlock()
    long_text = LongTextBlock()
    number = NumberFieldBlock()
    date = DateFieldBlock()
    choice = ChoiceFieldBlock()
    choices = ChoicesFieldBlock()
    rating = RatingBlock()
    yes_no = YesNoBlock()
    hidden = HiddenBlock()
    heading = HeadingBlock()
    text = ParagraphBlock()
    image = ImageBlock()
    divider = DividerBlock()
    page_break = PageBreakBlock()

    class Meta:
        max_num = 100  # more than anybody fills in, and no chain of conditions is longer

    def clean(self, value):
        """Refuses conditions that can't be, with the message at their block."""
        cleaned = super().clean(value)
        fields = [describe_field(child) for child in cleaned]
        errors = {}
        found = problems(fields, KINDS)
        for number, field in enumerate(fields):
            if message := found.get(field["key"]):
                errors[number] = blocks.StructBlockValidationError(
                    {"condition": ValidationError(message)}
                )
        if errors:
            raise blocks.StreamBlockValidationError(block_errors=errors)
        return cleaned
