from django.core.management.base import BaseCommand, CommandError

from integrations import rotation


class Command(BaseCommand):
    help = (
        "Encrypt every stored secret with the first of ENCRYPTION_KEYS. Run it while the product"
        " runs, after every process knows both keys; run it again if it was interrupted."
    )

    def handle(self, *args, **options) -> None:
        total, failed = rotation.Count(), []
        for schema in rotation.schemas():
            try:
                count = rotation.rotate(schema)
            except Exception as error:  # one retailer's trouble doesn't keep the others' secrets
                failed.append(f"{schema}: {type(error).__name__}: {error}")
                continue
            if count.unreadable:
                failed.append(f"{schema}: {count.unreadable} can't be read with any of the keys.")
            total += count
        self.stdout.write(
            f"{total.rotated} encrypted anew, {total.current} already under the newest key,"
            f" {total.changed} changed in between."
        )
        if failed:
            raise CommandError("\n".join(["Not everything could be done:", *failed]))
        self.stdout.write("The older keys can be removed from ENCRYPTION_KEYS now.")
