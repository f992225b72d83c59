"""What the list of sign-ups can be narrowed by."""

import django_filters
from wagtail.admin.filters import DateRangePickerWidget, WagtailFilterSet

from integrations.models import Delivery

from .pages import SignupPage
from .signups import Signup
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
        field_name="deliveries__state", choices=Delivery.State, label="Delivery", distinct=True
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

    def with_consent(self, signups, name, value):
        given = signups.filter(consents__purpose="marketing", consents__given=True)
        if value == "yes":
            return given.distinct()
        return signups.exclude(pk__in=given.values("pk"))

    def with_problem(self, signups, name, value):
        return signups.exclude(problem="") if value == "any" else signups.filter(problem=value)
