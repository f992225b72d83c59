"""The field blocks that a retailer drags onto a sign-up page.

A block's UUID is the field's key, for ever: labels may be renamed and translated, data stays. The
options of a choice have ids of their own for the same reason.
"""

from django.core.exceptions import ValidationError
from wagtail import blocks

WIDTHS = [("full", "Full width"), ("half", "Half width")]


def label(default: str) -> blocks.CharBlock:
    return blocks.CharBlock(default=default, max_length=200, help_text="What the shopper reads.")


class SignupFieldBlock(blocks.StructBlock):
    """What every field has. A subclass sets the label that fits its meaning."""

    label = label("")
    help = blocks.CharBlock(required=False, max_length=300, label="Help under the field")
    required = blocks.BooleanBlock(required=False, default=False)
    width = blocks.ChoiceBlock(choices=WIDTHS, default="full")


class FirstNameBlock(SignupFieldBlock):
    label = label("First name")
    width = blocks.ChoiceBlock(choices=WIDTHS, default="half")

    class Meta:
        icon = "user"
        label = "First name"
        group = "About the person"


class LastNameBlock(SignupFieldBlock):
    label = label("Last name")
    width = blocks.ChoiceBlock(choices=WIDTHS, default="half")

    class Meta:
        icon = "user"
        label = "Last name"
        group = "About the person"


class EmailBlock(SignupFieldBlock):
    label = label("E-mail")
    required = blocks.BooleanBlock(required=False, default=True)

    class Meta:
        icon = "mail"
        label = "E-mail"
        group = "About the person"


class MobileBlock(SignupFieldBlock):
    label = label("Mobile number")

    class Meta:
        icon = "mobile-alt"
        label = "Mobile number"
        group = "About the person"


class BirthdayBlock(SignupFieldBlock):
    label = label("Birthday")
    year = blocks.BooleanBlock(
        required=False, default=False, label="Ask for the year", help_text="It stays optional."
    )

    class Meta:
        icon = "calendar-alt"
        label = "Birthday"
        group = "About the person"


class ChoiceFieldBlock(SignupFieldBlock):
    label = label("")
    options = blocks.ListBlock(
        blocks.CharBlock(max_length=100), min_num=2, max_num=50, default=["", ""]
    )
    display = blocks.ChoiceBlock(
        choices=[("buttons", "Big buttons"), ("list", "Drop-down list")], default="buttons"
    )

    class Meta:
        icon = "list-ul"
        label = "Choice"
        group = "Questions of your own"


class ShortTextBlock(SignupFieldBlock):
    label = label("")

    class Meta:
        icon = "edit"
        label = "Short text"
        group = "Questions of your own"


class LongTextBlock(SignupFieldBlock):
    label = label("")

    class Meta:
        icon = "pilcrow"
        label = "Long text"
        group = "Questions of your own"


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

    class Meta:
        icon = "tick-inverse"
        label = "Consent"
        group = "Consent"

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


class FieldsBlock(blocks.StreamBlock):
    """The fields of a sign-up page. The names are the kinds in forms_app.kinds."""

    first_name = FirstNameBlock()
    last_name = LastNameBlock()
    email = EmailBlock()
    mobile = MobileBlock()
    birthday = BirthdayBlock()
    choice = ChoiceFieldBlock()
    short_text = ShortTextBlock()
    long_text = LongTextBlock()
    consent = ConsentBlock()
