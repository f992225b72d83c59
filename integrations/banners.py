"""Banners over every page of the admin. Each app adds its own by the hook construct_banners.

@hooks.register("construct_banners")
def trial_ends(request) -> list[Banner]: …
"""

from dataclasses import dataclass

from django.http import HttpRequest
from wagtail import hooks


@dataclass(frozen=True)
class Banner:
    """`tone` is critical, warning or info; `url` and `link` lead to where it can be mended."""

    tone: str
    text: str
    url: str = ""
    link: str = ""


def banners_for(request: HttpRequest | None) -> list[Banner]:
    """For a person who is logged in; the most urgent first."""
    if request is None or not getattr(request, "user", None) or not request.user.is_authenticated:
        return []
    found = [one for hook in hooks.get_hooks("construct_banners") for one in hook(request)]
    return sorted(found, key=lambda one: ("critical", "warning", "info").index(one.tone))
