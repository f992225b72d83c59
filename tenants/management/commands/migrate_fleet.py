import os

from django.core.management.base import BaseCommand, CommandError

from tenants import fleet


class Command(BaseCommand):
    help = "Bring the public schema, the template and every retailer to this code's migrations."

    requires_system_checks = []  # as with Django's migrate: they take a second

    def add_arguments(self, parser):
        parser.add_argument(
            "--workers", type=int, default=min(4, os.cpu_count() or 1), help="schemas at once"
        )
        parser.add_argument(
            "--only", nargs="+", default=(), help="retailers, by address or schema", metavar="NAME"
        )
        parser.add_argument(
            "--plan", action="store_true", help="say what is behind, change nothing"
        )

    def handle(self, *args, workers, only, plan, **options):
        try:
            if plan:
                return self.show(fleet.plan(only))
            failed = fleet.migrate_fleet(self.say, workers=max(1, workers), only=only)
        except ValueError as error:
            raise CommandError(str(error)) from error
        if failed:
            raise CommandError(f"These schemas have a problem: {', '.join(failed)}")

    def show(self, missing) -> None:
        for schema, migrations in missing.items():
            names = ", ".join(f"{app}.{name}" for app, name in migrations)
            self.say(f"{schema} lacks {names}")
        self.say(f"{len(missing)} schemas are behind")

    def say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
