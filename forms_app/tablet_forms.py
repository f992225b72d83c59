"""What staff type about stores and tablets."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from wagtail.admin.forms import WagtailAdminModelForm

from integrations.countries import COUNTRIES

from . import pairing
from .pages import SignupPage
from .pin_form import PinField
from .shop_settings import TabletSettings
from .stores import WEEKDAYS, Store
from .tablets import PairingCode, Tablet

DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class HoursWidget(forms.Widget):
    """Seven rows of two times each."""

    template_name = "forms_app/admin/tablets/hours.html"

    class Media:
        js = ["forms_app/tablets/hours_editor.js"]

    def render(self, name, value, attrs=None, renderer=None):
        # Not by Django's renderer of widgets: it doesn't look into our templates.
        days = [
            {
                "label": label,
                "opens": {"name": f"{name}-{day}-opens", "value": (value or {}).get(day, [""])[0]},
                "closes": {
                    "name": f"{name}-{day}-closes",
                    "value": (value or {}).get(day, [""])[-1],
                },
            }
            for day, label in zip(WEEKDAYS, DAY_NAMES)
        ]
        return render_to_string(self.template_name, {"days": days})

    def value_from_datadict(self, data, files, name):
        typed = {
            day: [data.get(f"{name}-{day}-{end}", "").strip() for end in ("opens", "closes")]
            for day in WEEKDAYS
        }
        return {day: times for day, times in typed.items() if any(times)}

    def id_for_label(self, id_):
        return ""  # a group of inputs, each with a name of its own


class HoursField(forms.Field):
    """{"mon": ["09:00", "18:00"], …}; {} is always open."""

    widget = HoursWidget

    def clean(self, value):
        time = forms.TimeField()
        hours = {}
        for day, times in value.items():
            name = DAY_NAMES[WEEKDAYS.index(day)]
            if not all(times):
                raise ValidationError(f"{name}: say when it opens and when it closes.")
            try:
                hours[day] = [time.clean(typed).strftime("%H:%M") for typed in times]
            except ValidationError as error:
                raise ValidationError(f"{name}: times look like 09:00 and 18:30.") from error
            if hours[day][0] == hours[day][1]:
                raise ValidationError(f"{name}: it opens and closes at the same time.")
        return hours


class StoreForm(WagtailAdminModelForm):
    country = forms.ChoiceField(
        choices=[("", "As the brand"), *((code, name) for code, _, name in COUNTRIES.values())],
        required=False,
        help_text="Phone numbers typed without a prefix are from here.",
    )
    opening_hours = HoursField(
        required=False,
        help_text="Outside these hours tablets show that you are closed, and a silent tablet "
        "isn't an alarm. A day left empty is closed. All empty: always open.",
    )

    class Meta:
        model = Store
        fields = ["name", "country", "time_zone", "opening_hours", "is_archived"]
        labels = {"is_archived": "Closed for good"}
        help_texts = {"is_archived": "No tablet can be put here any more. Its sign-ups stay."}


class TabletForm(WagtailAdminModelForm):
    """Rename a tablet, move it to another store, let it show another page."""

    class Meta:
        model = Tablet
        fields = ["name", "store", "page"]
        help_texts = {
            "name": "As staff call it: “Till 2”.",
            "store": "Its sign-ups carry the name of this store.",
            "page": "The sign-up page that it shows.",
        }

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        self.fields["store"].queryset = Store.objects.filter(is_archived=False)
        self.fields["store"].empty_label = "No store"
        pages = SignupPage.objects.live().order_by("path")
        self.fields["page"].queryset = pages
        self.fields["page"].required = True
        if len(pages) == 1:
            self.fields["page"].initial = pages[0].pk


class PairForm(TabletForm):
    """The same, and the six digits on the device's screen."""

    code = forms.CharField(
        label="Code on the tablet",
        max_length=12,
        widget=forms.TextInput(attrs={"inputmode": "numeric", "autocomplete": "off"}),
        help_text="Six digits.",
    )
    new_pin = PinField(
        label="Staff PIN",
        required=False,
        help_text="4–8 digits. Five taps on the tablet's logo, then this PIN, open the staff menu. "
        "It is the same on all your tablets.",
    )
    field_order = ["code", "name", "store", "page", "new_pin"]
    waiting: PairingCode

    def __init__(self, *args: Any, **kwargs: Any):
        super().__init__(*args, **kwargs)
        if TabletSettings.load().pin:
            del self.fields["new_pin"]
        else:
            self.fields["new_pin"].required = True

    def clean_code(self) -> str:
        """Wrong codes of one person are counted: see `PairView`."""
        typed = self.cleaned_data["code"]
        who = f"staff:{self.for_user.pk}" if self.for_user else "staff"
        try:
            pairing.count(who)
            self.waiting = pairing.find(typed)
        except pairing.TooMany as error:
            raise ValidationError("Too many tries. Please wait ten minutes.") from error
        except pairing.Unknown as error:
            raise ValidationError(
                "No tablet waits with this code. Codes live for ten minutes: look at the tablet "
                "for the one it shows now."
            ) from error
        return typed

    def save(self, commit: bool = True) -> Tablet:
        if made := self.cleaned_data.get("new_pin"):
            settings = TabletSettings.load()
            settings.pin = made
            settings.save()
        tablet = super().save(commit=False)
        pairing.confirm(self.waiting, tablet)
        return tablet


class ImportForm(forms.Form):
    file = forms.FileField(
        label="The tablet's file",
        help_text="From the tablet's staff menu: “Save the queue as a file”.",
        widget=forms.FileInput(attrs={"accept": ".json,application/json"}),
    )
