"""The fake Stripe's HTTP side."""

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from . import form, pages, shapes
from .store import Refusal, Store

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
    "subscription": {"customer", "items", "trial_period_days", "metadata", "description"},
}
UPDATE = {
    "customer": CREATE["customer"],
    "product": CREATE["product"] - {"id"},
    "price": {"active", "lookup_key", "transfer_lookup_key", "nickname", "metadata"},
    "subscription": {"cancel_at_period_end", "metadata", "description"},
}
PAGING = {"limit", "starting_after"}
FILTERS = {
    "customer": {"email"},
    "product": {"active"},
    "price": {"active", "product", "lookup_keys"},
    "subscription": {"customer", "status"},
    "event": {"type"},
    "invoice": {"customer"},
}
KIND = {f"{kind}s": kind for kind in FILTERS}


@dataclass
class World:
    """What all requests share; `lock` lets one in at a time."""

    store: Store = field(default_factory=Store)
    lock: threading.Lock = field(default_factory=threading.Lock)
    requests: list[dict] = field(default_factory=list)
    answers: dict[str, tuple] = field(default_factory=dict)  # idempotency key → what it answered
    failures: list[dict] = field(default_factory=list)


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
                return
            if url.path.startswith(("/c/pay/", "/p/session/")):
                self.show(*pages.page(self.world.store, self.command, url.path, body))
                return
            self.world.requests.append({"method": self.command, "path": url.path})
            self.api(url, body)

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
        query.pop("expand", None)  # ids stay ids: what billing asks to expand is null here
        try:
            host = self.headers["Host"]
            answer = route(self.world.store, self.command, url.path, query, host)
        except Refusal as refusal:
            return refusal.status, refusal.body, {}
        answer = json.loads(json.dumps(answer))
        if key:
            self.world.answers[key] = (asked, 200, answer)
        return 200, answer, {}

    def show(self, status: int, html: str, to: str) -> None:
        """A page for a person, or on to the next one."""
        body = html.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        if to:
            self.send_header("Location", to)
        self.end_headers()
        self.wfile.write(body)

    def reply(self, status: int, answer, headers: dict | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *args) -> None:
        pass  # tests look at world.requests


def failure_body(failure: dict) -> dict:
    kind = "rate_limit_error" if failure["status"] == 429 else "api_error"
    return {"error": {"type": kind, "message": f"Told to answer {failure['status']}."}}


def control(world: World, name: str, body: str):
    """What a test may see and do beside Stripe's API."""
    if name == "requests":
        return world.requests
    if name == "events":
        return list(world.store.objects["event"].values())
    values = json.loads(body or "{}")
    if name == "reset":
        world.store = Store(livemode=values.get("livemode", False))
        for kept in (world.requests, world.answers, world.failures):
            kept.clear()
    elif name == "fail":  # the next `times` calls; `after`: done, but the answer gets lost
        world.failures += [values] * values.get("times", 1)
    elif name == "cancel":
        return world.store.cancel(values["id"], values["reason"])
    elif name == "next_period":
        pages.next_period(world.store)
    elif name == "give_up":
        pages.give_up(world.store)
    elif name == "subscription":  # what only Stripe's clock and cards can do
        found = world.store.get("subscription", values.pop("id"))
        return world.store.change("subscription", found, values, "customer.subscription.updated")
    else:
        return {"unknown": name}
    return {}


def route(store: Store, method: str, path: str, query: dict, host: str) -> dict:
    """Raises `Refusal`. `host` is where the pages of sessions are."""
    parts = path.strip("/").split("/")[1:]
    if (method, parts) == ("POST", ["checkout", "sessions"]):
        known(query, pages.CHECKOUT)
        return pages.create_checkout(store, query, host)
    if (method, parts) == ("POST", ["billing_portal", "sessions"]):
        known(query, pages.PORTAL)
        return pages.create_portal(store, query, host)
    if parts[:1] in (["account"], ["accounts"]):
        return shapes.account()
    kind = KIND.get(parts[0]) if parts else None
    if kind is None:
        raise Refusal(404, f"Unrecognized request URL ({method}: {path}).")
    if len(parts) == 3 and parts[2] == "features":
        return shapes.page([], path)
    id = parts[1] if len(parts) == 2 else None
    if method == "GET":
        if id:
            return store.get(kind, id)
        known(query, FILTERS[kind] | PAGING)
        return listing(store, kind, path, query)
    if method == "POST" and kind in CREATE:
        known(query, UPDATE[kind] if id else CREATE[kind])
        if id:
            return getattr(store, f"update_{kind}")(id, query)
        return getattr(store, f"create_{kind}")(query)
    if method == "DELETE" and id and kind == "customer":
        return store.delete_customer(id)
    if method == "DELETE" and id and kind == "subscription":
        return store.cancel(id)
    raise Refusal(404, f"Unrecognized request URL ({method}: {path}).")


def known(query: dict, names: set[str]) -> None:
    for name in query:
        if name not in names:
            raise Refusal(400, f"Received unknown parameter: {name}", "parameter_unknown", name)


def listing(store: Store, kind: str, path: str, query: dict) -> dict:
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
    if kind == "subscription" and query.get("status") != "all":
        wanted = query.get("status")
        if each["status"] != wanted if wanted else each["status"] == "canceled":
            return False
    if "active" in query and each["active"] != (query["active"] == "true"):
        return False
    plain = ("email", "product", "customer", "type")
    return all(each[name] == query[name] for name in plain if name in query)


def serve(port: int = 0) -> ThreadingHTTPServer:
    handler = type("BoundHandler", (Handler,), {"world": World()})
    return ThreadingHTTPServer(("127.0.0.1", port), handler)
