"""The CRM's storage: accounts, contacts and their history in one SQLite file.

Write-ahead logging makes every answered change survive kill -9 without repair.
"""

import json
import re
import sqlite3
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Callable, Sequence

from customerinfo.demo.crm.contact_attributes import BY_NAME, MATCHES, Refused, check_attributes

FIRST_CONTACT = 1001
_SCHEMA = """
CREATE TABLE IF NOT EXISTS account (
    slug TEXT PRIMARY KEY, name TEXT NOT NULL, api_key TEXT NOT NULL UNIQUE
);
CREATE TABLE IF NOT EXISTS contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, attributes TEXT NOT NULL,
    email TEXT, mobile TEXT, signup_id TEXT, created_at TEXT NOT NULL, updated_at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS contact_email ON contact (account, email);
CREATE INDEX IF NOT EXISTS contact_mobile ON contact (account, mobile);
CREATE INDEX IF NOT EXISTS contact_signup_id ON contact (account, signup_id);
CREATE INDEX IF NOT EXISTS contact_updated_at ON contact (account, updated_at);
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, contact INTEGER NOT NULL,
    kind TEXT NOT NULL, changes TEXT NOT NULL, at TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS event_account ON event (account, id);
CREATE INDEX IF NOT EXISTS event_contact ON event (contact, id);
"""


def slug_of(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Store:
    """One connection for all threads, a lock around each statement or transaction. Searching
    and writing take the lock one after the other, so two callers can both find nothing."""

    def __init__(self, folder: Path, required: Sequence[str] = ("email",)) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.required = tuple(required)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(folder / "crm.sqlite3", check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.isolation_level = None
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)
        sequence = self._rows("SELECT 1 FROM sqlite_sequence WHERE name = 'contact'")
        if not sequence:
            self._db.execute(
                "INSERT INTO sqlite_sequence (name, seq) VALUES ('contact', ?)",
                [FIRST_CONTACT - 1],
            )

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def _rows(self, sql: str, values: Sequence[Any] = ()) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(sql, values).fetchall()

    # accounts

    def add_account(self, name: str, api_key: str) -> str:
        """Adds the account, or gives a known one its new name and key. Answers its slug."""
        slug = slug_of(name)
        if slug in ("", "api", "assets") or not api_key:
            raise ValueError(f"{name!r} can't be an account: it needs a name and a key.")
        self._rows(
            "INSERT INTO account VALUES (?, ?, ?) ON CONFLICT (slug)"
            " DO UPDATE SET name = excluded.name, api_key = excluded.api_key",
            [slug, name, api_key],
        )
        return slug

    def accounts(self) -> list[dict[str, Any]]:
        rows = self._rows(
            "SELECT slug, name, api_key, (SELECT count(*) FROM contact WHERE account = slug)"
            " AS contacts, (SELECT max(updated_at) FROM contact WHERE account = slug) AS latest"
            " FROM account ORDER BY name"
        )
        return [dict(row) for row in rows]

    # contacts

    def revision(self, account: str = "") -> int:
        """A number that grows with every change of the account, or of any."""
        where = "WHERE account = ?" if account else ""
        rows = self._rows(f"SELECT max(id) FROM event {where}", [account] if account else [])
        return rows[0][0] or 0

    def count(self, account: str) -> int:
        return self._rows("SELECT count(*) FROM contact WHERE account = ?", [account])[0][0]

    def newest(self, account: str, limit: int, offset: int = 0) -> list[dict[str, Any]]:
        rows = self._rows(
            "SELECT * FROM contact WHERE account = ? ORDER BY updated_at DESC, id DESC"
            " LIMIT ? OFFSET ?",
            [account, limit, offset],
        )
        return [_contact(row) for row in rows]

    def get(self, account: str, contact_id: str) -> dict[str, Any] | None:
        found = self.find(account, "id", contact_id)
        return found[0] if found else None

    def find(self, account: str, match: str, value: str) -> list[dict[str, Any]]:
        """The contacts with this id, e-mail, mobile or signup_id, oldest first."""
        if match not in ("id", *MATCHES):
            raise Refused("invalid_match", f"Contacts can't be found by {match!r}.")
        if match == "id" and not re.fullmatch(r"[0-9]{1,15}", value):
            return []
        rows = self._rows(
            f"SELECT * FROM contact WHERE account = ? AND {match} = ? ORDER BY id",
            [account, int(value) if match == "id" else value.lower()],
        )
        return [_contact(row) for row in rows]

    def history(self, contact_id: str) -> list[dict[str, Any]]:
        rows = self._rows(
            "SELECT * FROM event WHERE contact = ? ORDER BY id DESC LIMIT 100", [int(contact_id)]
        )
        return [{**dict(row), "changes": json.loads(row["changes"])} for row in rows]

    def upsert(
        self, account: str, match: str, contacts: list[Any], think: Callable[[], object]
    ) -> list[dict[str, Any]]:
        """Searches for all, thinks, then updates what was found and creates the rest. Each
        result has ref and (id, created) or error."""
        plans = [self._plan(account, match, contact) for contact in contacts]
        think()
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                results = [self._carry_out(account, plan) for plan in plans]
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        return results

    def _plan(self, account: str, match: str, contact: Any) -> dict[str, Any]:
        if not isinstance(contact, dict):
            return _error("", Refused("invalid_contact", "A contact must be an object."))
        ref = str(contact.get("ref", ""))
        try:
            match, value = str(contact.get("match", match)), contact.get("match_value")
            if not isinstance(value, str) or not value:
                raise Refused("missing_match_value", "match_value is missing.")
            attributes = check_attributes(contact.get("attributes"))
            found = self.find(account, match, value)
            if match == "id":
                if not found:
                    raise Refused("contact_not_found", f"There is no contact {value}.")
            else:
                attributes = check_attributes({match: value, **attributes})
            if not found:
                for name in self.required:
                    if not attributes.get(name):
                        label = BY_NAME[name]["label"]
                        raise Refused("missing_required", f"{label} is required.")
        except Refused as error:
            return _error(ref, error)
        return {"ref": ref, "id": found[0]["id"] if found else None, "attributes": attributes}

    def _carry_out(self, account: str, plan: dict[str, Any]) -> dict[str, Any]:
        if "error" in plan:
            return plan
        contact = self.get(account, plan["id"]) if plan["id"] else None
        if contact:
            self._write(account, contact, plan["attributes"])
            return {"ref": plan["ref"], "id": contact["id"], "created": False}
        created = self._create(account, plan["attributes"])
        return {"ref": plan["ref"], "id": created, "created": True}

    def _create(self, account: str, attributes: dict[str, Any]) -> str:
        with self._lock:
            cursor = self._db.execute(
                "INSERT INTO contact (account, attributes, created_at, updated_at)"
                " VALUES (?, '{}', ?, ?)",
                [account, _now(), _now()],
            )
            contact = self.get(account, str(cursor.lastrowid))
            self._write(account, contact, attributes, "created")
        return contact["id"]

    def update(self, account: str, contact_id: str, attributes: Any) -> dict[str, Any] | None:
        """The contact with these attributes changed; None if there is none. Raises Refused."""
        attributes = check_attributes(attributes)
        with self._lock:
            contact = self.get(account, contact_id)
            if contact:
                self._write(account, contact, attributes)
            return self.get(account, contact_id)

    def delete(self, account: str, contact_id: str) -> bool:
        with self._lock:
            if not self.get(account, contact_id):
                return False
            self._db.execute("DELETE FROM contact WHERE id = ?", [int(contact_id)])
            self._event(account, contact_id, "deleted", {})
            return True

    def _write(
        self, account: str, contact: dict[str, Any], new: dict[str, Any], kind: str = "updated"
    ) -> None:
        old = contact["attributes"]
        changes = {name: [old.get(name), v] for name, v in new.items() if old.get(name) != v}
        merged = {name: v for name, v in {**old, **new}.items() if v is not None}
        keys = [str(merged[name]).lower() if name in merged else None for name in MATCHES]
        self._rows(
            f"UPDATE contact SET attributes = ?, updated_at = ?,"
            f" {', '.join(f'{name} = ?' for name in MATCHES)} WHERE id = ?",
            [json.dumps(merged, ensure_ascii=False), _now(), *keys, int(contact["id"])],
        )
        self._event(account, contact["id"], kind if changes else "unchanged", changes)

    def _event(self, account: str, contact_id: str, kind: str, changes: dict[str, Any]) -> None:
        self._rows(
            "INSERT INTO event (account, contact, kind, changes, at) VALUES (?, ?, ?, ?, ?)",
            [account, int(contact_id), kind, json.dumps(changes, ensure_ascii=False), _now()],
        )


def _contact(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "id": str(row["id"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "attributes": json.loads(row["attributes"]),
    }


def _error(ref: str, error: Refused) -> dict[str, Any]:
    return {"ref": ref, "error": {"name": error.name, "message": error.message, "status": 422}}
