"""A signed webhook to any address (Standard Webhooks, https://www.standardwebhooks.com).

Each sign-up is one POST. Its `webhook-id` is the sign-up's id, the same at every attempt, so a
receiver that remembers ids drops the repeats; order is that of the batch.

    {"type": "signup.created", "timestamp": "2026-11-22T15:12:56Z",
     "data": {"id": …, "test": false, "language": "en", "attributes": {…}, "consents": [{…}]}}

A webhook takes attributes of any name, so describe() is empty: the editor offers one attribute
per meaning (`hints`) and lets the retailer type other names. A webhook knows nothing of what the
receiver holds, so the modes of a mapping don't apply: the values go as they are.
"""

import base64
import binascii
import json
import secrets
from datetime import datetime, timezone
from typing import Any, Sequence
from urllib.parse import urlsplit

from standardwebhooks.webhooks import EmptyWebhookSecretError, Webhook

from integrations.attribute_values import readable
from integrations.connectors.base import (
    GONE,
    Account,
    Attribute,
    ConfigField,
    Connector,
    ConnectorError,
    CredentialsRefused,
    Delivered,
    NeedsAttention,
    Outcome,
    Record,
    RetryLater,
    call_error,
    unreachable_error,
)
from integrations.http_answer import HttpAnswer, Unreachable, retry_after


def new_secret() -> str:
    """A signing secret for a new connection (24 random bytes, the standard's least)."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode()


class WebhookConnector(Connector):
    kind = "webhook"
    label = "Webhook"
    summary = "Send each sign-up to an address of your own: Zapier, Make, n8n, your web shop."
    icon = "code"
    modes_apply = False
    batch_size = 20
    any_attribute = True
    config_fields = (
        ConfigField("url", "Address", "url", "Each sign-up is posted there."),
        ConfigField("secret", "Signing secret", "secret", "Begins with whsec_."),
    )
    hints = {
        "meaning:email": "email",
        "meaning:first_name": "first_name",
        "meaning:last_name": "last_name",
        "meaning:mobile": "mobile",
        "meaning:birthday": "birthday",
        "meaning:postcode": "postcode",
        "meaning:loyalty_number": "loyalty_number",
        "meaning:store": "store",
        "consent:marketing": "marketing_consent",
    }

    def check(self) -> Account:
        """Posts a signed event of type "ping", which receivers must ignore if they don't know
        it; any answer but "who are you?" and "not here" proves that somebody listens."""
        now = datetime.now(timezone.utc)
        event = {"type": "ping", "timestamp": readable(now), "data": {}}
        answer = self._post(f"ping_{secrets.token_hex(12)}", event, now)
        failed = self._call_error(answer)
        if failed is not None:
            raise failed
        host = urlsplit(self.config["url"]).hostname or ""
        return Account(host, f"Answered with status {answer.status}.")

    def describe(self) -> list[Attribute]:
        return []

    def upsert(self, records: Sequence[Record]) -> dict[str, Outcome]:
        outcomes: dict[str, Outcome] = {}
        try:
            for record in records:
                answer = self._post(record.ref, _event(record), datetime.now(timezone.utc))
                failed = self._call_error(answer)
                if failed is not None:
                    raise failed
                outcomes[record.ref] = _outcome(answer)
        except ConnectorError as error:
            error.outcomes = outcomes
            raise
        return outcomes

    def _post(self, message_id: str, event: dict[str, Any], now: datetime) -> HttpAnswer:
        body = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Content-Type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signer().sign(message_id, now, body),
        }
        try:
            return self.http.request(
                "POST", self.config["url"], headers=headers, data=body.encode()
            )
        except Unreachable as error:
            raise unreachable_error(error) from error

    def _signer(self) -> Webhook:
        try:
            return Webhook(self.config["secret"].strip())
        except (EmptyWebhookSecretError, binascii.Error):
            raise CredentialsRefused("bad_secret", "The signing secret isn't one.") from None

    def _call_error(self, answer: HttpAnswer) -> ConnectorError | None:
        """As everywhere, but 410 asks for no further message (the standard says so)."""
        if answer.status == 410:
            return CredentialsRefused(GONE, "The receiver says that it is gone for good.")
        message = f"The receiver answered with status {answer.status}."
        return call_error(answer.status, message=message, after=_after(answer))


def _after(answer: HttpAnswer) -> float | None:
    return retry_after(answer.headers, datetime.now(timezone.utc))


def _outcome(answer: HttpAnswer) -> Outcome:
    """A 5xx may be the fault of this one sign-up, so the others are still tried. What is left
    of 4xx says that the receiver doesn't want this one."""
    if 200 <= answer.status < 300:
        return Delivered("")
    message = f"The receiver answered with status {answer.status}."
    if answer.status >= 500:
        return RetryLater("server_error", message, _after(answer))
    return NeedsAttention(f"status_{answer.status}", message)


def _event(record: Record) -> dict[str, Any]:
    """The same at every attempt, down to its timestamp: the time of the sign-up."""
    data: dict[str, Any] = {"id": record.ref, "test": record.is_test}
    if record.language:
        data["language"] = record.language
    data["attributes"] = {name: mapped.value for name, mapped in record.values.items()}
    data["consents"] = [
        {
            "purpose": consent.purpose,
            "given": consent.given,
            "wording": consent.wording,
            "language": consent.language,
            "recorded_at": readable(consent.recorded_at),
            "form_version": consent.form_version,
        }
        for consent in record.consents
    ]
    submitted_at = record.submitted_at or datetime.now(timezone.utc)
    return {"type": "signup.created", "timestamp": readable(submitted_at), "data": data}
