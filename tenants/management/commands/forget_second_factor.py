from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django_tenants.utils import get_public_schema_name, schema_context

from tenants import team
from tenants.audit import record
from tenants.models import Retailer


class Command(BaseCommand):
    help = "For somebody who lost the telephone: the password alone until a new factor is set up."

    def add_arguments(self, parser):
        parser.add_argument("--email", required=True)
        parser.add_argument(
            "--retailer", default="", help="by its address; without it: the operator's own people"
        )

    def handle(self, *args, email: str, retailer: str, **options) -> None:
        found = Retailer.objects.filter(slug=retailer).first() if retailer else None
        if retailer and found is None:
            raise CommandError(f"There is no retailer {retailer}.")
        with schema_context(found.schema_name if found else get_public_schema_name()):
            user = get_user_model().objects.filter(email=email.strip().lower()).first()
            if user is None:
                raise CommandError(f"There is no {email} there.")
            number = team.forget_factors(user)
        if found:
            record(
                *(found, "second factor forgotten", user.email),
                **{"by": "forget_second_factor", "is_visible": True},
            )
        self.stdout.write(f"{number} forgotten.")
