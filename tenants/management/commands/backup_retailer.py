import time

from django.core.management.base import BaseCommand, CommandError

from integrations.tenant_task import finished
from integrations.traces import in_short
from tenants import backup, platform_backup
from tenants.models import PlatformBackup, Retailer


class Command(BaseCommand):
    help = (
        "Write an encrypted backup of one retailer, or of all and of the platform's own tables, to "
        "BACKUP_URL; drop old ones."
    )

    def add_arguments(self, parser):
        parser.add_argument("slugs", nargs="*", help="addresses of retailers; none: all of them")

    def handle(self, *args, slugs, **options):
        retailers = Retailer.objects.exclude(state=Retailer.State.TEMPLATE).order_by("slug")
        if slugs:
            retailers = retailers.filter(slug__in=slugs)
            if unknown := set(slugs) - {retailer.slug for retailer in retailers}:
                raise CommandError(f"No such retailer: {', '.join(sorted(unknown))}")
        # First: it is small, and without it theirs are nothing on a new server. A retailer that it
        # doesn't know yet comes back from its own.
        problem_of_platform = "" if slugs else self.back_up_platform()
        failed = 0
        for retailer in list(retailers):
            started, problem = time.monotonic(), ""
            try:
                self.stdout.write(f"{retailer.slug}: {backup.backup(retailer)}")
            except backup.NoKey as error:
                raise CommandError(str(error)) from error
            except Exception as error:  # the others' turn comes as well
                failed += 1
                problem = in_short(error)
                self.stderr.write(f"{retailer.slug}: {problem}")
            # For the console's page of periodic work.
            finished.send_robust(
                Command,
                schema=retailer.schema_name,
                task=backup.TASK,
                seconds=time.monotonic() - started,
                problem=problem,
            )
        self.stdout.write(f"{backup.prune()} old files deleted")
        if failed:
            raise CommandError(f"{failed} retailers have no new backup.")
        if problem_of_platform:
            raise CommandError("The platform's own tables have no new backup.")

    def back_up_platform(self) -> str:
        """What went wrong, or nothing."""
        try:
            self.stdout.write(f"The platform's own tables: {platform_backup.back_up()}")
        except Exception as error:
            problem = in_short(error)
            self.stderr.write(f"The platform's own tables: {problem}")
        else:
            problem = ""
        PlatformBackup.note(problem)
        return problem
