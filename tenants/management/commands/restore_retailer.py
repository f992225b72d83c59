import pyrage
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tenants import backup, restore


class Command(BaseCommand):
    help = (
        "Bring a retailer back from a backup. BACKUP_IDENTITY holds the secret key. "
        "Without a backup's name, those that there are are listed."
    )

    def add_arguments(self, parser):
        parser.add_argument("schema", help="the retailer's schema, such as r_acorn")
        parser.add_argument("name", nargs="?", help="a backup's name, or: latest")
        parser.add_argument("--as", dest="slug", default="", help="as a new retailer, at this slug")
        parser.add_argument(
            "--replace", action="store_true", help="what stands at its old place now may go"
        )

    def handle(self, *args, schema, name, slug, replace, **options):
        there = backup.backups_of(schema)
        if not name:
            self.stdout.write("\n".join(there) or f"There is no backup of {schema}.")
            return
        if name == "latest" and there:
            name = there[-1]
        if name not in there:
            raise CommandError(f"There is no complete backup {name} of {schema}.")
        try:
            retailer = restore.restore(name, slug=slug, replace=replace, by="restore_retailer")
        except ValidationError as error:
            raise CommandError("; ".join(error.messages)) from error
        except (restore.Damaged, restore.InTheWay) as error:
            raise CommandError(str(error)) from error
        except (pyrage.DecryptError, pyrage.IdentityError) as error:
            raise CommandError(f"BACKUP_IDENTITY can't open it: {error}") from error
        self.stdout.write(f"{retailer.name} is back: {retailer.url}/admin/")
        if retailer.schema_problem:
            self.stdout.write("The code is newer than the backup: run migrate_fleet now.")
