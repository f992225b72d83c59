"""The menu item "CRM" and its addresses, on a retailer's host only."""

from django.urls import path
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet
from wagtail.utils.urlpatterns import decorate_urlpatterns

from . import operations
from .access import ANY, on_a_retailers_host, policy, retailers_only
from .connect_views import ChangeView, ChooseView, ConnectView, DocumentView
from .connection_page import ConnectionPage
from .listing import ConnectionsView
from .log_page import LogView
from .mapping_view import MappingView
from .oauth_views import AgainView, FinishView, StartView
from .send_again import SendAgainView, SendOneView
from .send_test_view import SendTestView


class CrmMenuItem(MenuItem):
    def is_shown(self, request) -> bool:
        return on_a_retailers_host() and policy.user_has_any_permission(request.user, ANY)


class CrmViewSet(ViewSet):
    name = "crm"
    icon = "link"
    menu_label = "CRM"
    menu_name = "crm"
    menu_order = 130  # after sign-up pages, sign-ups and brand
    menu_item_class = CrmMenuItem
    add_to_admin_menu = True

    def get_urlpatterns(self) -> list:
        patterns = [
            path("", ConnectionsView.as_view(), name="index"),
            path("connect/", ChooseView.as_view(), name="choose"),
            path("connect/<slug:kind>/", ConnectView.as_view(), name="connect"),
            path("connect/<slug:kind>/oauth/", StartView.as_view(), name="oauth_start"),
            path("oauth/finish/", FinishView.as_view(), name="oauth_finish"),
            path("<int:pk>/oauth/", AgainView.as_view(), name="oauth_again"),
            path("<int:pk>/", ConnectionPage.as_view(), name="connection"),
            path("<int:pk>/change/", ChangeView.as_view(), name="change"),
            path("<int:pk>/<slug:name>.json", DocumentView.as_view(), name="document"),
            path("<int:pk>/mapping/", MappingView.as_view(), name="mapping"),
            path("<int:pk>/test/", SendTestView.as_view(), name="send_test"),
            path("<int:pk>/log/", LogView.as_view(), name="log"),
            path("<int:pk>/send-again/", SendAgainView.as_view(), name="send_again"),
            path("<int:pk>/send-one/<int:delivery>/", SendOneView.as_view(), name="send_one"),
            path("<int:pk>/check/", operations.CheckView.as_view(), name="check"),
            path("<int:pk>/pause/", operations.PauseView.as_view(), name="pause"),
            path("<int:pk>/resume/", operations.ResumeView.as_view(), name="resume"),
            path("<int:pk>/resend/", operations.ResendView.as_view(), name="resend"),
            path("<int:pk>/switch-off/", operations.SwitchOffView.as_view(), name="switch_off"),
        ]
        return decorate_urlpatterns(patterns, retailers_only)


crm_viewset = CrmViewSet()
