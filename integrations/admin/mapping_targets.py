"""Where our fields can go: the attributes of one CRM, as a person types or picks them."""

from collections.abc import Iterable

from integrations.attribute_values import SOURCE_TYPES, fits, plain
from integrations.connectors.base import Attribute, Connector
from integrations.mapping import MappingRow

TYPES = {
    "string": "text",
    "text": "long text",
    "email": "e-mail",
    "phone": "phone number",
    "date": "date",
    "boolean": "yes or no",
    "number": "number",
    "choice": "one of a list",
    "list": "several values",
}
APPENDABLE = ("string", "text", "list")  # as integrations.mapping applies it
LIST_ID = "crm-attributes"  # of the list that the inputs search


class Targets:
    """An attribute is typed by its label; by label and name where two share a label. One that the
    CRM no longer lists is kept by its name until the retailer chooses another."""

    def __init__(
        self,
        connector: type[Connector],
        attributes: Iterable[Attribute],
        stored: Iterable[MappingRow],
    ) -> None:
        self.any_attribute = connector.any_attribute
        self.modes_apply = connector.modes_apply and not connector.any_attribute
        self.by_name = {attribute.name: attribute for attribute in attributes}
        self.suggestions = list(dict.fromkeys([*self.by_name, *connector.hints.values()]))
        self.gone = {
            row.attribute
            for row in stored
            if row.attribute not in self.by_name and not self.any_attribute
        }
        labels = [plain(attribute.label) for attribute in self.by_name.values()]
        self._texts = {
            name: (
                attribute.label
                if labels.count(plain(attribute.label)) == 1
                else f"{attribute.label} ({name})"
            )
            for name, attribute in self.by_name.items()
        }
        self._by_text = {plain(text): name for name, text in self._texts.items()}

    def text(self, name: str) -> str:
        """How this attribute is written in the form."""
        return self._texts.get(name, name)

    def find(self, text: str) -> str | None:
        """The name of the attribute that is meant; "" for none at all, None for an unknown one."""
        text = text.strip()
        if not text or self.any_attribute or text in self.by_name or text in self.gone:
            return text
        return self._by_text.get(plain(text))

    def words(self, name: str) -> str:
        attribute = self.by_name.get(name)
        return TYPES.get(attribute.type, attribute.type) if attribute else ""

    @property
    def required(self) -> list[str]:
        return [a.name for a in self.by_name.values() if a.required and a.writable]

    def offered(self) -> list[tuple[str, str]]:
        """(text, what it holds) for the list of the browser's own; the required ones first."""
        if self.any_attribute:
            return [(name, "") for name in self.suggestions]
        found = sorted(self.by_name.values(), key=lambda attribute: not attribute.required)
        return [
            (self.text(a.name), f"{self.words(a.name)}{', required' if a.required else ''}")
            for a in found
            if a.writable
        ]

    def for_script(self) -> dict[str, object]:
        """What mapping.js knows: each attribute, and which source can't go there, with why."""
        listed = []
        for attribute in self.by_name.values():
            refused = {type: fits(type, attribute) for type in SOURCE_TYPES}
            listed.append(
                {
                    "name": attribute.name,
                    "text": self.text(attribute.name),
                    "holds": self.words(attribute.name),
                    "required": attribute.required,
                    "refuses": {type: reason for type, reason in refused.items() if reason},
                    "options": [label for _, label in attribute.options],
                }
            )
        listed.sort(key=lambda one: not one["required"])
        return {"attributes": listed}
