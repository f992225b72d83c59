"""The app's models, each in the module named after what it holds."""

from .brand import Brand
from .erasures import Erasure
from .pages import HomePage, SignupPage
from .sealed_entries import SealedEntry
from .sealing_keys import SealingKey
from .shop_settings import Retention, TabletSettings
from .signups import Consent, Signup
from .stores import Store
from .tablets import PairingCode, Tablet
from .versions import FormVersion

__all__ = [
    "Brand",
    "Consent",
    "Erasure",
    "FormVersion",
    "HomePage",
    "PairingCode",
    "Retention",
    "SealedEntry",
    "SealingKey",
    "Signup",
    "SignupPage",
    "Store",
    "Tablet",
    "TabletSettings",
]
