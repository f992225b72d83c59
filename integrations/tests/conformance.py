"""What every connector must do, whatever the CRM: one class, each case by the contract alone.

A subclass says how its CRM is reached (`connector`, `refused`) and, where something differs, why.
"""

import threading
import uuid
from collections.abc import Callable
from dataclasses import replace

import pytest

from integrations.connectors.base import (
    Connector,
    CredentialsRefused,
    Delivered,
    Identity,
    NeedsAttention,
    Record,
)
from integrations.tests.fakes.people import consent, record

AT_ONCE = 20
NO_SUCH = "no_such_attribute"


class Conformance:
    """`extra` are values that the CRM insists on, by attribute. `takes_any`, `no_link` and
    `no_lists` say why a case can't be: a CRM that keeps whatever it is sent, one whose records have
    no address, a document that describes no lists.
    """

    extra: dict[str, str] = {}
    takes_any = ""
    no_link = ""
    no_lists = ""
    wrong = "wrong-key"

    @pytest.fixture
    def connector(self) -> Connector:
        raise NotImplementedError

    @pytest.fixture
    def refused(self) -> Connector:
        """The same with a key that isn't one."""
        raise NotImplementedError

    def attribute(self, connector: Connector, meaning: str) -> str:
        return connector.hints[f"meaning:{meaning}"]

    def signup(self, connector: Connector, email: str, first_name: str, **more: str) -> Record:
        names = {meaning: self.attribute(connector, meaning) for meaning in ("email", "first_name")}
        values = {names["email"]: email, names["first_name"]: first_name, **self.extra, **more}
        plain = record(uuid.uuid4().hex, Identity("email", email))
        made = record("x", **{name.replace(".", "__"): value for name, value in values.items()})
        return Record(**{**vars(plain), "values": made.values})

    def deliver(self, connector: Connector, *signups: Record) -> list:
        outcomes = connector.upsert(signups)
        return [outcomes[one.ref] for one in signups]

    def held(self, connector: Connector, outcome: Delivered) -> object:
        assert isinstance(outcome, Delivered), outcome
        name = self.attribute(connector, "first_name")
        return connector.read_back(outcome.remote_id, [name])[name]

    def someone(self) -> str:
        return f"{uuid.uuid4().hex[:12]}@example.com"

    # The cases

    def test_check(self, connector):
        assert connector.check().name

    def test_describe(self, connector):
        names = {attribute.name: attribute for attribute in connector.describe()}
        assert names[self.attribute(connector, "email")].type in ("email", "string")
        assert names[self.attribute(connector, "first_name")].writable

    def test_create(self, connector):
        (made,) = self.deliver(connector, self.signup(connector, self.someone(), "Ann"))
        assert self.held(connector, made) == "Ann"

    def test_update(self, connector):
        email = self.someone()
        (made,) = self.deliver(connector, self.signup(connector, email, "Ann"))
        (again,) = self.deliver(connector, self.signup(connector, email, "Anna"))
        assert again.remote_id == made.remote_id and self.held(connector, again) == "Anna"

    def test_blank_does_not_clear(self, connector):
        email = self.someone()
        self.deliver(connector, self.signup(connector, email, "Ann"))
        (again,) = self.deliver(connector, self.signup(connector, email, ""))
        assert self.held(connector, again) == "Ann"

    def test_batch_with_one_bad_row(self, connector):
        if self.takes_any:
            pytest.skip(self.takes_any)
        good = [self.signup(connector, self.someone(), "Ann") for _ in range(2)]
        bad = self.signup(connector, self.someone(), "Bad", **{NO_SUCH: "x"})
        first, wrong, last = self.deliver(connector, good[0], bad, good[1])
        assert isinstance(first, Delivered) and isinstance(last, Delivered)
        assert isinstance(wrong, NeedsAttention), wrong

    def test_unknown_attribute(self, connector):
        if self.takes_any:
            pytest.skip(self.takes_any)
        odd = self.signup(connector, self.someone(), "Ann", **{NO_SUCH: "x"})
        (wrong,) = self.deliver(connector, odd)
        assert isinstance(wrong, NeedsAttention) and wrong.message

    def test_twenty_at_once_of_one_person(self, connector):
        """With the lock per identity that the delivery holds."""
        email, lock, found = self.someone(), threading.Lock(), []

        def one() -> None:
            with lock:
                found.extend(self.deliver(connector, self.signup(connector, email, "Ann")))

        threads = [threading.Thread(target=one) for _ in range(AT_ONCE)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert len(found) == AT_ONCE and len({outcome.remote_id for outcome in found}) == 1

    def test_bad_credentials(self, refused):
        with pytest.raises(CredentialsRefused):
            refused.check()
        with pytest.raises(CredentialsRefused) as error:
            refused.upsert([self.signup(refused, self.someone(), "Ann")])
        assert self.wrong not in error.value.message

    def who_left(self, vendor, email: str) -> tuple[str, Callable[[], bool]]:
        """Make it so that this address has left a list; its id, and what says if it is still so."""
        raise NotImplementedError

    def test_unsubscribed_stays_unsubscribed(self, connector, request):
        if self.no_lists:
            pytest.skip(self.no_lists)
        email = self.someone()
        target, has_left = self.who_left(request.getfixturevalue("vendor"), email)
        plain = self.signup(connector, email, "Ann")
        signup = replace(plain, consent_targets=(consent(target),))
        for _ in range(2):
            (outcome,) = self.deliver(connector, signup)
            assert isinstance(outcome, NeedsAttention), outcome
            assert outcome.code in ("unsubscribed", "needs_confirmation") and outcome.message
            assert has_left()
        (again,) = self.deliver(connector, self.signup(connector, email, ""))
        assert self.held(connector, again) == "Ann"  # what else they said has arrived

    def test_link(self, connector):
        if self.no_link:
            pytest.skip(self.no_link)
        (made,) = self.deliver(connector, self.signup(connector, self.someone(), "Ann"))
        assert made.url.startswith(("https://", "http://"))
