"""The CRM's web pages. Each has a part that is live: while the page is open, crm.js asks for
that part again and swaps it in when it has changed."""

from dataclasses import dataclass
from datetime import date
from html import escape
from typing import Any, Mapping, Sequence
from urllib.parse import quote

from customerinfo.demo.crm.contact_attributes import ATTRIBUTES, BY_NAME
from customerinfo.demo.crm.store import Store

ON_A_PAGE = 100
_TOP = (("/", "All accounts"),)
_EVENTS = {
    "created": "Contact created",
    "updated": "Contact updated",
    "unchanged": "Sent again, nothing changed",
}


@dataclass(frozen=True)
class Page:
    title: str
    revision: int
    live: str
    trail: tuple[tuple[str, str], ...] = ()  # (address, text) of the pages above

    def whole(self) -> str:
        return _whole(self.title, self.live, self.revision, self.trail)


def find(store: Store, path: str, query: Mapping[str, Sequence[str]]) -> Page | None:
    """The page at this address, or None."""
    accounts = {account["slug"]: account for account in store.accounts()}
    parts = path.strip("/").split("/")
    if path == "/":
        return Page("Accounts", store.revision(), _accounts(list(accounts.values())))
    account = accounts.get(parts[0])
    if account is None:
        return None
    if len(parts) == 1 and path.endswith("/"):
        wanted = query.get("page", ["1"])[0]
        number = max(int(wanted), 1) if wanted.isdigit() and len(wanted) < 7 else 1
        revision = store.revision(account["slug"])
        return Page(account["name"], revision, _contacts(store, account, number), _TOP)
    if len(parts) == 3 and parts[1] == "contacts":
        contact = store.get(account["slug"], parts[2])
        if contact is None:
            return None
        trail = (*_TOP, (f"/{account['slug']}/", account["name"]))
        history = store.history(contact["id"])
        live = _contact(contact, history)
        return Page(_name(contact["attributes"]), history[0]["id"], live, trail)
    return None


def missing() -> str:
    text = '<div class="empty"><h1>Nothing here</h1><p>No such account or contact.</p></div>'
    return _whole("Not found", text, 0, _TOP)


def _whole(title: str, live: str, revision: int, trail: tuple[tuple[str, str], ...]) -> str:
    links = "".join(f'<a href="{escape(url)}">{escape(text)}</a>' for url, text in trail)
    here = f"{links}<span>{escape(title)}</span>" if trail else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} · Sandbox CRM</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/crm.css">
</head>
<body>
<header class="top">
<a class="mark" href="/"><span class="logo" aria-hidden="true"></span>Sandbox CRM</a>
<p class="what">A stand-in for a shop’s own CRM. Test data only.</p>
</header>
<nav class="trail" aria-label="Where you are">{here}</nav>
<main id="live" data-revision="{revision}">{live}</main>
<script src="/assets/crm.js" defer></script>
</body>
</html>
"""


def _accounts(accounts: Sequence[Mapping[str, Any]]) -> str:
    cards = []
    for account in accounts:
        latest = _time(account["latest"]) if account["latest"] else "nothing yet"
        plural = "contact" if account["contacts"] == 1 else "contacts"
        cards.append(
            f'<li><a class="card" href="/{escape(account["slug"])}/">'
            f'<span class="card-name">{escape(account["name"])}</span>'
            f'<span class="number">{account["contacts"]:,}</span>'
            f'<span class="unit">{plural}</span>'
            f'<span class="card-foot">Latest: {latest}</span></a></li>'
        )
    return f'<div class="heading"><h1>Accounts</h1></div><ul class="cards">{"".join(cards)}</ul>'


def _contacts(store: Store, account: Mapping[str, Any], number: int) -> str:
    slug, total = account["slug"], account["contacts"]
    contacts = store.newest(slug, ON_A_PAGE, (number - 1) * ON_A_PAGE)
    plural = "contact" if total == 1 else "contacts"
    heading = (
        f'<div class="heading"><h1>{escape(account["name"])}</h1>'
        f'<p class="count"><b>{total:,}</b> {plural}</p>'
        '<p class="pulse"><span aria-hidden="true"></span>Live</p></div>'
    )
    if not contacts:
        return (
            f'{heading}<div class="empty"><h2>No contacts yet</h2>'
            "<p>They appear here by themselves, seconds after somebody signs up.</p></div>"
        )
    rows = "".join(_row(slug, contact) for contact in contacts)
    pages = ""
    if number > 1:
        pages += f'<a href="?page={number - 1}">Newer</a>'
    if number * ON_A_PAGE < total:
        pages += f'<a href="?page={number + 1}">Older</a>'
    return (
        f'{heading}<table class="contacts"><thead><tr><th>Contact</th><th>Mobile</th>'
        "<th>Birthday</th><th>Marketing</th><th>Store</th><th>Changed</th></tr></thead>"
        f'<tbody>{rows}</tbody></table><nav class="pages">{pages}</nav>'
    )


def _row(slug: str, contact: Mapping[str, Any]) -> str:
    held = contact["attributes"]
    cells = "".join(
        f"<td>{_value(name, held.get(name))}</td>"
        for name in ("mobile", "birthday", "marketing_consent", "store")
    )
    tags = "".join(f'<span class="tag">{escape(tag)}</span>' for tag in held.get("tags", ()))
    email = held.get("email", "")
    second = f"<small>{escape(email)}</small>" if email != _name(held) else ""
    return (
        f'<tr data-key="{contact["id"]}:{escape(contact["updated_at"])}">'
        f'<td><a class="person" href="/{escape(slug)}/contacts/{quote(contact["id"])}">'
        f"{_avatar(contact)}<span><b>{escape(_name(held))}</b>{tags}{second}</span></a></td>"
        f'{cells}<td class="when">{_time(contact["updated_at"])}</td></tr>'
    )


def _contact(contact: Mapping[str, Any], history: Sequence[Mapping[str, Any]]) -> str:
    held = contact["attributes"]
    facts = "".join(
        f"<div><dt>{escape(one['label'])}<code>{escape(one['name'])}</code></dt>"
        f"<dd>{_value(one['name'], held.get(one['name']))}</dd></div>"
        for one in ATTRIBUTES
    )
    events = "".join(_event(event) for event in history)
    return (
        f'<div class="heading">{_avatar(contact)}<h1>{escape(_name(held))}</h1>'
        f'<p class="count">Contact {escape(contact["id"])}</p>'
        '<p class="pulse"><span aria-hidden="true"></span>Live</p></div>'
        f'<div class="record"><section><h2>Record</h2><dl class="facts">{facts}</dl></section>'
        f'<section><h2>History</h2><ol class="history">{events}</ol></section></div>'
    )


def _event(event: Mapping[str, Any]) -> str:
    changes = ""
    for name, (old, new) in event["changes"].items():
        label = escape(BY_NAME.get(name, {"label": name})["label"])
        before = "" if old is None else f"<del>{_value(name, old)}</del> "
        changes += f"<li><b>{label}</b> {before}<ins>{_value(name, new)}</ins></li>"
    title = escape(_EVENTS.get(event["kind"], event["kind"]))
    lines = f"<ul>{changes}</ul>" if changes else ""
    return f'<li class="{escape(event["kind"])}"><h3>{title}</h3>{_time(event["at"])}{lines}</li>'


def _name(held: Mapping[str, Any]) -> str:
    name = f"{held.get('first_name', '')} {held.get('last_name', '')}".strip()
    return name or held.get("email") or held.get("mobile") or "Nameless"


def _avatar(contact: Mapping[str, Any]) -> str:
    words = _name(contact["attributes"]).split()
    initials = "".join(word[0] for word in words[:2]).upper()
    hue = int(contact["id"]) % 6
    return f'<span class="avatar hue-{hue}" aria-hidden="true">{escape(initials)}</span>'


def _time(moment: str) -> str:
    """Readable as it stands; crm.js makes "3 s ago" of it."""
    readable = moment[:16].replace("T", " ") + " UTC"
    return f'<time datetime="{escape(moment)}">{escape(readable)}</time>'


def _value(name: str, value: Any) -> str:
    if value is None or value == "" or value == []:
        return '<span class="none">–</span>'
    if isinstance(value, bool):
        return f'<span class="pill {"yes" if value else "no"}">{"Yes" if value else "No"}</span>'
    if isinstance(value, list):
        return "".join(f'<span class="tag">{escape(str(one))}</span>' for one in value)
    kind = BY_NAME.get(name, {"type": ""})["type"]
    if kind == "date":
        day = date.fromisoformat(value)
        return escape(f"{day.day} {day:%B %Y}")
    if kind == "select":
        labels = {option["value"]: option["label"] for option in BY_NAME[name]["options"]}
        return escape(labels.get(value, value))
    return escape(str(value))
