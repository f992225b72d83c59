"""The operator's page "Mails": each kind of mail as a retailer would get it, with sample words."""

from django.http import Http404, HttpResponse
from django.urls import path, reverse_lazy
from django.views.decorators.clickjacking import xframe_options_sameorigin

from integrations import mail

from .console import ConsoleMenuItem, ConsoleView, is_operator


def sample(kind: mail.Kind) -> mail.Rendered:
    context = {"retailer": "Fern & Fig", "base_url": "https://fern-and-fig.example", **kind.sample}
    return mail.render(kind.name, context)


class MailPage(ConsoleView):
    page_title = "Mails"
    header_icon = "mail"
    template_name = "integrations/mails.html"

    def get(self, request) -> HttpResponse:
        shown = [(kind, sample(kind)) for kind in mail.KINDS.values()]
        return self.render_to_response(self.get_context_data(mails=shown))


@xframe_options_sameorigin
def html(request, kind: str) -> HttpResponse:
    """The mail itself, for the frame. No script runs in it."""
    if not is_operator(request) or kind not in mail.KINDS:
        raise Http404
    answer = HttpResponse(sample(mail.KINDS[kind]).html)
    answer["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'self'"
    )
    return answer


urls = [
    path("mails/", MailPage.as_view(), name="mails"),
    path("mails/<slug:kind>/", html, name="mail_html"),
]
menu_item = ConsoleMenuItem(
    "Mails", reverse_lazy("mails"), name="mails", icon_name="mail", order=160
)
