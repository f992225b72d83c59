"""Settings that would let one retailer see another's data are refused at start."""

from django.conf import settings
from django.core.checks import Error, Tags, register

KEY_FUNCTION = "django_tenants.cache.make_key"
DATABASE_SESSIONS = "django.contrib.sessions.backends.db"
STORAGES = {"tenants.storage.RetailerStorage", "tenants.s3_storage.RetailerS3Storage"}


@register(Tags.security)
def isolation(app_configs, **kwargs) -> list[Error]:
    """Caches, sessions, cookies, files and hosts: all per schema."""
    found = []

    def refuse(number: int, message: str, hint: str) -> None:
        found.append(Error(message, hint=hint, id=f"tenants.E{number:03}"))

    for alias, cache in settings.CACHES.items():
        if cache.get("KEY_FUNCTION") != KEY_FUNCTION:
            refuse(
                1,
                f"The cache {alias!r} doesn't put the schema into its keys.",
                f"Set KEY_FUNCTION to {KEY_FUNCTION!r}: Wagtail caches under fixed keys.",
            )
    if settings.SESSION_ENGINE != DATABASE_SESSIONS:
        refuse(
            2,
            "Sessions aren't kept in the schema.",
            f"Set SESSION_ENGINE to {DATABASE_SESSIONS!r}: others load in every schema.",
        )
    for name in ("SESSION_COOKIE_DOMAIN", "CSRF_COOKIE_DOMAIN"):
        if getattr(settings, name):
            refuse(3, f"{name} is set.", "Leave it empty: cookies belong to one host.")
    if settings.STORAGES["default"]["BACKEND"] not in STORAGES:
        refuse(
            4,
            "Uploaded files don't have a folder per schema.",
            f"Set the default storage to one of {sorted(STORAGES)}.",
        )
    if settings.USE_X_FORWARDED_HOST:
        refuse(5, "X-Forwarded-Host is believed.", "Unset USE_X_FORWARDED_HOST: anybody sends it.")
    if "django.contrib.contenttypes" in settings.TENANT_APPS:
        refuse(
            6,
            "Content types are kept per schema.",
            "Keep them in SHARED_APPS only: their ids are cached across schemas.",
        )
    return found
