import json
import os

from django.core.management.base import BaseCommand, CommandError

from customerinfo.demo import seed


class Command(BaseCommand):
    help = "Fill the demo: two retailers, users, pages, a CRM each. Safe to repeat."

    def handle(self, *args, **options):
        try:
            crm_url = os.environ["DEMO_CRM_URL"]
            crm_keys = json.loads(os.environ["DEMO_CRM_KEYS"])
        except KeyError as missing:
            raise CommandError(f"{missing} is not set: make demo sets it.") from missing
        addresses = seed.fill(crm_url, crm_keys)
        self.stdout.write(json.dumps({"addresses": addresses}))
