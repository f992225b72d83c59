"""The pages of a retailer's site: one home, and sign-up pages under it."""

from django.conf import settings
from django.db import models
from django.http import Http404, HttpResponseRedirect
from wagtail.fields import StreamField
from wagtail.models import Page
from wagtail.url_routing import RouteResult
from wagtail_color_panel.fields import ColorField

from . import presentation
from .blocks import FieldsBlock
from .brand import BUTTON_STYLES, FONT_CHOICES, RADII, Brand
from .editor import edit_handler
from .preview_sizes import PREVIEW_SIZES
from .versions import current_version, describe


class HomePage(Page):
    """The root of the site. A visitor is led to the first sign-up page."""

    parent_page_types = ["wagtailcore.Page"]
    subpage_types = ["forms_app.SignupPage"]
    max_count = 1
    preview_modes = []

    class Meta:
        verbose_name = "home"

    def serve(self, request):
        page = SignupPage.objects.live().child_of(self).order_by("path").first()
        if page is None:
            raise Http404
        return HttpResponseRedirect(page.get_url(request))


class SignupPage(Page):
    """What a shopper fills in at the till."""

    THANKS = "thanks"

    headline = models.CharField(max_length=120, blank=True, help_text="Empty: the page's title.")
    intro = models.CharField("introduction", max_length=400, blank=True)
    fields = StreamField(FieldsBlock(), blank=True)
    submit_label = models.CharField("button", max_length=40, default="Sign up")
    thank_you_title = models.CharField("heading", max_length=120, default="Thank you!")
    thank_you_text = models.CharField("text", max_length=400, blank=True)
    thank_you_seconds = models.PositiveSmallIntegerField(
        "seconds until the next shopper",
        default=6,
        choices=[(n, str(n)) for n in (4, 6, 8, 10, 15, 20, 30)],
    )
    language = models.CharField(
        max_length=10, choices=settings.LANGUAGES, default=settings.LANGUAGE_CODE
    )

    # Beside `language`, in the order of the tablet's buttons.
    other_languages = models.JSONField(default=list, blank=True)
    # language → {text's key: translation}; see forms_app.translations
    translations = models.JSONField(default=dict, blank=True)
    # What differs from the retailer's brand; blank: as there.
    own_logo = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    own_picture = models.ForeignKey(
        "wagtailimages.Image", null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    own_background = ColorField("background of the brand's half", blank=True)
    own_surface = ColorField("background of the form", blank=True)
    own_text = ColorField("text", blank=True)
    own_accent = ColorField("button and highlights", blank=True)
    own_font = models.CharField("font", max_length=20, choices=FONT_CHOICES, blank=True)
    own_radius = models.PositiveSmallIntegerField(
        "roundness of corners", null=True, blank=True, choices=RADII
    )
    own_button_style = models.CharField(
        "button style", max_length=10, choices=BUTTON_STYLES, blank=True
    )

    edit_handler = edit_handler

    parent_page_types = ["forms_app.HomePage"]
    subpage_types = []
    private_page_options = []  # a tablet's page is for everybody; it is served without that check
    preview_sizes = PREVIEW_SIZES
    default_preview_size = "landscape"

    class Meta:
        verbose_name = "sign-up page"

    def save(self, *args, **kwargs):
        self.fix_ids()
        return super().save(*args, **kwargs)

    def save_revision(self, *args, **kwargs):
        self.fix_ids()
        return super().save_revision(*args, **kwargs)

    def fix_ids(self) -> None:
        """Options that were given as plain labels get their ids now, once and for all.

        Wagtail gives such an option another id each time it is read, until the block it stands in
        has been read before it is written.
        """
        for block in self.fields:
            block.value

    def route(self, request, path_components):
        rest = list(path_components)
        kwargs = {}
        if rest and rest[0] in self.other_languages:
            kwargs["language"] = rest.pop(0)
        if rest == [self.THANKS]:
            kwargs["thanks"] = bool(rest.pop())
        if self.live and not rest:
            return RouteResult(self, kwargs=kwargs)
        return super().route(request, path_components)

    def serve(self, request, thanks: bool = False, language: str = ""):
        version = current_version(self)
        if version is None:  # live by hand, never published
            raise Http404
        render = presentation.thanks if thanks else presentation.form
        return render(
            request,
            self,
            version.schema,
            Brand.load(),
            language=language,
            version_id=str(version.pk),
        )

    @property
    def preview_modes(self):
        """The form and the thank-you in each language, and the form in its other states."""
        modes = [("", "Form"), ("errors", "With errors"), ("thanks", "Thank-you")]
        modes.append(("offline", "Offline"))
        names = dict(settings.LANGUAGES)
        for language in self.other_languages:
            modes.append((f"form:{language}", f"Form: {names[language]}"))
            modes.append((f"thanks:{language}", f"Thank-you: {names[language]}"))
        return modes

    def serve_preview(self, request, mode_name):
        brand = Brand.load(request_or_site=request)
        schema = describe(self, brand)
        mode, _, language = mode_name.partition(":")
        if mode == "thanks":
            return presentation.thanks(
                request, self, schema, brand, language=language, preview=True
            )
        return presentation.form(
            request,
            self,
            schema,
            brand,
            language=language,
            preview=True,
            with_errors=mode == "errors",
            offline=mode == "offline",
        )
