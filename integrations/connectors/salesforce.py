"""Salesforce, REST API 62.0 (https://developer.salesforce.com/docs/platform/api-rest/guide).

An e-mail address isn't unique in Salesforce, nor can a field for it be made so without an
administrator. So each batch is: one query for who is known, one call that updates those by id, one
that creates the others; calls cost, as Salesforce counts them by the day. If contacts have a field
CustomerInfo_ID__c, marked as external id and unique, the others are upserted by it, and Salesforce
itself keeps a second contact out.

Duplicate rules that only warn would refuse us, so we say that we have seen the warning: who is the
same person was decided by address, and a family shares a phone. Rules that block do block.

Campaigns are in salesforce_consent.py, the notes that name the sign-ups in salesforce_notes.py.
"""

from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Iterable, Mapping, Sequence
from urllib.parse import quote, urlsplit

from integrations.connectors import (
    salesforce_consent,
    salesforce_lookup,
    salesforce_notes,
    salesforce_shapes as shapes,
)
from integrations.connectors.base import (
    Account,
    Attribute,
    ConfigField,
    ConsentTarget,
    CredentialsRefused,
    Delivered,
    NeedsAttention,
    OAuth,
    Outcome,
    RetryLater,
)
from integrations.connectors.json_api import Person, understood
from integrations.connectors.salesforce_rest import DATA, SalesforceRest
from integrations.connectors.salesforce_shapes import OUR_ID

Sent = list[tuple[Person, dict[str, Any]]]

# Of an organisation with hundreds of fields; the gate takes a megabyte otherwise.
LARGEST_DESCRIPTION = 8_000_000  # bytes


class SalesforceConnector(SalesforceRest):
    kind = "salesforce"
    label = "Salesforce"
    # Three years after v62.0: API end-of-life policy.
    supported_until = date(2027, 10, 1)
    summary = "Contacts, campaigns and notes in Salesforce."
    icon = "group"
    guide = "Salesforce: Setup > App Manager > your app > Manage Consumer Details."
    batch_size = 50  # Salesforce takes 200; the query for who is known has to fit into an address
    can_read_back = True
    can_delete = True
    config_fields = (
        ConfigField(
            "domain",
            "My Domain",
            help="What stands before .my.salesforce.com or .lightning.force.com in your browser.",
        ),
        # Secrets both, so that nobody looks for them who has the button.
        ConfigField("client_id", "Consumer key", "secret", "Of an app of your own."),
        ConfigField("client_secret", "Consumer secret", "secret", "Of the same app."),
    )
    oauth: ClassVar[OAuth | None] = OAuth(
        authorize_url="https://{domain}.my.salesforce.com/services/oauth2/authorize",
        token_url="https://{domain}.my.salesforce.com/services/oauth2/token",
        scopes=("api", "refresh_token"),
        token_seconds=900,  # the shortest session that an administrator can set
        pkce=True,
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": "Email",
        "meaning:first_name": "FirstName",
        "meaning:last_name": "LastName",
        "meaning:mobile": "MobilePhone",
        "meaning:birthday": "Birthdate",
        "meaning:postcode": "MailingPostalCode",
        "meaning:address": "MailingStreet",
        "meaning:country": "MailingCountry",
    }

    # who and what

    def check(self) -> Account:
        """Whose organisation it is, and whether its user may see and write contacts."""
        lacking = [
            word
            for word, right in (
                ("read", "queryable"),
                ("create", "createable"),
                ("edit", "updateable"),
            )
            if not self._described.get(right)
        ]
        lacking += ["see the field Email Opt Out of"] if shapes.OPT_OUT not in self.fields else []
        if lacking:
            message = f"The user of the connection may not {', '.join(lacking)} contacts."
            raise CredentialsRefused("missing_rights", message)
        with understood():
            (organisation,) = self.query("SELECT Name FROM Organization")
            return Account(str(organisation["Name"]), urlsplit(self.site).netloc)

    def describe(self) -> list[Attribute]:
        with understood():
            return [shapes.attribute(one) for one in self.fields.values() if shapes.is_shown(one)]

    def consent_targets(self) -> list[ConsentTarget]:
        return salesforce_consent.targets(self)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        fitting = []
        for person in people:
            problem = self._problem(person)
            if problem:
                self.settle(outcomes, person, problem)
            else:
                fitting.append(person)
        if fitting:
            self._deliver(fitting, outcomes)

    def _problem(self, person: Person) -> Outcome | None:
        """Why this person can't go, as far as it can be known before."""
        wrong = [n for n in person.record.values if not shapes.is_writable(self.fields.get(n))]
        if wrong:
            message = f"Salesforce takes no value for {', '.join(sorted(wrong))}: look at the"
            return NeedsAttention("unknown_attribute", f"{message} mapping and the user's rights.")
        if person.identity.kind == "external" and not self.has_our_id:
            return NeedsAttention(
                "no_address",
                "This person gave neither address nor number. Salesforce could find them again"
                " only by the field CustomerInfo ID, which our guide describes.",
            )
        return None

    def _deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        salesforce_lookup.look_up(self, people)
        # Two identities can turn out to be one contact, and Salesforce refuses a call that names
        # an id twice: the second goes after the first.
        firsts: dict[str, Person] = {}
        later: list[Person] = []
        for person in people:
            if firsts.setdefault(person.remote_id or f"new {person.refs[0]}", person) != person:
                later.append(person)
        known, new = [], []
        for person in firsts.values():
            values = self._values(person)
            if not person.remote_id:
                new.append((person, values))
            elif values:
                known.append((person, {**values, "id": person.remote_id}))
            else:
                person.arrived = True  # nothing to change
        self._send("PATCH", "", known, outcomes)
        if self.has_our_id:
            self._send("PATCH", f"/Contact/{OUR_ID}", new, outcomes)
        else:
            self._send("POST", "", new, outcomes)
        arrived = [person for person in firsts.values() if person.arrived]
        salesforce_notes.write(self, arrived, outcomes)
        salesforce_consent.subscribe(self, arrived, outcomes)
        for person in arrived:
            if person.refs[0] not in outcomes:
                url = f"{self.site}/lightning/r/Contact/{person.remote_id}/view"
                self.settle(outcomes, person, Delivered(person.remote_id, url))
        if later:
            self._deliver(later, outcomes)

    def _values(self, person: Person) -> dict[str, Any]:
        """What to send of this person, given what Salesforce holds."""
        values = {n: shapes.sent(value) for n, value in person.values().items()}
        values.pop("Email", None)  # it may have been changed in Salesforce since
        if person.email and not person.existing.get("Email"):
            values["Email"] = person.email
        if not person.remote_id:
            if person.identity.kind == "phone":
                values.setdefault("MobilePhone", person.identity.value)
            if self.has_our_id:
                values[OUR_ID] = shapes.our_id(person)
        return values

    def _send(self, method: str, path: str, some: Sent, outcomes: dict[str, Outcome]) -> None:
        results = self.collection(method, path, [("Contact", values) for _, values in some])
        for (person, _), result in zip(some, results, strict=True):
            if result.get("success"):
                person.remote_id, person.arrived = str(result["id"]), True
            else:
                self.settle(outcomes, person, self.item_refused(person, result))

    def item_refused(self, person: Person, result: Mapping[str, Any]) -> Outcome:
        """How a person ends of whom a collection says no; the first error names it."""
        with understood():
            error = result["errors"][0]
            name, message = str(error["statusCode"]), str(error["message"])
        if name == "DUPLICATE_VALUE" and OUR_ID.lower() in message.lower():
            # Somebody was faster: the next attempt finds the contact.
            return RetryLater(name, "Somebody created this contact in the same moment.")
        if name == "REQUIRED_FIELD_MISSING":
            message = f"{message} Map it, or give it a default."
        if name == "DUPLICATES_DETECTED":
            message = "A duplicate rule of your Salesforce blocks this contact. Look at the rule."
        return self.failed(person, name, message, 400)

    # what Salesforce has

    @cached_property
    def _described(self) -> Mapping[str, Any]:
        with understood():
            path = f"{DATA}/sobjects/Contact/describe"
            return dict(self.call("GET", path, max_bytes=LARGEST_DESCRIPTION).json())

    @cached_property
    def fields(self) -> dict[str, Mapping[str, Any]]:
        """Salesforce's fields of contacts, by name, as far as this user sees them."""
        with understood():
            return {str(one["name"]): one for one in self._described["fields"]}

    @property
    def has_our_id(self) -> bool:
        field = self.fields.get(OUR_ID)
        return bool(field and field.get("externalId") and field.get("unique"))

    def visible(self, names: Iterable[str]) -> list[str]:
        return sorted(name for name in set(names) if name in self.fields)

    # one contact, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        fields = ",".join(self.visible(["Id", *names]))
        answer = self.call("GET", self._path(remote_id), params={"fields": fields}, allow=(404,))
        with understood():
            held = answer.json() if answer.status == 200 else {}
            return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        """Into Salesforce's recycle bin, for 15 days."""
        self.call("DELETE", self._path(remote_id), allow=(404,))

    def _path(self, remote_id: str) -> str:
        return f"{DATA}/sobjects/Contact/{quote(remote_id, safe='')}"
