from urllib.parse import urlsplit

import stripe
from django.core.management.base import BaseCommand, CommandError

from billing import plan_sync, plans, price_moves, stripe_api


class Command(BaseCommand):
    help = (
        "Make Stripe's products and prices match billing/plans.toml. Shows the changes first;"
        " a second run finds nothing to do."
    )

    def add_arguments(self, parser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="show the changes, make none")
        parser.add_argument(
            "--move-subscribers",
            action="store_true",
            help="a changed price holds for those who subscribed before, too: tell them first",
        )

    def handle(self, *args, dry_run: bool, move_subscribers: bool, **options) -> None:
        try:
            self.sync(plans.load(), stripe_api.client(), dry_run, move_subscribers)
        except (plans.PlansError, stripe_api.BillingOff) as error:
            raise CommandError(str(error)) from error
        except stripe.StripeError as error:
            raise CommandError(
                f"Stripe refused: {error}. What was done so far stands; run this again."
            ) from error

    def sync(
        self, catalogue: plans.Catalogue, client: stripe.StripeClient, dry_run: bool, move: bool
    ) -> None:
        mode = "live" if stripe_api.live_mode() else "test"
        where = urlsplit(stripe_api.api_base()).netloc
        found = plan_sync.look(client, catalogue)
        changes = plan_sync.changes(catalogue, found)
        if move:
            changes += price_moves.moves(client, catalogue, found)
        self.stdout.write(f"Stripe in {mode} mode at {where}: {len(changes)} changes.")
        for change in changes:
            self.stdout.write(f"  {change.text}")
        if dry_run:
            self.stdout.write("A dry run: nothing was changed.")
            return
        for change in changes:
            change.make(client)
        plan_sync.fill_mirror(client, catalogue)
        self.stdout.write("Done." if changes else "Stripe matches already.")
