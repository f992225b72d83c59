"""What every page of the admin loads, on a retailer's host and on the console."""

from django.templatetags.static import static
from django.utils.html import format_html
from wagtail import hooks


@hooks.register("insert_global_admin_js")
def start_fields() -> str:
    return format_html('<script src="{}"></script>', static("customerinfo/widgets.js"))
