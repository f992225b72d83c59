"""What the list of sign-ups can be narrowed by."""

import django_filters
from django.db.models import Exists, OuterRef
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet

from integrations.models import Delivery

from .pages import SignupPage
from .signups import Consent, Signup
from .stores import Store
from .tablets import Tablet

CONSENT = [("yes", "Marketing: yes"), ("no", "Marketing: no")]
KEPT_ASIDE = [
    ("any", "All that are kept aside"),
    ("invalid", "Has to be mended"),
    ("robot", "Maybe a robot"),
]


class SignupFilterSet(WagtailFilterSet):
    page = django_filters.ModelChoiceFilter(queryset=lambda request: SignupPage.objects.all())
    store = django_filters.ModelChoiceFilter(queryset=lambda request: Store.objects.all())
    tablet = django_filters.ModelChoiceFilter(queryset=lambda request: Tablet.objects.all())
    received_at = django_filters.DateFromToRangeFilter(
        label="Received", widget=DateRangePickerWidget
    )
    delivery = django_filters.ChoiceFilter(
        label="Delivery", choices=Delivery.State, method="with_delivery"
    )
    consent = django_filters.ChoiceFilter(label="Consent", choices=CONSENT, method="with_consent")
    problem = django_filters.ChoiceFilter(
        label="Kept aside", choices=KEPT_ASIDE, method="with_problem"
    )
    is_test = django_filters.BooleanFilter(label="Test")

    class Meta:
        model = Signup
        fields = [
            "page", "store", "tablet", "received_at", "delivery", "consent", "problem", "is_test",
        ]  # fmt: skip

    # Not by joins: DISTINCT would compare whole rows, of all that was ever delivered.

    def with_delivery(self, signups, name, value):
        return signups.filter(Exists(Delivery.objects.filter(signup=OuterRef("pk"), state=value)))

    def with_consent(self, signups, name, value):
        boxes = Consent.objects.filter(signup=OuterRef("pk"), purpose="marketing", given=True)
        return signups.filter(Exists(boxes) if value == "yes" else ~Exists(boxes))

    def with_problem(self, signups, name, value):
        return signups.exclude(problem="") if value == "any" else signups.filter(problem=value)
