from django.apps import AppConfig


class TenantsConfig(AppConfig):
    name = "tenants"
    verbose_name = "Retailers"

    def ready(self) -> None:
        from . import checks, signals  # noqa: F401  (registered by being imported)
