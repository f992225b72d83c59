import stripe
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from billing import checks, endpoint, portal, secrecy, stripe_api


class Command(BaseCommand):
    help = (
        "Make a Stripe account ready: checks the key, registers the webhook endpoint, makes the"
        " meter and the plans, sets the billing portal up. May be run again at any time."
    )
    # The check that the webhook's secret is set would stop us from getting one.
    requires_system_checks: list = []

    def add_arguments(self, parser) -> None:
        parser.add_argument("--url", help="where Stripe reaches us, if not at OPERATOR_HOST")

    def handle(self, *args, url: str | None, **options) -> None:
        try:
            self.set_up(url or endpoint.address())
        except stripe_api.BillingOff as error:
            raise CommandError(str(error)) from error
        except stripe.AuthenticationError as error:
            raise CommandError("Stripe doesn't know STRIPE_SECRET_KEY.") from error
        except stripe.StripeError as error:
            raise CommandError(f"Stripe refused: {error}. Mend it and run this again.") from error

    def set_up(self, url: str) -> None:
        if not checks.SECRET_KEY.match(stripe_api.secret_key()):
            raise CommandError("STRIPE_SECRET_KEY doesn't look like a secret key of Stripe.")
        client = stripe_api.client()
        mode = "live" if stripe_api.live_mode() else "test"
        account = client.v1.accounts.retrieve_current()
        self.say(f"Key: works, {mode} mode, account {account.id}.")
        if stripe_api.live_mode() and not account.charges_enabled:
            self.say("      Stripe doesn't let this account charge yet: finish its details there.")
        call_command("sync_plans", stdout=self.stdout, skip_checks=True)
        self.say(f"Billing portal: {portal.ensure(client)}.")
        found = endpoint.ensure(client, url)
        self.say(f"Webhook endpoint: {found.id} at {url}.")
        if found.secret:
            self.say("Set this in the environment now; Stripe doesn't show it again:")
            self.say(f"STRIPE_WEBHOOK_SECRET={found.secret}")
        elif settings.STRIPE_WEBHOOK_SECRET:
            self.say("Webhook secret: set. Send a test event to see that it is the right one.")
        else:
            raise CommandError(
                "The endpoint is there, but STRIPE_WEBHOOK_SECRET isn't set: copy it from the"
                " dashboard, or delete the endpoint there and run this again."
            )
        if forgotten := secrecy.forget_keys():
            self.say(f"Secrets: {forgotten} keys were deleted from the database.")
        self.say("Stripe is ready.")

    def say(self, words: str) -> None:
        self.stdout.write(words)
