"""One clock for Python and for the fake Stripe.

PostgreSQL's now() and what expires in Redis can't be moved. Of the database's own clock nothing
depends (`Retailer.state_since` has it as the default for rows that older code writes). What Redis
would have forgotten overnight is forgotten by life.py.
"""

from datetime import datetime, timedelta

from django.utils import timezone

from billing.tests.fake_stripe.process import FakeStripe


class Clock:
    def __init__(self, traveller, fake: FakeStripe):
        self.traveller, self.fake = traveller, fake

    def go_to(self, moment: datetime) -> None:
        """Never back: a day's work may have taken longer than the day's plan."""
        ahead = moment - timezone.now()
        if ahead > timedelta(0):
            self.traveller.shift(ahead)
            self.fake.advance(ahead / timedelta(days=1))
