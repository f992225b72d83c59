"""Lists that come in pages, as the document says how (generic_definition.Call)."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

from integrations.connectors.base import TryLater
from integrations.connectors.generic_definition import Call
from integrations.connectors.generic_templates import at

if TYPE_CHECKING:
    from integrations.connectors.generic_rest import GenericRestConnector

MOST = 100  # pages; a CRM whose last page leads to its first ends there


def items(
    crm: "GenericRestConnector",
    asked: Call,
    values: Mapping[str, Any],
    allow: tuple[int, ...] = (),
) -> Iterator[Any]:
    """All items, page by page as they are asked for; none where the answer is one of `allow`.

    Raises like check().
    """
    target, page = crm.target(asked, values), 1
    if asked.page_query:
        target = with_query(target, asked.page_query, page)
    for _ in range(MOST):
        answer = crm.ask_at(asked, target, values, allow)
        if answer.status in allow:
            return
        said = answer.json()
        found = at(said, asked.items)
        if not isinstance(found, list) or not found:
            return
        yield from found
        if not asked.in_pages:
            return
        if asked.page_query:
            page += 1
            target = with_query(crm.target(asked, values), asked.page_query, page)
            continue
        following = at(said, asked.next)
        if following in (None, "", False):
            return
        if asked.next_query:
            target = with_query(crm.target(asked, values), asked.next_query, str(following))
        else:
            target = on_the_host(crm, str(following))
    raise TryLater("too_many_pages", f"The CRM's list has more than {MOST} pages.")


def with_query(target: str, name: str, value: object) -> str:
    return f"{target}{'&' if '?' in target else '?'}{urlencode({name: value})}"


def on_the_host(crm: "GenericRestConnector", address: str) -> str:
    """The path of the next page, if it is on the same host: the key goes nowhere else."""
    parts, own = urlsplit(address), urlsplit(crm.url(""))
    if parts.netloc and (parts.scheme, parts.netloc) != (own.scheme, own.netloc):
        raise TryLater("foreign_page", "The CRM's next page is on another host.")
    path = parts.path.removeprefix(own.path.rstrip("/"))
    if not path.startswith("/"):
        raise ValueError(address)
    return f"{path}?{parts.query}" if parts.query else path
