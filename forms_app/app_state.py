"""What a paired tablet is told: its page, the key that seals, the PIN's hash, opening hours.

Nothing here is about a shopper. The tablet keeps it and says which it has (`digest`), so most
answers don't carry it.
"""

import hashlib
import json

from django.core.cache import cache
from django.db import connection

from . import page_cache, sealing
from .app_texts import APP_TEXTS
from .app_version import app_version
from .brand import Brand
from .pages import SignupPage
from .shop_settings import TabletSettings
from .tablets import Tablet
from .versions import FormVersion, current_version

NEVER_OPEN = {"zone": "UTC", "days": {}}


def release() -> str:
    """Changes whenever the page may look different: then the tablet fetches it afresh.

    The cache's generation is a hint only: lost or away with Redis, it costs a fetch too many.
    """
    return f"{app_version()}.{cache.get(page_cache.GENERATION) or ''}"


def page_of(tablet: Tablet) -> SignupPage | None:
    """What the tablet shows; the first page that is published where its own isn't."""
    if tablet.page and tablet.page.live:
        return tablet.page
    return SignupPage.objects.live().order_by("path").first()


def paths(page: SignupPage, version: FormVersion) -> list[str]:
    """The page's addresses on this host, the default language first."""
    own = page.get_url_parts()[2]
    languages = version.schema.get("languages") or [version.language]
    return [own, *(f"{own}{language}/" for language in languages[1:])]


def state_of(tablet: Tablet) -> dict:
    page = page_of(tablet)
    version = current_version(page) if page else None
    store = tablet.store
    key = sealing.current_key()
    state = {
        "tablet": tablet.name,
        "store": store.name if store else "",
        "store_id": str(store.pk) if store else "",
        "shop": Brand.load().name,
        "paths": paths(page, version) if version else [],
        "release": release(),
        "key": {"id": str(key.pk), "jwk": key.public_key},
        "pin": TabletSettings.load().pin or None,
        "hours": (
            NEVER_OPEN
            if not connection.tenant.is_collecting
            else (
                {"zone": store.time_zone, "days": store.opening_hours}
                if store and store.opening_hours
                else None
            )
        ),
        "texts": APP_TEXTS,
    }
    state["digest"] = hashlib.sha256(json.dumps(state, sort_keys=True).encode()).hexdigest()[:16]
    return state
