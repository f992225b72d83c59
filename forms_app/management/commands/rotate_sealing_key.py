from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import get_tenant_model, tenant_context

from forms_app import sealing


class Command(BaseCommand):
    help = (
        "Give a retailer's tablets a new key to seal what they queue. Each takes it at its next"
        " contact; what was sealed before still opens."
    )

    def add_arguments(self, parser):
        parser.add_argument("slug", help="the retailer's slug")

    def handle(self, *args, slug, **options):
        retailer = get_tenant_model().objects.filter(slug=slug).first()
        if retailer is None:
            raise CommandError(f"There is no retailer {slug!r}.")
        with tenant_context(retailer):
            key = sealing.rotate()
        self.stdout.write(
            f"{retailer.name}'s tablets seal with {key.pk} from their next contact on."
        )
