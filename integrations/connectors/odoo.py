"""Odoo, contacts (res.partner); how it is called is in odoo_rpc.py.

Nothing in Odoo keeps two contacts of one address apart: eight that search and then create make
eight contacts. So who is new is brought in by `load` with an external id made of the identity,
which Odoo does keep unique. `load` takes many at once; one bad row fails it whole, and who loses a
race reads "could not serialize" in an answer with status 200. Who is known is written one by one:
a blank cell in a `load` would clear.

Mailing lists are in odoo_consent.py, the notes that name the sign-ups in odoo_notes.py.
"""

from functools import cached_property
from typing import Any, ClassVar, Mapping, Sequence
from urllib.parse import urlsplit

from integrations.connectors import (
    odoo_consent,
    odoo_load,
    odoo_lookup,
    odoo_notes,
    odoo_shapes as shapes,
)
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    CredentialsRefused,
    Delivered,
    NeedsAttention,
    Outcome,
)
from integrations.connectors.json_api import Person, Refused, understood
from integrations.connectors.odoo_lookup import PARTNER
from integrations.connectors.odoo_rpc import SERIALIZATION, Fault, OdooRpc
from integrations.merging import merge

CATEGORY = "res.partner.category"


class OdooConnector(OdooRpc):
    kind = "odoo"
    label = "Odoo"
    summary = "Contacts, tags, notes and mailing lists in Odoo, version 14 and later."
    icon = "group"
    guide = "Odoo: your picture > My Preferences > Security > New API Key."
    batch_size = 10  # a write and a note for each, of a server that may be a small one
    can_read_back = True
    can_delete = True
    config_fields = (
        ConfigField("address", "Address of your Odoo", "url", "As in https://shop.odoo.com."),
        ConfigField(
            "version",
            "Version",
            "choice",
            "It stands at the bottom of Odoo's settings.",
            suggest="19",
            choices=(("19", "Odoo 19 or later"), ("18", "Odoo 14 to 18")),
            leads_elsewhere=False,
        ),
        ConfigField("api_key", "API key", "secret", "Of a user made for this, as our guide says."),
        ConfigField(
            "database",
            "Database",
            help="Always for Odoo 14 to 18, else only if your server has several.",
            required=False,
        ),
        ConfigField(
            "login",
            "User name",
            help="Only for Odoo 14 to 18: what the user of the key logs in with.",
            required=False,
        ),
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": shapes.EMAIL,
        "meaning:full_name": shapes.NAME,
        "meaning:first_name": shapes.PARTS[0],
        "meaning:last_name": shapes.PARTS[1],
        "meaning:mobile": shapes.PHONE,
        "meaning:postcode": "zip",
        "meaning:address": "street",
        "meaning:country": shapes.COUNTRY,
        "meaning:company": "company_name",
        "meaning:store": shapes.TAGS,
    }
    passing_names = frozenset(
        {SERIALIZATION, "OperationalError", "DeadlockDetected", "LockNotAvailable", "LockError",
         "ConcurrencyError", "TransactionRollbackError", "MissingError"}
    )  # fmt: skip

    # who and what

    def check(self) -> Account:
        """Whose key it is, and whether its user may see and write contacts."""
        self.fields  # that there are contacts at all
        lacking = [right for right in ("read", "create", "write") if not self.may(right)]
        if lacking:
            message = f"The user of the key may not {', '.join(lacking)} contacts in Odoo."
            raise CredentialsRefused("AccessError", message)
        with understood():
            uid = self.ask("res.users", "context_get")["uid"] if self.is_json2 else self._uid
            (user,) = self.ask(
                "res.users",
                "search_read",
                domain=[["id", "=", uid]],
                fields=["name", "company_id", "create_date"],
            )
            # When the user was made: after a trial, a new Odoo may stand at the same address.
            where, since = urlsplit(self.site).netloc, user["create_date"]
            return Account(
                str(user["company_id"][1]), f"{user['name']} at {where}, user since {since}"
            )

    def describe(self) -> list[Attribute]:
        with understood():
            countries = {code: name for code, (_, name) in self._countries.items()}
            return shapes.attributes(self.fields, countries)

    def consent_targets(self) -> list[ConsentTarget]:
        return odoo_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        known_fields = []
        for person in people:
            wrong = [n for n in person.record.values if not shapes.is_writable(n, self.fields)]
            if wrong:
                message = (
                    f"Odoo takes no value for {', '.join(sorted(wrong))}. Look at the mapping."
                )
                self.settle(outcomes, person, NeedsAttention("unknown_attribute", message))
            else:
                known_fields.append(person)
        if known_fields:
            self._deliver(known_fields, outcomes)

    def _deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        odoo_lookup.look_up(self, people)
        # Two identities can turn out to be one contact: the second goes after the first.
        firsts: dict[str, Person] = {}
        later: list[Person] = []
        for person in people:
            if firsts.setdefault(person.remote_id or f"new {person.refs[0]}", person) != person:
                later.append(person)
        by_columns: dict[tuple[str, ...], list[odoo_load.Row]] = {}
        for person in firsts.values():
            try:
                values = self._values(person)
            except Refused as refused:
                self.settle(outcomes, person, refused.outcome)
                continue
            if person.remote_id:
                self._write(person, values, outcomes)
            else:
                row = {"id": shapes.external_id(person), **shapes.columns(values)}
                by_columns.setdefault(tuple(sorted(row)), []).append((person, row))
        # Only rows of the same columns go together: a blank cell clears, if a contact is there.
        for rows in by_columns.values():
            odoo_load.load(self, rows, outcomes)
        arrived = [person for person in firsts.values() if person.arrived]
        odoo_notes.write(self, arrived, outcomes)
        odoo_consent.subscribe(self, arrived, outcomes)
        for person in arrived:
            if person.refs[0] not in outcomes:
                self.settle(outcomes, person, Delivered(person.remote_id, self._link(person)))
        if later:
            self._deliver(later, outcomes)

    def _values(self, person: Person) -> dict[str, Any]:
        """What to send of this person, as `write` takes it."""
        mapped = shapes.joined_names(person, self.fields)
        values = {
            name: shapes.written(value, str(self.fields[name]["type"]))
            for name, value in merge(mapped, person.existing).items()
        }
        values.pop(shapes.EMAIL, None)  # it may have been changed in Odoo since
        if person.email and not person.existing.get(shapes.EMAIL):
            values[shapes.EMAIL] = person.email
        if shapes.TAGS in values:
            values[shapes.TAGS] = [[4, id] for id in self._tag_ids(values[shapes.TAGS])]
        if shapes.COUNTRY in values:
            values[shapes.COUNTRY] = self._country_id(str(values[shapes.COUNTRY]))
        if not person.remote_id:
            if person.identity.kind == "phone":
                values.setdefault(shapes.PHONE, person.identity.value)
            # As Odoo itself does for contacts that arrive by e-mail without a name.
            values.setdefault(shapes.NAME, person.identity.value)
        return values

    def _write(
        self, person: Person, values: Mapping[str, Any], outcomes: dict[str, Outcome]
    ) -> None:
        try:
            if values:
                self.execute(PARTNER, "write", [int(person.remote_id)], vals=values)
            person.arrived = True
        except Fault as fault:
            if fault.name == "AccessError" and not self.may("write"):
                raise self.as_error(fault) from fault
            self.settle(outcomes, person, self.as_outcome(person, fault))

    def _link(self, person: Person) -> str:
        if self.is_json2:
            return f"{self.site}/odoo/res.partner/{person.remote_id}"
        return f"{self.site}/web#id={person.remote_id}&model=res.partner&view_type=form"

    # what Odoo has

    @cached_property
    def fields(self) -> dict[str, Mapping[str, Any]]:
        """Odoo's fields of contacts, by name; asked once for a batch."""
        asked = ["type", "string", "required", "readonly", "store", "selection"]
        with understood():
            found = dict(self.ask(PARTNER, "fields_get", allfields=[], attributes=asked))
            if shapes.NAME not in found:
                raise KeyError(shapes.NAME)
            if "email_normalized" not in found:
                raise CredentialsRefused("no_app", "The app Contacts isn't installed in Odoo.")
            return found

    def may(self, right: str) -> bool:
        """Whether the key's user has a right on contacts: read, create, write."""
        if self.is_json2:
            return bool(self.ask(PARTNER, "has_access", operation=right))
        return bool(
            self.ask(PARTNER, "check_access_rights", operation=right, raise_exception=False)
        )

    @cached_property
    def _countries(self) -> dict[str, tuple[int, str]]:
        """Code → (id, name)."""
        with understood():
            found = self.ask("res.country", "search_read", domain=[], fields=["code", "name"])
            return {str(one["code"]): (int(one["id"]), str(one["name"])) for one in found}

    def _country_id(self, code: str) -> int:
        known = self._countries.get(code.upper())
        if known is None:
            raise Refused(NeedsAttention("ValueError", "Odoo doesn't know this country."))
        return known[0]

    def _tag_ids(self, names: Any) -> list[int]:
        """Tags by name; what isn't there yet is made."""
        wanted = [names] if isinstance(names, str) else [str(name) for name in names]
        domain = [["name", "in", wanted]]
        with understood():
            found = self.ask(CATEGORY, "search_read", domain=domain, fields=["name"])
            ids = {str(one["name"]): int(one["id"]) for one in found}
            missing = [name for name in wanted if name not in ids]
            if missing:
                made = self.ask(CATEGORY, "create", vals_list=[{"name": name} for name in missing])
                ids |= dict(zip(missing, made, strict=True))
            return [ids[name] for name in wanted]

    # one contact, for Send test

    def named(self, record: Mapping[str, Any]) -> dict[str, object]:
        """What Odoo holds, under the names and in the notation that a mapping has for it."""
        checkboxes = {name for name, field in self.fields.items() if field["type"] == "boolean"}
        held = {n: v if n in checkboxes else shapes.blank(v) for n, v in record.items()}
        country = held.get(shapes.COUNTRY)
        if isinstance(country, list):
            codes = {id: code for code, (id, _) in self._countries.items()}
            held[shapes.COUNTRY] = codes.get(country[0])
        ids = held.get(shapes.TAGS)
        if isinstance(ids, list) and ids:
            domain = [["id", "in", ids]]
            found = self.ask(CATEGORY, "search_read", domain=domain, fields=["name"])
            held[shapes.TAGS] = [str(one["name"]) for one in found]
        return {**shapes.split_name(held.get(shapes.NAME)), **held}

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        asked = {shapes.NAME, *(name for name in names if name in self.fields)}
        found = self.ask(
            PARTNER,
            "search_read",
            domain=[["id", "=", int(remote_id)]],
            fields=sorted(asked),
            context={"active_test": False},
        )
        with understood():
            held = self.named(found[0]) if found else {}
            return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        """For good. Odoo refuses it for contacts with invoices and such."""
        try:
            self.execute(PARTNER, "unlink", [int(remote_id)])
        except Fault as fault:
            if fault.name != "MissingError":
                raise self.as_error(fault) from fault
