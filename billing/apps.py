from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from . import checks, stripe_api  # noqa: F401  (checks are registered by being imported)

        stripe_api.configure()
