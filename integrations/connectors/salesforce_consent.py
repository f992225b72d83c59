"""Consents in Salesforce: campaigns. Who has opted out of e-mail is put on none, and the mark is
never touched; nor is the status of somebody whom a campaign has already."""

from typing import TYPE_CHECKING, Any

from integrations.connectors.base import ConsentTarget, NeedsAttention, Outcome
from integrations.connectors.json_api import Person, understood
from integrations.connectors.salesforce_shapes import OPT_OUT, quoted

if TYPE_CHECKING:
    from integrations.connectors.salesforce import SalesforceConnector

AT_ONCE = 200  # records of a call
UNSUBSCRIBED = NeedsAttention(
    "unsubscribed",
    "The contact is in Salesforce, but had opted out of e-mail earlier. If this person really wants"
    " to be back, take the tick at Email Opt Out away yourself.",
)
UNKNOWN = NeedsAttention(
    "missing_rights",
    "The contact is in Salesforce. Its consent isn't: the user of the connection can't see the"
    " field Email Opt Out.",
)
NO_CAMPAIGN = NeedsAttention(
    "no_list", "The contact is in Salesforce, but the campaign that it belongs to isn't any more."
)


def targets(salesforce: "SalesforceConnector") -> list[ConsentTarget]:
    found = salesforce.query("SELECT Id, Name FROM Campaign WHERE IsActive = true ORDER BY Name")
    with understood():
        return [ConsentTarget(str(one["Id"]), str(one["Name"])) for one in found]


def subscribe(
    salesforce: "SalesforceConnector", people: list[Person], outcomes: dict[str, Outcome]
) -> None:
    """Puts people on the campaigns that they agreed to, and settles those who can't be."""
    wanting = [one for one in people if one.consents and one.refs[0] not in outcomes]
    if OPT_OUT not in salesforce.fields:
        for person in wanting:
            salesforce.settle(outcomes, person, UNKNOWN)
        return
    if not wanting:
        return
    contacts = quoted(person.remote_id for person in wanting)
    campaigns = quoted(sorted({c.target for person in wanting for c in person.consents}))
    left = salesforce.query(f"SELECT Id FROM Contact WHERE Id IN ({contacts}) AND {OPT_OUT} = true")
    open_ = salesforce.query(f"SELECT Id FROM Campaign WHERE Id IN ({campaigns})")
    on = salesforce.query(
        "SELECT ContactId, CampaignId FROM CampaignMember"
        f" WHERE ContactId IN ({contacts}) AND CampaignId IN ({campaigns})"
    )
    with understood():
        gone_away = {str(one["Id"]) for one in left}
        there = {str(one["Id"]) for one in open_}
        members = {(str(one["ContactId"]), str(one["CampaignId"])) for one in on}
    new: list[tuple[Person, dict[str, Any]]] = []
    for person in wanting:
        if person.remote_id in gone_away:
            salesforce.settle(outcomes, person, UNSUBSCRIBED)
            continue
        for choice in person.consents:
            if choice.target not in there:
                salesforce.settle(outcomes, person, NO_CAMPAIGN)
            elif (person.remote_id, choice.target) not in members:
                member = {"ContactId": person.remote_id, "CampaignId": choice.target}
                new.append((person, member))
    for start in range(0, len(new), AT_ONCE):
        _create(salesforce, new[start : start + AT_ONCE], outcomes)


def _create(
    salesforce: "SalesforceConnector",
    some: list[tuple[Person, dict[str, Any]]],
    outcomes: dict[str, Outcome],
) -> None:
    records = [("CampaignMember", member) for _, member in some]
    results = salesforce.collection("POST", "", records)
    for (person, _), result in zip(some, results, strict=True):
        if not result.get("success"):
            with understood():
                names = {str(error["statusCode"]) for error in result["errors"]}
            if names != {"DUPLICATE_VALUE"}:  # a member already, since a moment ago
                salesforce.settle(outcomes, person, salesforce.item_refused(person, result))
