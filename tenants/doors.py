"""How staff come in: password, second factor, passkey. django-allauth does it; here is what it is
told about this project, and who has to have a second factor.

Each schema has its own people, factors and counters of failed log-ins.
"""

from collections.abc import Callable

from allauth.account import views as account
from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import ratelimit
from allauth.core.exceptions import RateLimited
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.utils import is_mfa_enabled
from allauth.usersessions.views import list_usersessions
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import include, path
from wagtail.admin.forms import auth as wagtail_forms
from wagtail.admin.views import account as wagtail_account

from forms_app.pace import address
from integrations.encryption import box

from .support import visit_of
from .team import people
from .tokens import password_tokens

# Open to who still has to set up a second factor.
OPEN = (
    *("/admin/security/", "/admin/login/", "/admin/logout/", "/admin/sprite/", "/admin/jsi18n/"),
    *("/admin/support/", "/admin/password_reset/"),
)


class AccountAdapter(DefaultAccountAdapter):
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False  # people are invited (tenants.team)

    def get_client_ip(self, request: HttpRequest) -> str:
        return address(request)

    def add_message(self, request: HttpRequest, *args, **kwargs) -> None:
        """None for coming and going: Wagtail shows where one is."""
        name = kwargs.get("message_template") or (args[1] if len(args) > 1 else "")
        if name not in ("account/messages/logged_in.txt", "account/messages/logged_out.txt"):
            super().add_message(request, *args, **kwargs)


class FactorAdapter(DefaultMFAAdapter):
    def encrypt(self, text: str) -> str:
        return box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return box().decrypt(encrypted_text.encode()).decode()


def must_have_factor(request: HttpRequest) -> bool:
    retailer = request.retailer
    if retailer is None:
        return settings.OPERATORS_NEED_SECOND_FACTOR
    return retailer.two_factor_required


class SecondFactorMiddleware:
    """Whoever has to have a second factor, and has none, is led to where it is set up.

    Who has one was asked for it by the log-in; so who is logged in and has one has shown it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]):
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if (
            request.path.startswith("/admin/")
            and not request.path.startswith(OPEN)
            and must_have_factor(request)
            and request.user.is_authenticated
            and not visit_of(request)
            and not is_mfa_enabled(request.user)
        ):
            messages.warning(
                request,
                "Set up a second factor first: everybody here needs one beside the password.",
            )
            return redirect("mfa_index")
        return self.get_response(request)


class PasswordResetForm(wagtail_forms.PasswordResetForm):
    def get_users(self, email: str) -> QuerySet:
        """Django leaves out who has no password; here that is who was invited, whose link has
        ended. Support never has one.
        """
        return people().filter(email=email.lower())  # as users are stored


class PasswordResetView(wagtail_account.PasswordResetView):
    """Wagtail's, with a limit on how many mails one can have sent."""

    token_generator = password_tokens

    def get_form_class(self) -> type[PasswordResetForm]:
        return PasswordResetForm

    def post(self, request: HttpRequest, *args, **kwargs) -> HttpResponse:
        email = request.POST.get("email", "").strip().lower()
        try:
            ratelimit.consume(request, action="reset_password", key=email, raise_exception=True)
        except RateLimited:
            return ratelimit.respond_429(request)
        return super().post(request, *args, **kwargs)


def nowhere(request: HttpRequest) -> HttpResponse:
    """Names that allauth looks up for pages that aren't here."""
    raise Http404


urls = [
    path("admin/login/", account.login, name="account_login"),
    path("admin/password_reset/", PasswordResetView.as_view(), name="wagtailadmin_password_reset"),
    path(
        "admin/password_reset/confirm/<uidb64>/<token>/",
        wagtail_account.PasswordResetConfirmView.as_view(token_generator=password_tokens),
        name="wagtailadmin_password_reset_confirm",
    ),
    path("admin/security/sign-out/", account.logout, name="account_logout"),
    path("admin/security/inactive/", account.account_inactive, name="account_inactive"),
    path("admin/security/confirm/", account.reauthenticate, name="account_reauthenticate"),
    path("admin/security/sessions/", list_usersessions, name="usersessions_list"),
    path("admin/security/sign-up/", nowhere, name="account_signup"),
    path("admin/security/", include("allauth.mfa.urls")),
]
