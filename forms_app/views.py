"""The shoppers' side: GET a page, POST a sign-up."""

from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.core.signing import BadSignature
from django.db import connection
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
    QueryDict,
)
from django.http.multipartparser import MultiPartParserError
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_safe
from wagtail.models import Page

from . import intake, pace, page_cache, presentation, proof
from .brand import Brand
from .look import from_preview, look_of
from .pages import SignupPage
from .tablet_access import tablet_of
from .versions import FormVersion, find_version

MAX_BODY = 100_000  # bytes; a long form with long texts is a tenth of it


@csrf_exempt  # the page knows no log-in and no cookie, so there is nothing to forge
def shop(request: HttpRequest, path: str = "") -> HttpResponse:
    """Every address of a retailer's host that isn't the admin's or a file's."""
    if request.method in ("GET", "HEAD"):
        if not request.retailer.is_collecting:
            return show_closed(request)
        return page_cache.answer(request, lambda: show(request, path))
    if request.method == "POST":
        return receive(request)
    return HttpResponseNotAllowed(["GET", "HEAD", "POST"])


def show(request: HttpRequest, path: str) -> HttpResponse:
    try:
        if "\x00" in path:  # PostgreSQL knows no such text
            raise Http404
        page, args, kwargs = Page.route_for_request(request, path) or (None, (), {})
        if page is None:
            raise Http404
        return page.serve(request, *args, **kwargs)
    except Http404:
        return presentation.not_found(request)


def show_closed(request: HttpRequest) -> HttpResponse:
    """In the language that the shop's pages begin with."""
    language = SignupPage.objects.live().order_by("path").values_list("language", flat=True).first()
    return presentation.closed(request, Brand.load(), language or "en")


def receive(request: HttpRequest) -> HttpResponse:
    try:
        data = read_form(request)
        version = find_version(connection.schema_name, data.get("form_version", ""))
        if version is None:
            raise intake.Refused(409, "This page has changed. Please open it again.")
        tablet = tablet_of(request)
        flood = pace.too_many(request, tablet)
        if flood and tablet is None:
            if "altcha" not in data:
                return ask_for_proof(request, version, data)
            flood = not proof.holds(data["altcha"])
        receipt = intake.take(version, data, tablet=tablet, robot=flood)
    except intake.Refused as refused:
        return refuse(request, refused)
    except intake.Invalid as invalid:
        return show_errors(request, version, invalid)
    if wants_json(request):
        return JsonResponse({"receipt": str(receipt)}, status=201)
    return HttpResponseRedirect(thanks_path(version, data), status=303)


def read_form(request: HttpRequest) -> QueryDict:
    """The posted form. Raises `intake.Refused` for what no browser sends."""
    try:
        too_big = int(request.META.get("CONTENT_LENGTH") or 0) > MAX_BODY
    except ValueError as error:
        raise intake.Refused(400, "The request's length isn't a number.") from error
    if too_big:
        raise intake.Refused(413, "That is too much for this form.")
    if request.content_params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise intake.Refused(415, "The form isn't sent as UTF-8.")
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            request.body.decode()  # else Django would take other bytes for Latin-1
        if request.FILES:
            raise intake.Refused(400, "The form has fields that this page doesn't have.")
        return request.POST
    except (RequestDataTooBig, TooManyFieldsSent) as error:
        raise intake.Refused(413, "That is too much for this form.") from error
    except (MultiPartParserError, UnicodeError) as error:
        raise intake.Refused(400, "The form can't be read.") from error


def refuse(request: HttpRequest, refused: intake.Refused) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": refused.message}, status=refused.status)
    return presentation.refused(request, refused.status, refused.message)


def show_errors(
    request: HttpRequest, version: FormVersion, invalid: intake.Invalid
) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"errors": invalid.form.errors.get_json_data()}, status=422)
    page = SignupPage.objects.get(pk=version.page_id)
    return presentation.form(
        request,
        page,
        version.schema,
        Brand.load(),
        language=request.POST.get("language", ""),
        version_id=str(version.pk),
        bound=invalid.form,
        status=422,
    )


def ask_for_proof(request: HttpRequest, version: FormVersion, data: QueryDict) -> HttpResponse:
    if wants_json(request):
        return JsonResponse({"error": "busy", "proof": proof.challenge()}, status=429)
    return presentation.proof(request, version.schema, data)


def thanks_path(version: FormVersion, data: QueryDict) -> str:
    """On the page that was filled in, wherever that stands now, and whatever was posted to."""
    page = SignupPage.objects.only("url_path", "other_languages").get(pk=version.page_id)
    parts = page.get_url_parts()
    path = parts[2] if parts else "/"
    language = intake.language_of(version, data)
    if language in page.other_languages:
        path = f"{path}{language}/"
    return f"{path}{SignupPage.THANKS}/"


def wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept", "").startswith("application/json")


@require_safe
def brand_stylesheet(request: HttpRequest, digest: str) -> HttpResponse:
    """The colours and type of the brand, or of a page that has its own, as CSS.

    An old digest gets the present brand, not for long.
    """

    def make() -> HttpResponse:
        brand = Brand.load()
        worn = (look_of(page, brand) for page in (None, *SignupPage.objects.live()))
        look = next((look for look in worn if look.css_url == request.path), None)
        return HttpResponse(
            look.css if look else brand.css,
            content_type="text/css; charset=utf-8",
            headers={
                "Cache-Control": (
                    "public, max-age=31536000, immutable" if look else "public, max-age=60"
                )
            },
        )

    return page_cache.answer(request, make)


@require_safe
def preview_stylesheet(request: HttpRequest) -> HttpResponse:
    """What the editor's preview wears: stored nowhere, its address says it all."""
    try:
        look = from_preview(request.GET.get("look", ""))
    except BadSignature:
        return HttpResponse(status=404)
    return HttpResponse(
        look.css,
        content_type="text/css; charset=utf-8",
        headers={"Cache-Control": "private, max-age=3600"},
    )
