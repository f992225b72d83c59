"""The fake Stripe's HTTP side."""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from . import form, pages, shapes
from .control import control
from .delivery import Sender
from .hosted import Hosted
from .keeping import keep, kept
from .store import Refusal

API_KEY = re.compile(r"\ABearer (sk|rk)_(test|live)_[A-Za-z0-9]{24,}\Z")

# kind → parameters that Stripe takes, as far as they are spoken here.
CREATE = {
    "customer": {"email", "name", "description", "metadata", "phone"},
    "product": {"id", "name", "description", "active", "metadata", "tax_code", "unit_label"},
    "price": {
        "currency",
        "product",
        "unit_amount",
        "recurring",
        "lookup_key",
        "transfer_lookup_key",
        "nickname",
        "metadata",
        "tax_behavior",
    },
    "subscription": {"customer", "items", "trial_period_days", "trial_end", "metadata"}
    | {"description", "automatic_tax"},
    "meter": {"event_name", "display_name", "default_aggregation", "event_time_window"}
    | {"customer_mapping", "value_settings"},
    "meter_event": {"event_name", "payload", "identifier", "timestamp"},
    "checkout_session": {"customer", "mode", "line_items", "success_url", "cancel_url", "locale"}
    | {"client_reference_id", "subscription_data", "automatic_tax", "tax_id_collection"}
    | {"customer_update", "metadata", "billing_address_collection", "allow_promotion_codes"},
    "portal_session": {"customer", "configuration", "return_url", "locale"},
    "portal_configuration": {"business_profile", "features", "metadata", "default_return_url"},
    "webhook_endpoint": {"url", "enabled_events", "metadata", "description", "api_version"},
}
CREATE["price"] |= {"billing_scheme", "tiers", "tiers_mode"}
UPDATE = {
    "customer": CREATE["customer"],
    "product": CREATE["product"] - {"id"},
    "price": {"active", "lookup_key", "transfer_lookup_key", "nickname", "metadata"},
    "subscription": {"cancel_at_period_end", "metadata", "description", "items"}
    | {"proration_behavior", "payment_behavior"},
    "portal_configuration": CREATE["portal_configuration"],
    "webhook_endpoint": {"url", "enabled_events", "metadata", "description"},
}
CANCEL = {"cancellation_details", "invoice_now", "prorate"}
PAGING = {"limit", "starting_after"}
FILTERS = {
    "customer": {"email"},
    "product": {"active"},
    "price": {"active", "product", "lookup_keys"},
    "subscription": {"customer", "status", "price"},
    "event": {"type"},
    "invoice": {"customer", "status", "subscription", "created"},
    "checkout_session": {"customer", "status"},
    "portal_configuration": {"active"},
    "meter": {"status"},
    "webhook_endpoint": set(),
}
# The path behind /v1/ → the kind of object.
KIND = {
    **{f"{kind}s": kind for kind in ("customer", "product", "price", "subscription", "event")},
    "invoices": "invoice",
    "checkout/sessions": "checkout_session",
    "billing_portal/sessions": "portal_session",
    "billing_portal/configurations": "portal_configuration",
    "billing/meters": "meter",
    "billing/meter_events": "meter_event",
    "webhook_endpoints": "webhook_endpoint",
}


@dataclass
class World:
    """What all requests share; `lock` lets one in at a time."""

    store: Hosted = field(default_factory=Hosted)
    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: list[dict] = field(default_factory=list)
    answers: dict[str, tuple] = field(default_factory=dict)  # idempotency key → what it answered
    failures: list[dict] = field(default_factory=list)
    address: str = ""
    file: Path | None = None  # where all of it is kept between starts
    sender: Sender | None = None  # of events, to who listens

    def begin(self, livemode: bool = False) -> None:
        self.store = Hosted(livemode)
        self.store.address = self.address
        for each in (self.requests, self.answers, self.failures):
            each.clear()

    def has_changed(self) -> None:
        if self.sender:
            self.sender.send_new(self.store.objects["event"].values())
        if self.file:
            keep(self.store, self.file)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body leave together; apart, the second waits 40 ms for the first one's receipt.
    disable_nagle_algorithm = True
    wbufsize = 65536
    world: World

    def handle_request(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length).decode()
        url = urlsplit(self.path)
        with self.world.lock:
            if url.path.startswith("/_fake/"):
                self.reply(200, control(self.world, url.path.removeprefix("/_fake/"), body))
            elif url.path.startswith("/v1/"):
                self.world.requests.append({"method": self.command, "path": url.path})
                self.api(url, body)
            else:
                posted = form.parse(body) if self.command == "POST" else None
                self.show(pages.answer(self.world.store, url.path, posted))
            if self.command != "GET":
                self.world.has_changed()

    do_GET = do_POST = do_DELETE = handle_request

    def api(self, url, body: str) -> None:
        failure = self.world.failures.pop(0) if self.world.failures else None
        if failure and not failure.get("after"):
            self.reply(failure["status"], failure_body(failure), failure.get("headers"))
            return
        status, answer, headers = self.answered(url, body)
        if failure:  # it was done, but the answer got lost
            self.close_connection = True
            return
        self.reply(status, answer, headers)

    def answered(self, url, body: str) -> tuple[int, dict, dict]:
        if not API_KEY.match(self.headers.get("Authorization", "")):
            return 401, {"error": {"type": "invalid_request_error", "message": "Bad key."}}, {}
        key = self.headers.get("Idempotency-Key") if self.command == "POST" else None
        asked = (self.command, url.path, body)
        if key in self.world.answers:
            before, status, answer = self.world.answers[key]
            if before != asked:
                message = "Keys for idempotent requests can only be used with the same parameters."
                return 400, {"error": {"type": "idempotency_error", "message": message}}, {}
            return status, answer, {"Idempotent-Replayed": "true"}
        query = form.parse(body if self.command == "POST" else url.query)
        # Ids stay ids: what billing asks to expand is null here, but for tiers of prices.
        tiers = any("tiers" in each for each in query.pop("expand", []))
        try:
            answer = route(self.world.store, self.command, url.path, query)
        except Refusal as refusal:
            return refusal.status, refusal.body, {}
        answer = seen(json.loads(json.dumps(answer)), tiers)
        if key:
            self.world.answers[key] = (asked, 200, answer)
        return 200, answer, {}

    def reply(self, status: int, answer, headers: dict | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def show(self, shown: pages.Page) -> None:
        self.send_response(303 if shown.location else shown.status)
        self.send_header("Content-Type", shown.type)
        self.send_header("Content-Length", str(len(shown.body)))
        self.send_header("Cache-Control", "no-store")
        if shown.location:
            self.send_header("Location", shown.location)
        self.end_headers()
        self.wfile.write(shown.body)

    def log_message(self, format, *args) -> None:
        pass  # tests look at world.requests


def failure_body(failure: dict) -> dict:
    kind = "rate_limit_error" if failure["status"] == 429 else "api_error"
    return {"error": {"type": kind, "message": f"Told to answer {failure['status']}."}}


def seen(answer, tiers: bool):
    """Without what is our own, and without tiers unless they were asked for."""
    if isinstance(answer, list):
        return [seen(each, tiers) for each in answer]
    if not isinstance(answer, dict):
        return answer
    return {
        key: seen(each, tiers)
        for key, each in answer.items()
        if not key.startswith("_") and (tiers or key != "tiers")
    }


def route(store: Hosted, method: str, path: str, query: dict) -> dict:
    """Raises `Refusal`."""
    parts = path.strip("/").split("/")[1:]
    if parts[:1] in (["account"], ["accounts"]):
        return shapes.account() | store.account_values
    name = "/".join(parts[:2])
    name, rest = (name, parts[2:]) if name in KIND else (parts[0] if parts else "", parts[1:])
    kind = KIND.get(name)
    unknown = Refusal(404, f"Unrecognized request URL ({method}: {path}).")
    if kind is None:
        raise unknown
    id, *more = rest or [None]
    if (method, kind, id) == ("POST", "invoice", "create_preview"):
        known(query, {"customer", "subscription", "subscription_details"})
        return store.preview_invoice(query)
    if more:
        return below(store, method, kind, id, more, path, query)
    if method == "GET":
        if id:
            return store.get(kind, id)
        known(query, FILTERS[kind] | PAGING)
        return listing(store, kind, path, query)
    if method == "POST" and kind in (UPDATE if id else CREATE):
        known(query, UPDATE[kind] if id else CREATE[kind])
        if id:
            return getattr(store, f"update_{kind}")(id, query)
        return getattr(store, f"create_{kind}")(query)
    if method == "DELETE" and id and kind == "customer":
        return store.delete_customer(id)
    if method == "DELETE" and id and kind == "subscription":
        known(query, CANCEL)
        return store.cancel(id, values=query)
    raise unknown


def below(store: Hosted, method, kind, id, more, path, query) -> dict:
    """What stands behind an object's own address."""
    match (method, kind, more):
        case ("GET", "product", ["features"]):
            return shapes.page([], path)
        case ("GET", "meter", ["event_summaries"]):
            known(query, {"customer", "start_time", "end_time", "value_grouping_window"} | PAGING)
            return shapes.page(store.meter_summaries(id, query), path)
        case ("POST", "customer", ["balance_transactions"]):
            known(query, {"amount", "currency", "description", "metadata"})
            return store.create_balance_transaction(id, query)
        case ("POST", "checkout_session", ["expire"]):
            return store.expire_checkout_session(id)
        case ("POST", "invoice", ["pay"]):
            return store.pay_invoice(id)
    raise Refusal(404, f"Unrecognized request URL ({method}: {path}).")


def known(query: dict, names: set[str]) -> None:
    for name in query:
        if name not in names:
            raise Refusal(400, f"Received unknown parameter: {name}", "parameter_unknown", name)


def listing(store: Hosted, kind: str, path: str, query: dict) -> dict:
    """Newest first, a page at a time, as Stripe lists."""
    objects = [each for each in store.objects[kind].values() if shown(kind, each, query)][::-1]
    if after := query.get("starting_after"):
        ids = [each["id"] for each in objects]
        objects = objects[ids.index(after) + 1 :]
    limit = int(query.get("limit", 10))
    if not 1 <= limit <= 100:
        raise Refusal(400, "Limit must be between 1 and 100.", param="limit")
    return shapes.page(objects[:limit], path, more=len(objects) > limit)


def shown(kind: str, each: dict, query: dict) -> bool:
    if each.get("deleted"):
        return False
    if kind == "price" and "lookup_keys" in query:
        if len(query["lookup_keys"]) > 10:
            raise Refusal(400, "At most 10 lookup keys.", param="lookup_keys")
        if each["lookup_key"] not in query["lookup_keys"]:
            return False
    created = query.get("created", {})
    if isinstance(created, dict) and each.get("created", 0) < int(created.get("gte", 0)):
        return False
    if kind in ("invoice", "checkout_session", "meter") and "status" in query:
        if each["status"] != query["status"]:
            return False
    if kind == "subscription" and query.get("status") != "all":
        wanted = query.get("status")
        if each["status"] != wanted if wanted else each["status"] == "canceled":
            return False
    if kind == "subscription" and "price" in query:
        if query["price"] not in [item["price"]["id"] for item in each["items"]["data"]]:
            return False
    if "active" in query and each["active"] != (query["active"] == "true"):
        return False
    plain = ("email", "product", "customer", "type", "subscription")
    return all(each[name] == query[name] for name in plain if name in query)


def serve(
    port: int = 0,
    file: Path | None = None,
    sender: Sender | None = None,
    bind: str = "127.0.0.1",
    address: str = "",
) -> ThreadingHTTPServer:
    """`file` is where the state is kept from start to start, `address` what browsers are led to."""
    world = World(file=file, sender=sender)
    server = ThreadingHTTPServer((bind, port), type("Bound", (Handler,), {"world": world}))
    world.address = address or f"http://127.0.0.1:{server.server_address[1]}"
    world.begin()
    if file and file.exists():
        world.store = kept(file)
        world.store.address = world.address
    if sender:
        sender.has_seen(world.store.objects["event"].values())
    return server
