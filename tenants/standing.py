"""What a retailer that isn't in good standing can still do: look, export, pay and leave.

Whoever doesn't pay, or was suspended, or has closed, can't change pages, pair tablets or connect a
CRM. Shoppers lose nothing by it: what was sent or queued is taken and delivered (forms_app.views,
forms_app.receiving), and new sign-ups too until the days of grace are over.
"""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from wagtail import hooks

from integrations.banners import Banner

from .models import Retailer

READING = frozenset({"GET", "HEAD", "OPTIONS"})
EDITING = ("/admin/", "/app/pair/")
# Logging in and out, one's own account, the bill, and what the law asks for: to mend, export and
# erase what shoppers have said.
STILL = (
    *("/admin/login/", "/admin/logout/", "/admin/password_reset/", "/admin/account/"),
    *("/admin/billing/", "/admin/signups/", "/admin/security/", "/admin/support/"),
    *("/admin/team/", "/admin/access/"),
)


class StandingMiddleware:
    """Stands behind authentication, so that the refusal can wear the admin."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        retailer: Retailer | None = request.retailer
        if (
            retailer is None
            or request.method in READING
            or retailer.may_edit
            or not request.path.startswith(EDITING)
            or request.path.startswith(STILL)
        ):
            return self.get_response(request)
        if not request.user.is_authenticated or "text/html" not in request.headers.get(
            "Accept", ""
        ):
            return JsonResponse({"error": "This account can't be changed now."}, status=403)
        return render(request, "tenants/not_now.html", {"reason": reason(retailer)}, status=403)


def reason(retailer: Retailer) -> str:
    """Why nothing can be changed, in the retailer's words."""
    if retailer.state == Retailer.State.CLOSED:
        day = f"{retailer.delete_at:%-d %B %Y}" if retailer.delete_at else "soon"
        return (
            f"This account is closed. Everything in it will be deleted on {day}. "
            "Until then you can export your sign-ups, and we can open it again."
        )
    if retailer.hold:
        return "This account is on hold. Please write to us, and we will sort it out together."
    return (
        "This account is suspended because it isn't paid for. Your sign-ups are safe. "
        "Everything works again as soon as you subscribe under Billing."
    )


@hooks.register("construct_banners")
def standing_banner(request: HttpRequest) -> list[Banner]:
    retailer = getattr(request, "retailer", None)
    if retailer is None or retailer.may_edit:
        return []
    if retailer.hold:
        return [Banner("critical", reason(retailer))]
    return [Banner("critical", reason(retailer), "/admin/billing/", "Billing")]
