from django.core.management.base import BaseCommand, CommandError

from tenants.fleet import migrate_fleet


class Command(BaseCommand):
    help = "Bring the public schema, the template and every retailer to this code's migrations."

    def handle(self, *args, **options):
        failed = migrate_fleet(say=self.say)
        if failed:
            raise CommandError(f"These schemas have a problem: {', '.join(failed)}")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
