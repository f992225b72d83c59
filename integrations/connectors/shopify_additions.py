"""What `customerSet` would replace rather than add to, by mutations of its own: tags, metafields,
the address. Tags are added, and none is ever taken away."""

from typing import TYPE_CHECKING, Any, Mapping

from integrations.connectors import shopify_shapes as shapes
from integrations.connectors.json_api import Person
from integrations.connectors.shopify_graphql import Change
from integrations.connectors.shopify_shapes import ADDRESS, TAGS

if TYPE_CHECKING:
    from integrations.connectors.shopify import ShopifyConnector

TAG, TEST_TAG = "CustomerInfo", "CustomerInfo test"
AT_ONCE = 25  # metafields


def changes(
    shopify: "ShopifyConnector", person: Person, customer: Mapping[str, Any]
) -> list[Change]:
    values, id = person.values(), str(customer["id"])
    tags = {"id": id, "tags": _tags(person)}
    found = [Change("tagsAdd", {"id": "ID!", "tags": "[String!]!"}, tags)]
    fields = [
        {
            "ownerId": id,
            "namespace": name.partition(".")[0],
            "key": name.partition(".")[2],
            "type": shopify.kinds[name],
            "value": shapes.text(value, shopify.kinds[name]),
        }
        for name, value in values.items()
        if name in shopify.kinds
    ]
    for start in range(0, len(fields), AT_ONCE):
        some = {"metafields": fields[start : start + AT_ONCE]}
        found.append(Change("metafieldsSet", {"metafields": "[MetafieldsSetInput!]!"}, some))
    address = {n.removeprefix(ADDRESS): v for n, v in values.items() if n.startswith(ADDRESS)}
    return [*found, _address(id, address, customer)] if address else found


def _tags(person: Person) -> list[str]:
    mapped = person.record.values.get(TAGS)
    tags: Any = mapped.value if mapped else []
    tags = [tags] if isinstance(tags, str) else tags
    return [str(tag)[:255] for tag in [*tags, TEST_TAG if person.record.is_test else TAG]]


def _address(id: str, new: Mapping[str, Any], customer: Mapping[str, Any]) -> Change:
    """Into the default address, with what stands there already: Shopify replaces it whole."""
    old = {name: value for name, value in (customer.get("defaultAddress") or {}).items() if value}
    address_id = old.pop("id", None)
    types = {"customerId": "ID!", "address": "MailingAddressInput!", "setAsDefault": "Boolean"}
    given = {"customerId": id, "address": {**old, **new}, "setAsDefault": True}
    if address_id is None:
        return Change("customerAddressCreate", types, given)
    return Change(
        "customerAddressUpdate", {**types, "addressId": "ID!"}, {**given, "addressId": address_id}
    )
