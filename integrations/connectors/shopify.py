"""Shopify, customers by the GraphQL Admin API (https://shopify.dev/docs/api/admin-graphql).

An address and a number are each on one customer only, so `customerSet` by address or number can't
make a second one, whoever writes in the same moment. It replaces lists and keeps what is left out:
tags, addresses and metafields go by mutations of their own, in one call after it. Which sign-ups
led to a customer stands in the customer's note, a line for each.

Consents are in shopify_consent.py.
"""

from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Mapping, Sequence

from integrations.connectors import (
    shopify_additions,
    shopify_consent,
    shopify_shapes as shapes,
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
    TryLater,
)
from integrations.connectors.json_api import Person, Refused, understood
from integrations.connectors.shopify_graphql import Change, ShopifyGraphQL
from integrations.connectors.shopify_shapes import ADDRESS, EMAIL, NOTE, PHONE, TAGS

SCOPES = ("read_customers", "write_customers")
_PAGE = 100
_SETTABLE = ("firstName", "lastName", shapes.LOCALE, NOTE, PHONE)


class ShopifyConnector(ShopifyGraphQL):
    kind = "shopify"
    label = "Shopify"
    # A year after 2026-10: shopify.dev, API versioning.
    supported_until = date(2027, 10, 1)
    summary = "Customers, tags and marketing consent in Shopify."
    icon = "group"
    guide = "Shopify: Settings > Apps > Develop apps > Dev Dashboard > your app > Settings."
    batch_size = 10  # three calls for each, of some 40 points together
    can_read_back = True
    can_delete = True
    config_fields = (
        ConfigField("shop", "Shop", help="What stands before .myshopify.com."),
        ConfigField(
            "token",
            "Access token or client secret",
            "secret",
            "Of your own app. Begins with shpat_ or shpss_.",
        ),
        ConfigField(
            "client_id",
            "Client ID",
            "secret",  # so that nobody looks for it who has the button
            "Only with a client secret: it stands above it.",
            required=False,
        ),
    )
    oauth: ClassVar[OAuth | None] = OAuth(
        authorize_url="https://{shop}.myshopify.com/admin/oauth/authorize",
        token_url="https://{shop}.myshopify.com/admin/oauth/access_token",
        scopes=SCOPES,
        scope_separator=",",
        exchange_fields=(("expiring", "1"),),  # public apps get no other tokens, since 2026
    )
    hints: ClassVar[Mapping[str, str]] = {
        "meaning:email": EMAIL,
        "meaning:first_name": "firstName",
        "meaning:last_name": "lastName",
        "meaning:mobile": PHONE,
        "meaning:birthday": "facts.birth_date",
        "meaning:postcode": f"{ADDRESS}zip",
        "meaning:address": f"{ADDRESS}address1",
        "meaning:country": f"{ADDRESS}countryCode",
        "meaning:company": f"{ADDRESS}company",
        "meaning:store": TAGS,
    }
    passing_names = frozenset({"NOT_FOUND"})

    # who and what

    def check(self) -> Account:
        said = self.ask(
            "{ shop { name myshopifyDomain } currentAppInstallation { accessScopes { handle } } }"
        )
        with understood():
            granted = {str(o["handle"]) for o in said["currentAppInstallation"]["accessScopes"]}
            lacking = [scope for scope in SCOPES if scope not in granted]
            if lacking:
                message = f"The app lacks these scopes: {', '.join(lacking)}."
                raise CredentialsRefused("missing_scopes", message)
            return Account(str(said["shop"]["name"]), str(said["shop"]["myshopifyDomain"]))

    def describe(self) -> list[Attribute]:
        with understood():
            made = [shapes.metafield(one) for one in self._definitions.values()]
            return [*shapes.OWN, *shapes.ADDRESSES, *(one for one in made if one)]

    def consent_targets(self) -> list[ConsentTarget]:
        return list(shopify_consent.TARGETS)

    # delivering

    def deliver(self, people: list[Person], outcomes: dict[str, Outcome]) -> None:
        for person in people:
            try:
                outcome = self._bring(person)
            except Refused as refused:
                outcome = refused.outcome
            self.settle(outcomes, person, outcome)

    def _bring(self, person: Person) -> Outcome:
        """Raises Refused."""
        if person.identity.kind == "external":
            message = "Shopify knows people by address or number only, and this person gave none."
            return NeedsAttention("no_address", message)
        wrong = sorted(set(person.record.values) - self._names)
        if wrong:
            message = f"Shopify has no {', '.join(wrong)} for customers. Look at the mapping."
            return NeedsAttention("unknown_attribute", message)
        self._look_up(person)
        said: Outcome | None = None
        errors, customer = self._set(person)
        if person.email and any("phone" in (one.get("field") or ()) for one in errors):
            if errors[0].get("code") == "TAKEN":
                said = self._take_or_leave_phone(person)
                errors, customer = self._set(person)
        self._refuse(person, errors)
        with understood():
            person.remote_id = shapes.number(customer["id"])
            consents, refused = shopify_consent.changes(person, customer)
        for result in self.change([*shopify_additions.changes(self, person, customer), *consents]):
            with understood():
                errors = list(result["userErrors"])
            self._refuse(person, errors)
        url = f"https://admin.shopify.com/store/{self.shop}/customers/{person.remote_id}"
        return said or refused or Delivered(person.remote_id, url)

    def _look_up(self, person: Person) -> None:
        """What Shopify holds of this person: by the id of an earlier delivery, or by identity."""
        way = "emailAddress" if person.email else "phoneNumber"
        identifiers = [{way: person.identity.value}]
        if person.remote_id.isdigit():
            identifiers.insert(0, {"id": shapes.gid(person.remote_id)})
        person.remote_id = ""
        for customer in self._customers(identifiers, person.record.values):
            if customer:
                self._known_as(person, customer)
                return

    def _known_as(self, person: Person, customer: Mapping[str, Any]) -> None:
        with understood():
            person.remote_id = shapes.number(customer["id"])
            person.existing = shapes.held(customer, self.kinds)

    def _customers(
        self, identifiers: list[dict[str, str]], names: Sequence[str] | Mapping[str, object]
    ) -> list[Mapping[str, Any] | None]:
        """A customer, or None, for each identifier, with the metafields of these names."""
        keys = sorted(name for name in names if name in self.kinds)
        types = ", ".join(f"$i{n}: CustomerIdentifierInput!" for n in range(len(identifiers)))
        more = "metafields(first: 50, keys: $keys) { nodes { namespace key value } }"
        fields = f"{shapes.FIELDS} {more if keys else ''}"
        asked = [
            f"c{n}: customerByIdentifier(identifier: $i{n}) {{ {fields} }}"
            for n in range(len(identifiers))
        ]
        variables: dict[str, Any] = {f"i{n}": one for n, one in enumerate(identifiers)}
        if keys:
            types, variables["keys"] = f"{types}, $keys: [String!]", keys
        said = self.ask(f"query({types}) {{ {' '.join(asked)} }}", variables)
        with understood():
            return [said[f"c{n}"] for n in range(len(identifiers))]

    def _set(self, person: Person) -> tuple[list[Mapping[str, Any]], Mapping[str, Any]]:
        """What Shopify says against it, and the customer as it is then."""
        values = person.values()
        given = {name: values[name] for name in _SETTABLE if name in values}
        given[NOTE] = shapes.noted(person, str(given.get(NOTE) or person.existing.get(NOTE) or ""))
        if person.remote_id:
            identifier = {"id": shapes.gid(person.remote_id)}
            if person.email and not person.existing.get(EMAIL):
                given[EMAIL] = person.email  # else it may have been changed in Shopify since
        else:
            identifier = {person.identity.kind: person.identity.value}
            given |= identifier
        (said,) = self.change(
            [
                Change(
                    "customerSet",
                    {"input": "CustomerSetInput!", "identifier": "CustomerSetIdentifiers"},
                    {"input": given, "identifier": identifier},
                    f"customer {{ {shapes.FIELDS} }} userErrors {{ field code message }}",
                )
            ]
        )
        with understood():
            return list(said["userErrors"]), dict(said["customer"] or {})

    def _take_or_leave_phone(self, person: Person) -> Outcome | None:
        """The number is on another customer. If that one gave no address yet, it's the same
        person; else a family's, or a former owner's, and merging two people would be a mistake."""
        number = {"phoneNumber": str(person.record.values[PHONE].value)}
        (other,) = self._customers([number], person.record.values)
        if other and not other.get(EMAIL) and not person.remote_id:
            self._known_as(person, other)
            return None
        person.leave_out(PHONE)
        return NeedsAttention(
            "duplicate_phone",
            "The customer is in Shopify without the phone number: another customer has that"
            " number. If both are one person, merge them in Shopify.",
        )

    def _refuse(self, person: Person, errors: list[Mapping[str, Any]]) -> None:
        if errors:
            with understood():
                name, message = str(errors[0].get("code") or ""), str(errors[0]["message"])
            raise Refused(self.failed(person, name or "refused", message, 400))

    # what Shopify has

    @property
    def _names(self) -> set[str]:
        return {one.name for one in (*shapes.OWN, *shapes.ADDRESSES)} | set(self.kinds)

    @cached_property
    def kinds(self) -> dict[str, str]:
        """The type of each metafield that can be filled in, by its name."""
        with understood():
            return {
                name: str(one["type"]["name"])
                for name, one in self._definitions.items()
                if shapes.metafield(one)
            }

    @cached_property
    def _definitions(self) -> dict[str, Mapping[str, Any]]:
        """The shop's metafields of customers; asked once for a batch."""
        found: dict[str, Mapping[str, Any]] = {}
        after = None
        while True:
            said = self.ask(
                "query($first: Int!, $after: String) { metafieldDefinitions(ownerType: CUSTOMER,"
                " first: $first, after: $after) { nodes { namespace key name type { name }"
                " validations { name value } } pageInfo { hasNextPage endCursor } } }",
                {"first": _PAGE, "after": after},
            )
            with understood():
                page = said["metafieldDefinitions"]
                found |= {f"{one['namespace']}.{one['key']}": one for one in page["nodes"]}
                if not page["pageInfo"]["hasNextPage"]:
                    return found
                after = str(page["pageInfo"]["endCursor"])

    # one customer, for Send test

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        (customer,) = self._customers([{"id": shapes.gid(remote_id)}], names)
        with understood():
            held = shapes.held(customer, self.kinds) if customer else {}
            return {name: held.get(name) for name in names}

    def delete(self, remote_id: str) -> None:
        """For good. Shopify refuses it for customers with orders."""
        given = {"input": {"id": shapes.gid(remote_id)}}
        (said,) = self.change([Change("customerDelete", {"input": "CustomerDeleteInput!"}, given)])
        if said.get("userErrors") and self._customers([{"id": shapes.gid(remote_id)}], ()) != [
            None
        ]:
            with understood():
                raise TryLater("not_deleted", str(said["userErrors"][0]["message"])[:400])
