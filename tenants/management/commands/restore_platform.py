import subprocess

import pyrage
from django.core.management.base import BaseCommand, CommandError

from tenants import backup, platform_backup, restore
from tenants.models import Retailer


class Command(BaseCommand):
    help = (
        "Bring the platform's own tables back from a backup, into an empty database. "
        "BACKUP_IDENTITY holds the secret key. Then restore_retailer, each with --replace. "
        "Without a backup's name, those that there are are listed."
    )
    requires_system_checks = []  # the database is empty

    def add_arguments(self, parser):
        parser.add_argument("name", nargs="?", help="a backup's name, or: latest")

    def handle(self, *args, name, **options):
        there = backup.backups_of(backup.PLATFORM)
        if not name:
            self.stdout.write("\n".join(there) or "There is no backup of the platform.")
            return
        if name == "latest" and there:
            name = there[-1]
        if name not in there:
            raise CommandError(f"There is no complete backup {name}.")
        try:
            platform_backup.restore(name)
        except (restore.Damaged, restore.InTheWay) as error:
            raise CommandError(str(error)) from error
        except (pyrage.DecryptError, pyrage.IdentityError) as error:
            raise CommandError(f"BACKUP_IDENTITY can't open it: {error}") from error
        except subprocess.CalledProcessError as error:
            raise CommandError(f"pg_restore ended with {error.returncode}.") from error
        self.stdout.write("The platform's own tables are back. Then restore each retailer:")
        for retailer in Retailer.objects.exclude(state=Retailer.State.TEMPLATE):
            schema = retailer.schema_name
            if backup.backups_of(schema):
                self.stdout.write(f"manage.py restore_retailer {schema} latest --replace")
            else:
                self.stdout.write(f"# {schema} has no backup")
