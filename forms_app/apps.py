from django.apps import AppConfig


class FormsAppConfig(AppConfig):
    name = "forms_app"
    verbose_name = "Sign-ups"

    def ready(self) -> None:
        from integrations import sources

        from . import signals  # noqa: F401  (registered by being imported)
        from .mapping_sources import our_fields

        sources.register(our_fields)
