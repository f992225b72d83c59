"""A tablet as the server sees it: pairs, seals as static/forms_app/seal.js does, sends."""

import base64
import json
import os
import time
import uuid

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.test import Client
from django_tenants.utils import tenant_context

from forms_app import pairing
from forms_app.models import SealingKey, Tablet
from forms_app.tests.shop import PARTS, key

POINT = serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def coordinate(value: str) -> int:
    return int.from_bytes(base64.urlsafe_b64decode(value + "=="))


def seal(jwk: dict, key_id: str, entry_id: str, version: str, content: object) -> dict:
    own = ec.generate_private_key(ec.SECP256R1())
    theirs = ec.EllipticCurvePublicNumbers(
        coordinate(jwk["x"]), coordinate(jwk["y"]), ec.SECP256R1()
    ).public_key()
    point = own.public_key().public_bytes(*POINT)
    shared = own.exchange(ec.ECDH(), theirs)
    info = b"customerinfo sign-up 1"
    cipher = AESGCM(HKDF(hashes.SHA256(), 32, salt=point, info=info).derive(shared))
    iv = os.urandom(12)
    box = cipher.encrypt(iv, json.dumps(content).encode(), f"{entry_id}|{version}".encode())
    return {
        "id": entry_id,
        "form_version": version,
        "key": key_id,
        "ephemeral": b64(point),
        "iv": b64(iv),
        "box": b64(box),
    }


class Device:
    """`contact(...)` sends entries; `state` is what the server told last."""

    def __init__(self, shop):
        self.shop = shop
        self.client = Client(HTTP_HOST=shop.host)
        self.state: dict = {}

    def post(self, path: str, body: object = None, **headers):
        return self.client.post(
            path, json.dumps(body or {}), content_type="application/json", **headers
        )

    def ask(self) -> dict:
        return self.post("/app/pair/ask").json()

    def paired(self, name: str = "Till 1", store=None, page=None) -> "Device":
        """Paired as if staff had typed the code."""
        asked = self.ask()
        with tenant_context(self.shop.retailer):
            tablet = Tablet(name=name, store=store, page=page or self.shop.page())
            pairing.confirm(pairing.find(asked["code"]), tablet)
        answer = self.post("/app/pair/claim", asked)
        assert answer.json()["paired"], answer.content
        self.contact()
        return self

    def tablet(self) -> Tablet:
        with tenant_context(self.shop.retailer):
            return Tablet.objects.select_related("store", "page").latest("paired_at")

    def contact(self, *entries: dict, now: float | None = None, **told):
        """One contact; the answer. Its state is kept, as the tablet does."""
        body = {
            "now": int((now or time.time()) * 1000),
            "length": len(entries),
            "digest": self.state.get("digest"),
            "entries": list(entries),
            **told,
        }
        answer = self.post("/app/entries", body)
        if answer.status_code == 200:
            self.state = answer.json().get("state", self.state)
        return answer

    def results(self, *entries: dict, **told) -> dict[str, str]:
        answer = self.contact(*entries, **told)
        assert answer.status_code == 200, answer.content
        return answer.json()["results"]

    def entry(self, answers: dict, entry_id: str = "", version: str = "", **system) -> dict:
        """A sealed sign-up, `answers` by the tests' names of fields."""
        pairs = [["language", "en"], *map(list, system.items())]
        for name, value in answers.items():
            parts = zip(PARTS, value) if isinstance(value, tuple) else [("", value)]
            for part, text in parts:
                pairs.append([f"{key(name)}-{part}" if part else key(name), text])
        return self.sealed({"fields": pairs}, entry_id, version)

    def sealed(self, content: object, entry_id: str = "", version: str = "") -> dict:
        sealing = self.state["key"]
        return seal(
            sealing["jwk"],
            sealing["id"],
            entry_id or str(uuid.uuid4()),
            version or self.shop.version(),
            content,
        )

    def without_key(self, entry: dict) -> SealingKey:
        """The key of this entry is gone from the server; returned, to bring it back."""
        with tenant_context(self.shop.retailer):
            kept = SealingKey.objects.get(pk=entry["key"])
            SealingKey.objects.all().delete()
            return kept
