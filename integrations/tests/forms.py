"""A form as a browser would send it back, read from the page's own markup."""

from bs4 import BeautifulSoup


def sent(page, action: str = "") -> dict[str, str]:
    """Everything in the page's form that a browser sends when this button is pressed."""
    form = BeautifulSoup(page.content, "html.parser").find("form", id="w-editor-form")
    data = {}
    for control in form.find_all(["input", "select", "textarea"]):
        name = control.get("name")
        if not name or control.has_attr("disabled"):
            continue
        if control.name == "select":
            chosen = control.find("option", selected=True) or control.find("option")
            data[name] = chosen["value"] if chosen else ""
        elif control.get("type") in ("checkbox", "radio"):
            if control.has_attr("checked"):
                data[name] = control.get("value", "on")
        else:
            data[name] = control.get("value", "")
    return {**data, "action": action} if action else data


def row_of(data: dict[str, str], source: str, prefix: str = "row", name: str = "source") -> str:
    """The prefix of the first row with this source."""
    suffix = f"-{name}"
    return next(
        key.removesuffix(suffix)
        for key, value in data.items()
        if key.startswith(f"{prefix}-") and key.endswith(suffix) and value == source
    )


def posted(page, action: str = "", **changes: dict[str, str]) -> dict[str, str]:
    """The mapping's form with rows changed: source → {field: value}."""
    data = sent(page, action)
    for source, values in changes.items():
        prefix = row_of(data, source)
        data |= {f"{prefix}-{name}": value for name, value in values.items()}
    return data
