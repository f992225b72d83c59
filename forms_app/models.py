"""The app's models, each in the module named after what it holds."""

from .brand import Brand
from .pages import HomePage, SignupPage
from .signups import Consent, Signup
from .versions import FormVersion

__all__ = ["Brand", "Consent", "FormVersion", "HomePage", "Signup", "SignupPage"]
