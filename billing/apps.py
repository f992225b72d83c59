from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"

    def ready(self) -> None:
        from tenants import console_parts, offers as public_offers

        # Checks, letters and limits are registered by being imported.
        from . import (  # noqa: F401
            checks,
            console_bills,
            letters,
            limits,
            offers,
            secrecy,
            signals,
            stripe_api,
        )

        stripe_api.configure()
        secrecy.keep_keys_out()
        # What the console and the public pages of the app below show of it.
        public_offers.provide(offers.on_offer)
        console_parts.provide(console_bills.bills, console_bills.sections)
