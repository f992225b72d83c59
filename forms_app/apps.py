from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class FormsAppConfig(AppConfig):
    name = "forms_app"
    verbose_name = "Sign-ups"

    def ready(self) -> None:
        from integrations import sources

        from . import signals  # noqa: F401  (registered by being imported)
        from .mapping_sources import home_country, our_consents, our_fields
        from .starter import grant_permissions

        # integrations is the last of the apps: all permissions are there by then.
        post_migrate.connect(grant_permissions, sender=apps.get_app_config("integrations"))
        sources.register(our_fields, our_consents, home_country)
