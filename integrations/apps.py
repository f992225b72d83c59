from django.apps import AppConfig


class IntegrationsConfig(AppConfig):
    name = "integrations"
    verbose_name = "CRM"

    def ready(self) -> None:
        from . import checks  # noqa: F401  (registered by being imported)
