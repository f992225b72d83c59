"""Pages of "Stores and tablets" beside the lists: pairing, one tablet, import, what is sealed."""

import json
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST
from django.views.generic import FormView, TemplateView
from wagtail.admin.views import generic
from wagtail.admin.views.generic import WagtailAdminTemplateMixin
from wagtail.log_actions import log

from . import receiving, tablet_access
from .opening_hours import presence
from .sealed_entries import SealedEntry
from .tablet_forms import ImportForm, PairForm
from .tablets import Tablet

FORMAT = "customerinfo-queue-1"  # what static/forms_app/staff.js writes
MOST_BYTES = 50_000_000
PRESENCE = {
    "online": "Online",
    "offline": "Offline",
    "closed": "Closed now",
    "never": "Not started yet",
    "revoked": "Unpaired",
}


class PairView(generic.CreateView):
    """A device becomes a tablet of this shop; with ?tablet=, one that was paired before."""

    template_name = "forms_app/admin/tablets/pair.html"
    page_title = page_subtitle = "Pair a tablet"
    submit_button_label = "Pair"
    submit_button_active_label = "Pairing …"
    success_message = "“%(object)s” is paired. Its page opens by itself in a moment."

    def get_form_class(self):
        return PairForm

    def get_form_kwargs(self) -> dict[str, Any]:
        kwargs = super().get_form_kwargs() | {"for_user": self.request.user}
        if again := self.request.GET.get("tablet"):
            kwargs["instance"] = get_object_or_404(Tablet, pk=again)
        return kwargs

    def get_initial(self) -> dict[str, Any]:
        return {"code": self.request.GET.get("code", "")[:12]}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        address = self.request.build_absolute_uri(reverse("app"))
        return super().get_context_data(app_url=address, **kwargs)


class TabletView(generic.InspectView):
    """One tablet: how it is, what to do about it."""

    template_name = "forms_app/admin/tablets/tablet.html"
    any_permission_required = ["view"]

    def get_page_title(self) -> str:
        return "Tablet"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        tablet = self.object
        where = presence(tablet)
        version = tablet.form_version
        shown = next(iter(tablet.page.versions.filter(pk=version)), None) if tablet.page else None
        newest = tablet.page.versions.order_by("-number").first() if tablet.page else None
        return super().get_context_data(
            tablet=tablet,
            presence=where,
            presence_words=PRESENCE[where],
            shown=shown,
            is_behind=bool(version and newest and newest.pk != version),
            recent=tablet.signups.select_related("form_version")[:5],
            may_change=self.request.user.has_perm("forms_app.change_tablet"),
            may_pair=self.request.user.has_perm("forms_app.add_tablet"),
            **kwargs,
        )


class RevokeView(WagtailAdminTemplateMixin, TemplateView):
    """Asks first. The row stays: sign-ups say which tablet they came from."""

    page_title = "Unpair a tablet"
    header_icon = "cross"
    template_name = "forms_app/admin/tablets/revoke.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm("forms_app.change_tablet"):
            raise PermissionDenied
        self.tablet = get_object_or_404(Tablet, pk=kwargs["pk"])
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self):
        return [
            *super().get_breadcrumbs_items(),
            *trail(self.tablet),
            {"url": "", "label": "Unpair"},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(tablet=self.tablet, **kwargs)

    def post(self, request: HttpRequest, pk) -> HttpResponse:
        tablet_access.revoke(self.tablet)
        log(instance=self.tablet, action="forms_app.unpair")
        messages.success(request, f"“{self.tablet}” is unpaired.")
        return redirect("tablets:inspect", pk)


class ImportView(WagtailAdminTemplateMixin, FormView):
    """The last way out: a file that a tablet's staff menu has written."""

    form_class = ImportForm
    template_name = "forms_app/admin/tablets/import.html"
    page_title = "Import a tablet's file"
    header_icon = "download"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not request.user.has_perm("forms_app.change_tablet"):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_breadcrumbs_items(self):
        return [
            *super().get_breadcrumbs_items(),
            {"url": reverse("tablets:index"), "label": "Tablets"},
            {"url": "", "label": self.page_title},
        ]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(kept=SealedEntry.objects.all()[:100], **kwargs)

    def form_valid(self, form: ImportForm) -> HttpResponse:
        file = form.cleaned_data["file"]
        try:
            if file.size > MOST_BYTES:
                raise ValueError
            content = json.loads(file.read())
            if content["format"] != FORMAT:
                raise ValueError
            envelopes = [entry for entry in content["entries"] if isinstance(entry, dict)]
        except (ValueError, KeyError, TypeError):
            form.add_error("file", "This isn't a file that a tablet has saved.")
            return self.form_invalid(form)
        # Its clock as the file was saved: between then and now nobody knows.
        results = receiving.take_in(envelopes, receiving.Sending("import"))
        messages.success(self.request, in_words(list(results.values())))
        return redirect("tablets:import")


def in_words(results: list[str]) -> str:
    """What became of a file's entries."""
    parts = [
        (results.count(receiving.RECEIPT), "taken in (or here already)"),
        (results.count(receiving.ASIDE), "kept aside for you to mend"),
        (results.count(receiving.SEALED), "couldn't be opened and are kept as they came"),
        (results.count(receiving.RETRY), "failed: please import the file again"),
    ]
    return "; ".join(f"{number} {words}" for number, words in parts if number) or (
        "The file is in order, and empty."
    )


@require_POST
def open_kept(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("forms_app.change_tablet"):
        raise PermissionDenied
    opened, still = receiving.open_kept()
    messages.success(request, f"{opened} opened, {still} still sealed.")
    return redirect("tablets:import")


def trail(tablet: Tablet) -> list[dict[str, str]]:
    """Breadcrumbs that lead to a tablet."""
    return [
        {"url": reverse("tablets:index"), "label": "Tablets"},
        {"url": reverse("tablets:inspect", args=[tablet.pk]), "label": tablet.name},
    ]
