"""The two ways to call a method of Odoo's models, which look the same from here.

www.odoo.com/documentation/19.0/developer/reference/external_api.html: JSON-2, from version 19
www.odoo.com/documentation/18.0/developer/reference/external_api.html: JSON-RPC, gone in 22

The older one answers errors with status 200 as well; both name the Python exception, which says
more than the status: an unknown field is a ValueError with status 500.
"""

from functools import cached_property
from typing import Any, Iterable, Mapping

from integrations.connectors.base import (
    ConnectorError,
    CredentialsRefused,
    Outcome,
    TryLater,
    call_error,
)
from integrations.connectors.json_api import JsonConnector, Person, understood
from integrations.http_answer import HttpAnswer

# Exceptions about what was asked; any other one is Odoo's own trouble, and may pass.
_ABOUT_THE_DATA = frozenset(
    {"UserError", "ValidationError", "ValueError", "TypeError", "RedirectWarning", "AccessError",
     "NotNullViolation", "UniqueViolation", "CheckViolation", "ForeignKeyViolation",
     "UnprocessableEntity", "NotFound"}
)  # fmt: skip
_FAULTS = (400, 403, 404, 409, 422, 500)
SERIALIZATION = "SerializationFailure"


class Fault(Exception):
    """Odoo's no to one call. `name` is its exception, without the module."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(name)
        self.name, self.message = name, message

    @property
    def is_unknown_model(self) -> bool:
        """An app that isn't installed: 19 says the first, the older ones the second."""
        return self.name == "NotFound" or (
            self.name == "UserError" and "doesn't exist" in self.message
        )


class OdooRpc(JsonConnector):
    refused_names = frozenset({"AccessDenied", "Unauthorized", "SessionExpiredException"})

    @property
    def is_json2(self) -> bool:
        return self.config.get("version") != "18"

    def execute(
        self,
        model: str,
        method: str,
        ids: Iterable[int] = (),
        context: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Any:
        """What the method answers. `ids` are the records that it is called on, none for a method
        of the model. Raises Fault, and ConnectorError where it isn't about this call."""
        ids = list(ids)
        more = {"context": dict(context)} if context else {}
        if self.is_json2:
            on = {"ids": ids} if ids else {}
            answer = self.call(
                "POST", f"/json/2/{model}/{method}", json={**on, **more, **arguments}, allow=_FAULTS
            )
            if answer.status >= 300:
                raise self._fault(answer)
            with understood():
                return answer.json()
        # The older one wants to see the values of a new record at their place.
        first = [arguments.pop("vals_list")] if method == "create" else [ids] if ids else []
        key = (self.config.get("api_key") or "").strip()
        return self._service(
            "object", "execute_kw", [self._database, self._uid, key, model, method, first,
                                     {**arguments, **more}]
        )  # fmt: skip

    def ask(self, model: str, method: str, **more: Any) -> Any:
        """As `execute`, where a no isn't about one person."""
        try:
            return self.execute(model, method, **more)
        except Fault as fault:
            raise self.as_error(fault) from fault

    def as_error(self, fault: Fault) -> ConnectorError:
        if fault.name == "AccessError":
            return CredentialsRefused(fault.name, fault.message)
        return TryLater(fault.name, fault.message)

    def as_outcome(self, person: Person, fault: Fault) -> Outcome:
        status = 422 if fault.name in _ABOUT_THE_DATA else 500
        return self.failed(person, fault.name, fault.message, status)

    def _fault(self, answer: HttpAnswer) -> Exception:
        name, message = self.error_of(answer)
        if name:
            return _refused(message) or Fault(name, message)
        if answer.status == 404:
            message = "There is no Odoo 19 at this address. Look at the address and the version."
            return TryLater("wrong_address", message)
        # A proxy in between, or an error so early that Odoo didn't name it.
        return call_error(answer.status) or Fault("", message)

    # the older way

    @cached_property
    def _uid(self) -> int:
        """The number of the user, which the older way wants with each call."""
        login, key = (self.config.get("login") or "").strip(), self.config.get("api_key") or ""
        arguments = [self._database, login, key.strip(), {}]
        try:
            uid = self._service("common", "authenticate", arguments)
        except Fault as fault:
            raise self.as_error(fault) from fault
        if not isinstance(uid, int) or not uid:
            message = "Odoo doesn't know this user name and key in this database."
            raise CredentialsRefused("AccessDenied", message)
        return uid

    @property
    def _database(self) -> str:
        return (self.config.get("database") or "").strip()

    def _service(self, service: str, method: str, arguments: list[Any]) -> Any:
        params = {"service": service, "method": method, "args": arguments}
        body = {"jsonrpc": "2.0", "method": "call", "id": 1, "params": params}
        answer = self.call("POST", "/jsonrpc", json=body)
        with understood():
            said = answer.json()
            if "error" not in said:
                return said["result"]
            name, message = self.vendor_error(answer)
        if name in self.refused_names:
            raise CredentialsRefused(name, message)
        raise _refused(message) or Fault(name, message[:400])

    # both

    @property
    def site(self) -> str:
        """The address as it stands in a browser, however much of it was copied."""
        address = (self.config.get("address") or "").strip().partition("#")[0].rstrip("/")
        for ending in ("/web", "/odoo"):
            address = address.removesuffix(ending)
        return address

    def url(self, path: str) -> str:
        return self.site + path

    def headers(self) -> dict[str, str]:
        if not self.is_json2:
            return {}
        key = (self.config.get("api_key") or "").strip()
        database = {"X-Odoo-Database": self._database} if self._database else {}
        return {"Authorization": f"bearer {key}", **database}

    def vendor_error(self, answer: HttpAnswer) -> tuple[str, str]:
        said = answer.json()
        error = said["error"]["data"] if "error" in said else said
        message = str(error["message"])
        if "could not serialize" in message:
            return SERIALIZATION, message
        return str(error["name"]).rpartition(".")[2], message


def _refused(message: str) -> CredentialsRefused | None:
    """A database that isn't there speaks as any trouble with a database does."""
    if message.rstrip().endswith("does not exist") and "database" in message:
        return CredentialsRefused("no_database", "Odoo has no database of this name.")
    return None
