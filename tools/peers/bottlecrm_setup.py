"""Runs inside BottleCRM's own environment: fills a new database and prints an access token."""

import django

django.setup()

from common.models import Org, PersonalAccessToken, Profile, User  # noqa: E402 - after setup
from django.core.management import call_command  # noqa: E402

call_command("migrate", run_syncdb=True, verbosity=0)
org, _ = Org.objects.get_or_create(name="Peer")
user, _ = User.objects.get_or_create(email="peer@example.com", defaults={"is_active": True})
profile, _ = Profile.objects.get_or_create(user=user, org=org, defaults={"role": "ADMIN"})
print(PersonalAccessToken.generate(profile, "conformance")[0])
