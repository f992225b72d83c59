"""What a connector is: the contract between the delivery and the code for one kind of CRM.

Nothing here knows Django, the database or HTTP. How failures end:

| what happened                         | said by                  | what the delivery does |
|---------------------------------------|--------------------------|------------------------|
| the CRM holds the record              | Delivered                | done                   |
| this record failed, it may go later   | RetryLater               | tries it again         |
| this record can't go as it is         | NeedsAttention           | waits for the retailer |
| key or address refused                | raise CredentialsRefused | the connection pauses  |
| the CRM is busy, down or unreachable  | raise TryLater           | the connection waits   |
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar, Mapping, Sequence

if TYPE_CHECKING:
    from integrations.http import Http, Unreachable
    from integrations.mapping import ConsentGiven

ATTRIBUTE_TYPES = (
    "string",
    "text",
    "email",
    "phone",
    "date",
    "boolean",
    "number",
    "choice",
    "list",
)


@dataclass(frozen=True)
class Attribute:
    """One attribute that the CRM knows. `options` are (value, label)."""

    name: str
    label: str
    type: str
    required: bool = False
    unique: bool = False
    writable: bool = True
    options: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class MappedValue:
    """A value in the attribute's type, and how it meets what the CRM already holds.

    `separator` stands between old and new text when mode is "append".
    """

    value: object
    mode: str = "overwrite"
    separator: str = ", "


@dataclass(frozen=True)
class Identity:
    """Who a record is about. `kind` is email (lower case), phone (E.164) or external."""

    kind: str
    value: str


@dataclass(frozen=True)
class ConsentTarget:
    """A list or subscription that a consent can lead to. `double_opt_in` says who decides whether
    the CRM asks the person to confirm: never, the list itself, or the retailer (choose)."""

    id: str
    label: str
    double_opt_in: str = "never"


@dataclass(frozen=True)
class ConsentTargetChoice:
    """Where a consent that was given leads, as the retailer chose; `target` is its id."""

    target: str
    wording: str
    recorded_at: datetime
    legal_basis: str = ""
    double_opt_in: bool = False


@dataclass(frozen=True)
class Record:
    """One sign-up, mapped. `ref` is the sign-up's id; `remote_id` is known from an earlier
    delivery of the same person; `left_out` says which attributes couldn't take their value, and
    why, so that nothing is dropped in silence."""

    ref: str
    identity: Identity
    values: Mapping[str, MappedValue]
    consents: "tuple[ConsentGiven, ...]" = ()
    consent_targets: tuple[ConsentTargetChoice, ...] = ()
    is_test: bool = False
    remote_id: str = ""
    language: str = ""
    submitted_at: datetime | None = None
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Delivered:
    """The CRM holds the record. `url` is where a person can look at it."""

    remote_id: str
    url: str = ""


@dataclass(frozen=True)
class RetryLater:
    """It failed for now; `after` is the vendor's wish in seconds."""

    code: str
    message: str
    after: float | None = None


@dataclass(frozen=True)
class NeedsAttention:
    """It will fail every time until somebody changes something."""

    code: str
    message: str


Outcome = Delivered | RetryLater | NeedsAttention


class ConnectorError(Exception):
    """The call as a whole failed. `outcomes` holds what was settled before it did: those stay,
    the error applies to the other records."""

    def __init__(
        self, code: str, message: str, *, outcomes: Mapping[str, Outcome] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.outcomes: dict[str, Outcome] = dict(outcomes or {})


GONE = "gone"  # code of a receiver that wants no further call


class CredentialsRefused(ConnectorError):
    """Only the retailer can mend it: the connection pauses and everything waits."""


class TryLater(ConnectorError):
    """Nothing is wrong with the records. `after` is the vendor's wish in seconds."""

    def __init__(
        self,
        code: str,
        message: str,
        after: float | None = None,
        *,
        outcomes: Mapping[str, Outcome] | None = None,
    ) -> None:
        super().__init__(code, message, outcomes=outcomes)
        self.after = after


@dataclass(frozen=True)
class Account:
    """Whose account a connection reaches, as the CRM says. `certain`: name and detail tell it from
    every other account at this address."""

    name: str
    detail: str = ""
    certain: bool = True


@dataclass(frozen=True)
class ConfigField:
    """One thing that the retailer fills in. `kind` is url, text, secret, choice or json; `suggest`
    is what stands there at first, `choices` are (value, label). `leads_elsewhere`: with
    another value it may be another account, where the same number is another person."""

    name: str
    label: str
    kind: str = "text"
    help: str = ""
    required: bool = True
    suggest: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    leads_elsewhere: bool = True

    @property
    def secret(self) -> bool:
        return self.kind == "secret"


@dataclass(frozen=True)
class OAuth:
    """How a retailer lets us in with the CRM's own consent page (RFC 6749, 4.1). `{name}` in an
    address stands for the config field of that name. `exchange_fields` go along when a code is
    exchanged for tokens; `token_seconds` is for how long a token surely lasts, where the vendor's
    answer doesn't say. `pkce`: the vendor takes a proof that the code is ours (RFC 7636)."""

    authorize_url: str
    token_url: str
    scopes: tuple[str, ...] = ()
    scope_separator: str = " "
    exchange_fields: tuple[tuple[str, str], ...] = ()
    token_seconds: float | None = None
    pkce: bool = False


class Connector(ABC):
    """The code for one kind of CRM. One instance serves one connection for a short time.

    `hints` pre-fill the mapping: source -> attribute name. `any_attribute` means that the CRM
    takes attributes of any name: describe() answers an empty list, the editor offers the hints'
    attributes and lets the retailer type others. `modes_apply` is False where nothing is known of
    what the receiver holds. `guide` says where the key is found. With `oauth`, the retailer may
    connect without a key: `config` then holds access_token. `supported_until`: how long the vendor
    promises to answer the version of its API that is spoken here.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    summary: ClassVar[str] = ""
    icon: ClassVar[str] = "link"
    guide: ClassVar[str] = ""
    demo_only: ClassVar[bool] = False
    modes_apply: ClassVar[bool] = True
    can_read_back: ClassVar[bool] = False
    can_delete: ClassVar[bool] = False
    oauth: ClassVar[OAuth | None] = None
    supported_until: ClassVar[date | None] = None
    batch_size: ClassVar[int] = 1
    config_fields: ClassVar[tuple[ConfigField, ...]] = ()
    hints: ClassVar[Mapping[str, str]] = {}
    any_attribute: ClassVar[bool] = False

    def __init__(self, config: Mapping[str, str], http: "Http") -> None:
        """`config` holds the values of `config_fields`, secrets decrypted."""
        self.config = config
        self.http = http

    @abstractmethod
    def check(self) -> Account:
        """Whose account is it? Raises CredentialsRefused or TryLater."""

    @abstractmethod
    def describe(self) -> list[Attribute]:
        """The CRM's attributes as they are now. Raises like check()."""

    def consent_targets(self) -> list[ConsentTarget]:
        """The lists and subscriptions that a consent can lead to. Raises like check()."""
        return []

    def read_back(self, remote_id: str, names: Sequence[str]) -> Mapping[str, object]:
        """What the record holds under these attributes; None where nothing. Raises like check().

        Only where `can_read_back`."""
        raise NotImplementedError

    def delete(self, remote_id: str) -> None:
        """Delete a record (of a test); one that is gone already is fine. Raises like check().

        Only where `can_delete`."""
        raise NotImplementedError

    @abstractmethod
    def upsert(self, records: Sequence[Record]) -> dict[str, Outcome]:
        """Brings up to `batch_size` records into the CRM and says how each one ended, by ref.

        A ref that is missing in the answer counts as RetryLater. Calling it again with the same
        records changes nothing. Callers hold the lock of every identity in the batch: many CRMs
        make duplicates otherwise. Raises like check(), with `outcomes` of what was settled.
        """


def call_error(
    status: int, *, code: str = "", message: str = "", after: float | None = None
) -> ConnectorError | None:
    """What an answer's status says about the connection as a whole; `code` is the vendor's own
    name for it. None if it doesn't: for success, for a 500 (it may be the fault of one record)
    and for a 4xx that is about the data.
    """
    said = message or f"The CRM answered with status {status}."
    if status in (401, 403):
        return CredentialsRefused(code or "credentials_refused", said)
    if status == 429:
        return TryLater(code or "rate_limited", said, after)
    if status in (408, 425, 502, 503, 504):
        return TryLater(code or "unavailable", said, after)
    if status in (404, 405, 410) or 300 <= status < 400:
        # Not paused: a receiver that is just being deployed answers 404 as well.
        return TryLater(code or "wrong_address", said, after)
    return None


def unreachable_error(error: "Unreachable") -> ConnectorError:
    """An address that may not be called pauses the connection; anything else may pass."""
    if error.code == "blocked":
        return CredentialsRefused(error.code, error.message)
    return TryLater(error.code, error.message)
