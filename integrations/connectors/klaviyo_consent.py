"""Consents in Klaviyo: subscriptions of a list, by e-mail or by SMS.

The list decides whether a confirmation is asked for first. Klaviyo's own call lifts the
suppressions of people who had left or complained, so whoever is suppressed is never sent to it.
"""

from typing import TYPE_CHECKING, Any, Mapping
from urllib.parse import parse_qs, urlsplit

from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.json_api import PERSONAL, Person, understood
from integrations.connectors.klaviyo_shapes import SUBSCRIPTIONS

if TYPE_CHECKING:
    from integrations.connectors.klaviyo import KlaviyoConnector

AT_ONCE = 1000
SMS = "sms:"  # before a list's id: the consent is to text messages


def targets(klaviyo: "KlaviyoConnector") -> list[ConsentTarget]:
    """Each list twice: for e-mail and for text messages. "list": the list decides about double
    opt-in."""
    found: list[ConsentTarget] = []
    params: dict[str, str] = {}
    while True:
        answer = klaviyo.call("GET", "/api/lists", params=params)
        with understood():
            data = answer.json()
            for item in data["data"]:
                name, how = str(item["attributes"]["name"]), _opt_in(item["attributes"])
                found.append(ConsentTarget(str(item["id"]), f"{name}, by e-mail{how}", "list"))
                found.append(ConsentTarget(SMS + item["id"], f"{name}, by SMS{how}", "list"))
            cursor = _cursor((data.get("links") or {}).get("next"))
        if not cursor:
            return found
        params = {"page[cursor]": cursor}


def subscribe(klaviyo: "KlaviyoConnector", people: list[Person]) -> dict[str, Outcome]:
    """Subscribes these people to what they agreed to. Answers who could not be, by the first ref
    of each: who had left stays away, and it is said."""
    said: dict[str, Outcome] = {}
    by_list: dict[str, list[tuple[Person, dict[str, Any]]]] = {}
    for person in people:
        for choice in person.consents:
            channel = "sms" if choice.target.startswith(SMS) else "email"
            list_id = choice.target.removeprefix(SMS)
            address = _address(person, channel)
            if not address:
                said[person.refs[0]] = NeedsAttention(
                    "no_address",
                    "The profile is in Klaviyo. Its consent isn't: the person gave no"
                    f" {'e-mail address' if channel == 'email' else 'mobile number'}.",
                )
            elif has_left(person.existing.get(SUBSCRIPTIONS), channel, list_id):
                said[person.refs[0]] = NeedsAttention(
                    "unsubscribed",
                    "The profile is in Klaviyo, but had unsubscribed earlier. Only this person"
                    " can subscribe again, by one of your Klaviyo forms.",
                )
            else:
                wanted = (person, _profile(person, channel, address))
                by_list.setdefault(list_id, []).append(wanted)
    for list_id, wanted_all in by_list.items():
        for start in range(0, len(wanted_all), AT_ONCE):
            said |= _job(klaviyo, list_id, wanted_all[start : start + AT_ONCE])
    return said


def has_left(subscriptions: Any, channel: str, list_id: str) -> bool:
    """Unsubscribed, complained, bounced or blocked, from everything or from this list. `None` are
    the subscriptions of somebody whom Klaviyo didn't know."""
    with understood():
        marketing = ((subscriptions or {}).get(channel) or {}).get("marketing") or {}
        of_list = [one["list_id"] for one in marketing.get("list_suppressions") or ()]
        return bool(
            marketing.get("consent") == "UNSUBSCRIBED"
            or marketing.get("suppression")
            or list_id in of_list
        )


def _address(person: Person, channel: str) -> str:
    if channel == "email":
        return person.email
    if person.identity.kind == "phone":
        return person.identity.value
    mapped = person.record.values.get("phone_number")
    return str(mapped.value) if mapped else ""


def _profile(person: Person, channel: str, address: str) -> dict[str, Any]:
    key = "email" if channel == "email" else "phone_number"
    consent = {channel: {"marketing": {"consent": "SUBSCRIBED"}}}
    return {
        "type": "profile",
        "id": person.remote_id,
        "attributes": {key: address, "subscriptions": consent},
    }


def _job(
    klaviyo: "KlaviyoConnector", list_id: str, wanted: list[tuple[Person, dict[str, Any]]]
) -> dict[str, Outcome]:
    """One job for all; if Klaviyo refuses the whole job, halves of it, down to the one that is the
    reason. Answers who was refused."""
    profiles = [profile for _, profile in wanted]
    data = {
        "type": "profile-subscription-bulk-create-job",
        "attributes": {"custom_source": "CustomerInfo", "profiles": {"data": profiles}},
        "relationships": {"list": {"data": {"type": "list", "id": list_id}}},
    }
    path = "/api/profile-subscription-bulk-create-jobs"
    answer = klaviyo.call("POST", path, json={"data": data}, allow=PERSONAL)
    if answer.status < 300:
        return {}
    if len(wanted) == 1:
        person = wanted[0][0]
        return {person.refs[0]: klaviyo.refused(person, answer)}
    middle = len(wanted) // 2
    first = _job(klaviyo, list_id, wanted[:middle])
    return first | _job(klaviyo, list_id, wanted[middle:])


def _opt_in(attributes: Mapping[str, Any]) -> str:
    double = attributes.get("opt_in_process") == "double_opt_in"
    return " (asks for confirmation)" if double else ""


def _cursor(link: object) -> str:
    """The cursor of the next page; its address isn't followed, it is the vendor's word only."""
    query = parse_qs(urlsplit(str(link or "")).query)
    return query.get("page[cursor]", [""])[0]
