"""Usage that is reported to a meter, as Stripe adds it up."""

from . import hosted_shapes, shapes
from .store import DAY, Refusal, Store

OLDEST = 35 * DAY  # https://docs.stripe.com/api/billing/meter-event/create
NEWEST = 300


class Metered(Store):
    def __init__(self, livemode: bool = False):
        super().__init__(livemode)
        self.reports: list[dict] = []  # meter events in the order in which they came

    def create_meter(self, values: dict) -> dict:
        for name in ("event_name", "display_name", "default_aggregation"):
            if name not in values:
                raise Refusal(400, f"Missing required param: {name}.", "parameter_missing", name)
        taken = {each["event_name"] for each in self.objects["meter"].values()}
        if values["event_name"] in taken:
            raise Refusal(400, "An active meter with this event name exists.")
        new = hosted_shapes.meter(self.new_id("mtr_test"), self.livemode) | values
        self.objects["meter"][new["id"]] = new
        return new

    def create_meter_event(self, values: dict) -> dict:
        payload, at = values.get("payload", {}), int(values.get("timestamp", shapes.now()))
        meters = [
            m for m in self.objects["meter"].values() if m["event_name"] == values.get("event_name")
        ]
        if not meters:
            raise Refusal(400, "No active meter found for this event name.", param="event_name")
        if not shapes.now() - OLDEST <= at <= shapes.now() + NEWEST:
            raise Refusal(400, "The timestamp is out of range.", param="timestamp")
        if not payload.get("value", "").isdigit():
            raise Refusal(400, "The value isn't a number.", param="payload[value]")
        customer = self.get("customer", payload.get("stripe_customer_id", ""), "payload")
        if customer.get("deleted"):
            raise Refusal(400, "The customer was deleted.", "resource_missing")
        identifier = values.get("identifier") or self.new_id("evt")
        day_ago = shapes.now() - DAY
        if any(
            each["identifier"] == identifier and each["created"] > day_ago for each in self.reports
        ):
            raise Refusal(
                400, f"An event already exists with identifier {identifier}.", param="identifier"
            )
        new = hosted_shapes.meter_event(identifier, self.livemode) | {
            "event_name": values["event_name"],
            "payload": payload,
            "timestamp": at,
        }
        self.reports.append(new)
        return new

    def used(self, meter: dict, customer: str, start: int, end: int) -> int:
        """Added up from `start` to before `end`. With a window, its last report counts alone."""
        window = {"day": DAY, "hour": 3600}.get(meter["event_time_window"])
        values: dict = {}
        for number, each in enumerate(self.reports):
            mine = each["payload"]["stripe_customer_id"] == customer
            if (
                mine
                and each["event_name"] == meter["event_name"]
                and start <= each["timestamp"] < end
            ):
                slot = each["timestamp"] // window if window else number
                values[slot] = int(each["payload"]["value"])
        return sum(values.values())

    def meter_summaries(self, meter_id: str, query: dict) -> list[dict]:
        meter = self.get("meter", meter_id)
        start, end = int(query["start_time"]), int(query["end_time"])
        if start % DAY or end % DAY:
            raise Refusal(400, "Start and end must align with daily boundaries.")
        step = DAY if query.get("value_grouping_window") == "day" else end - start
        found = []
        for first in range(start, end, step):
            value = self.used(meter, query["customer"], first, first + step)
            if value:
                id = f"mtrusg_{first}"
                summary = (id, meter_id, value, first, first + step, self.livemode)
                found.append(hosted_shapes.meter_summary(*summary))
        return found[::-1]
