"""From a form of ours to a page that isn't on this host: Stripe's, a CRM's, a retailer's."""

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render


def leave(request: HttpRequest, url: str) -> HttpResponse:
    """A page that goes on to `url` by itself, which is its `url`, too.

    Instead of a redirect: our forms may send to this host only, and Chromium and Safari hold a
    policy's form-action against where the answer leads as well. A list of all those hosts would
    open every form to them, and a shop at Salesforce has one that nobody knows before.
    """
    address = HttpResponseRedirect(url).url  # refuses what isn't http, and encodes the rest
    response = render(request, "integrations/leaving.html", {"address": address})
    response["Refresh"] = f"0; url={address}"
    response["Cache-Control"] = "no-store"
    response.url = address
    return response
