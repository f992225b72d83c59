from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tenants.provisioning import onboard
from tenants.schemas import StaleTemplate


class Command(BaseCommand):
    help = "Make a retailer: schema, address, owner and a starter page. Safe to repeat."

    def add_arguments(self, parser):
        parser.add_argument("--name", required=True, help="as shoppers know it")
        parser.add_argument("--slug", required=True, help="its address: <slug>.<host of BASE_URL>")
        parser.add_argument("--owner-email", required=True)

    def handle(self, *args, name, slug, owner_email, **options):
        try:
            onboarded = onboard(name, slug, owner_email)
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except StaleTemplate as error:
            raise CommandError(str(error)) from error
        verb = "is ready" if onboarded.created else "was there already"
        self.stdout.write(f"{onboarded.retailer.name} {verb}: {onboarded.retailer.url}/admin/")
        if onboarded.invitation:
            self.stdout.write(f"The owner sets a password here: {onboarded.invitation}")
        else:
            self.stdout.write("The owner has a password already.")
