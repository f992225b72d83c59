"""What Wagtail's page editor sends for a sign-up page."""

ATTRIBUTES = (
    "title", "slug", "headline", "intro", "submit_label", "thank_you_title", "thank_you_text",
    "thank_you_seconds", "language",
)  # fmt: skip


def editor_form(page, *fields: dict, **attributes) -> dict[str, str]:
    """The editor's form of `page`, with these fields (see shop.field) and attributes."""
    form = {name: str(getattr(page, name)) for name in ATTRIBUTES} | attributes
    form |= {"fields-count": str(len(fields)), "comments-TOTAL_FORMS": "0"}
    form |= {"comments-INITIAL_FORMS": "0", "comments-MAX_NUM_FORMS": "1000"}
    for number, field in enumerate(fields):
        place = f"fields-{number}"
        form |= {
            f"{place}-deleted": "",
            f"{place}-order": str(number),
            f"{place}-type": field["type"],
            f"{place}-id": field["id"],
            f"{place}-value-width": "full",
        }
        form |= condition(f"{place}-value-condition", field["value"].get("condition"))
        for name, value in field["value"].items():
            if name == "condition":
                continue
            if name == "options":
                form |= options(f"{place}-value-options", value)
            elif value is True:
                form[f"{place}-value-{name}"] = "on"
            elif value is not False:
                form[f"{place}-value-{name}"] = value
        if field["type"] == "choice":
            form.setdefault(f"{place}-value-display", "buttons")
    return form


def condition(place: str, value: dict | None) -> dict[str, str]:
    rules = value["rules"] if value else []
    form = {f"{place}-match": value["match"] if value else "all"}
    form[f"{place}-rules-count"] = str(len(rules))
    for number, rule in enumerate(rules):
        form |= {
            f"{place}-rules-{number}-deleted": "",
            f"{place}-rules-{number}-order": str(number),
            f"{place}-rules-{number}-type": "item",
            f"{place}-rules-{number}-id": "",
            **{f"{place}-rules-{number}-value-{name}": text for name, text in rule.items()},
        }
    return form


def options(place: str, items: list[dict]) -> dict[str, str]:
    form = {f"{place}-count": str(len(items))}
    for number, item in enumerate(items):
        form |= {
            f"{place}-{number}-deleted": "",
            f"{place}-{number}-order": str(number),
            f"{place}-{number}-type": "item",
            f"{place}-{number}-id": item["id"],
            f"{place}-{number}-value": item["value"],
        }
    return form
