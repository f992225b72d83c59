"""The condition of a field, as one edits it: forms_app.conditions says what it means."""

from wagtail import blocks

from .conditions import NEEDS_VALUE, TESTS

MATCHES = [("all", "all of these are so"), ("any", "one of these is so")]


class FieldReferenceBlock(blocks.CharBlock):
    """The key of another field of the page. The editor makes it a list of their labels."""


class AnswerBlock(blocks.CharBlock):
    """What an answer is compared with: an option's id, yes or no, or a number."""


class RuleBlock(blocks.StructBlock):
    field = FieldReferenceBlock(max_length=36)
    test = blocks.ChoiceBlock(choices=list(TESTS.items()), default="answered")
    value = AnswerBlock(required=False, max_length=100)

    class Meta:
        icon = "link"
        label = "Rule"
        form_classname = "struct-block rule"


class ConditionBlock(blocks.StructBlock):
    """No rules: the field is always shown."""

    match = blocks.ChoiceBlock(choices=MATCHES, default="all", label="Show it if")
    rules = blocks.ListBlock(RuleBlock(), default=[], max_num=10, label="Rules")

    class Meta:
        icon = "view"
        collapsed = True
        form_classname = "struct-block condition"


def describe_condition(value) -> dict | None:
    """A condition as a form version keeps it; None where there is none."""
    if not value or not value["rules"]:
        return None
    return {
        "match": value["match"],
        "rules": [
            {
                "field": rule["field"],
                "test": rule["test"],
                "value": (rule["value"] or "") if rule["test"] in NEEDS_VALUE else "",
            }
            for rule in value["rules"]
        ],
    }
