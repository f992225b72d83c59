"""All settings, driven by the environment. docs/settings.md has the table of variables."""

import os
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

from celery.schedules import crontab
from django_guid.integrations import CeleryIntegration

from . import errors
from .env import Env

ROOT = Path(__file__).resolve().parent.parent.parent
env = Env(os.environ)

# --- What this process is -------------------------------------------------------------------------

DEMO = env.flag("DEMO")  # allows defaults, plain http and loopback CRMs; never set it on a server
DEBUG = env.flag("DEBUG")

SECRET_KEY = env.text("SECRET_KEY")
ENCRYPTION_KEYS = env.fernet_keys("ENCRYPTION_KEYS")

# --- Addresses ------------------------------------------------------------------------------------

# Retailers live at {scheme}://{slug}.{host}[:port], the operator at OPERATOR_HOST.
BASE_URL = env.base_url("BASE_URL", "http://localhost:8000" if DEMO else None)
BASE_SCHEME = urlsplit(BASE_URL).scheme
BASE_HOST = urlsplit(BASE_URL).hostname or ""
BASE_PORT = urlsplit(BASE_URL).port
OPERATOR_HOST = env.text("OPERATOR_HOST", f"console.{BASE_HOST}")
HTTPS = BASE_SCHEME == "https"
# Whom the operator is in a retailer's schema, for a visit. Nobody receives mail there.
SUPPORT_EMAIL = f"support@{OPERATOR_HOST}"

# Own domains of retailers are looked up here; empty: as this machine is set up.
DNS_SERVERS = env.text("DNS_SERVERS", "").replace(",", " ").split()
DNS_RESOLVER = "tenants.dns.Dns"

# Hosts are checked against the table of domains by tenants.routing, which answers 404 to others.
ALLOWED_HOSTS = ["*"]

# --- Apps -----------------------------------------------------------------------------------------

# In the public schema (the operator's console) and in each retailer's schema.
COMMON_APPS = [
    "customerinfo.users",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "wagtail.contrib.settings",
    "wagtail_modeladmin",
    "wagtail_color_panel",
    "wagtail.users",
    "wagtail.sites",
    "wagtail.documents",  # Wagtail's admin links to it; out of the retailer's sight
    "wagtail.images",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "modelcluster",
    "taggit",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.forms",
]
SHARED_APPS = [
    "django_tenants",
    "django_guid",
    "tenants",
    "billing",
    "djstripe",
    # Shared only, so that ids are the same in every schema: Wagtail and Django keep content types
    # in caches of the process, and one retailer's ids would reach another.
    "django.contrib.contenttypes",
    *COMMON_APPS,
]
TENANT_APPS = ["forms_app", "integrations", *COMMON_APPS]
INSTALLED_APPS = [
    "customerinfo",
    *SHARED_APPS,
    *(app for app in TENANT_APPS if app not in SHARED_APPS),
]

MIDDLEWARE = [
    "customerinfo.headers.HeadersMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "customerinfo.health.HealthMiddleware",
    "tenants.certificates.CertificateMiddleware",
    "django_guid.middleware.guid_middleware",
    "customerinfo.watching.WatchingMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "tenants.routing.RetailerMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tenants.support.SupportMiddleware",
    "tenants.doors.SecondFactorMiddleware",
    "tenants.standing.StandingMiddleware",
    "customerinfo.malformed.MalformedMiddleware",
]

ROOT_URLCONF = "customerinfo.urls"
OPERATOR_URLCONF = "customerinfo.urls_operator"
PUBLIC_URLCONF = "customerinfo.urls_public"
WSGI_APPLICATION = "customerinfo.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATE_LOADERS = [
    "django.template.loaders.filesystem.Loader",
    "django.template.loaders.app_directories.Loader",
]
CACHED_LOADER = "django.template.loaders.cached.Loader"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "OPTIONS": {
            # While somebody works on templates they are read afresh; Django itself would have
            # its own server notice a change, which isn't ours.
            "loaders": TEMPLATE_LOADERS if DEBUG else [(CACHED_LOADER, TEMPLATE_LOADERS)],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# Templates of form fields from templates/, too: see customerinfo.wagtail_widgets.
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"

# --- Lifecycle ------------------------------------------------------------------------------------

# How long an unpaid bill may stay open; how long a suspended retailer's pages take sign-ups; after
# how long it is closed; how long a closed one can come back.
PAST_DUE_DAYS = env.number("PAST_DUE_DAYS", 14)
SUSPENSION_GRACE_DAYS = env.number("SUSPENSION_GRACE_DAYS", 14)
SUSPENDED_DAYS = env.number("SUSPENDED_DAYS", 90)
CLOSED_DAYS = env.number("CLOSED_DAYS", 30)

# --- Backups --------------------------------------------------------------------------------------

BACKUP_RECIPIENT = env.age_recipient("BACKUP_RECIPIENT")  # age public key; without one no backups
BACKUP_IDENTITY = env.text("BACKUP_IDENTITY", "")  # its secret key: only where one restores
BACKUP_DAYS = env.number("BACKUP_DAYS", 30)

# --- Database: one schema per retailer ------------------------------------------------------------

DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "ENGINE": "django_tenants.postgresql_backend",
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,
        # Session advisory locks and search_path both need one server session per connection:
        # no transaction-mode pooler between us and PostgreSQL.
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }
}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
TENANT_MODEL = "tenants.Retailer"
TENANT_DOMAIN_MODEL = "tenants.Domain"
# One `SET search_path` per switch instead of one per cursor. django-tenants forgets the value when
# a transaction or savepoint rolls back (since 4.0.1; tenants/tests/test_search_path.py holds it).
TENANT_LIMIT_SET_CALLS = True
PG_DUMP = env.text("PG_DUMP", "pg_dump")

# --- Caches, sessions, cookies, files: all per schema ---------------------------------------------

REDIS_URL = env.url("REDIS_URL", ["redis", "rediss", "unix"])
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "django_tenants.cache.make_key",
        "REVERSE_KEY_FUNCTION": "django_tenants.cache.reverse_key",
        "TIMEOUT": 300,
        "OPTIONS": {
            # A shop goes on without Redis, slower.
            "IGNORE_EXCEPTIONS": True,
            "SOCKET_CONNECT_TIMEOUT": 0.3,
            "SOCKET_TIMEOUT": 0.3,
        },
    }
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# __Host- binds the cookie to one host: a retailer's subdomain can't set one for another's.
SESSION_COOKIE_NAME = "__Host-session" if HTTPS else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if HTTPS else "csrf"
CSRF_COOKIE_HTTPONLY = False  # Wagtail's editor reads it
SESSION_COOKIE_AGE = 14 * 24 * 3600
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

MEDIA_ROOT = env.text("MEDIA_ROOT", str(ROOT / "var" / "media"))
MEDIA_URL = "/media/"
STATIC_ROOT = env.text("STATIC_ROOT", str(ROOT / "var" / "static"))
STATIC_URL = "/static/"
COLLECTED = not (DEMO or DEBUG) or "collectstatic" in sys.argv
STORAGES = {
    "default": env.media_storage("MEDIA_STORAGE"),  # empty: the folder MEDIA_ROOT
    "backups": env.storage("BACKUP_URL", str(ROOT / "var" / "backups")),
    "staticfiles": {
        "BACKEND": (
            "customerinfo.static_files.StaticFiles"
            if COLLECTED
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}
env.hold_apart("BACKUP_URL", STORAGES["backups"], "MEDIA_STORAGE", STORAGES["default"], MEDIA_ROOT)
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = not COLLECTED
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000  # Wagtail's StreamField editor posts many
FILE_UPLOAD_PERMISSIONS = 0o640

# --- Security -------------------------------------------------------------------------------------

SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# How many proxies of our own stand in front: what they say of a shopper's address is believed.
PROXIES = env.number("PROXIES", 0)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"  # Wagtail's preview of a page says otherwise for itself

# --- People ---------------------------------------------------------------------------------------

AUTH_USER_MODEL = "users.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

# Log-ins, second factors and sessions: see tenants.doors.
OPERATORS_NEED_SECOND_FACTOR = env.flag("OPERATORS_NEED_SECOND_FACTOR", not DEMO)
ACCOUNT_ADAPTER = "tenants.doors.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_FORMS = {"login": "tenants.login_form.LoginForm"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # who has a password came by a link in a mail
ACCOUNT_LOGOUT_REDIRECT_URL = "/admin/login/"
# A shop's people share one address, so that it takes more than an account.
ACCOUNT_RATE_LIMITS = {"login_failed": "30/5m/ip,5/5m/key", "reset_password": "20/h/ip,3/h/key"}
MFA_ADAPTER = "tenants.doors.FactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_TOTP_ISSUER = "CustomerInfo"
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not HTTPS
LOGIN_URL, LOGIN_REDIRECT_URL = "/admin/login/", "/admin/"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # an invitation is answered within a long weekend

LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("nl", "Nederlands"),
    ("de", "Deutsch"),
    ("fr", "Français"),
    ("es", "Español"),
]
TIME_ZONE = "UTC"
USE_TZ = True

# smtp://user:password@host:587, smtps:// for TLS at once, file:// for people who develop;
# console:// prints them, for whoever really wants that.
EMAIL_URL = env.url("EMAIL_URL", ["smtp", "smtps", "file", "console"], "")
# Or a mail service's API, such as postmark, by django-anymail: its own settings are the variables
# ANYMAIL_…, such as ANYMAIL_POSTMARK_SERVER_TOKEN.
EMAIL_SERVICE = env.mail_service("EMAIL_SERVICE")
if not (DEMO or DEBUG):
    # What is printed counts as sent and never goes out, and its links let the log's readers in.
    env.any_of("EMAIL_URL", "EMAIL_SERVICE")
ANYMAIL = {
    name.removeprefix("ANYMAIL_"): value
    for name, value in os.environ.items()
    if name.startswith("ANYMAIL_")
}
if EMAIL_SERVICE:
    EMAIL_BACKEND = f"anymail.backends.{EMAIL_SERVICE}.EmailBackend"
elif EMAIL_URL.startswith("file:"):
    EMAIL_BACKEND = "customerinfo.demo.mail.EmailBackend"
    EMAIL_FILE_PATH = unquote(urlsplit(EMAIL_URL).path)
elif EMAIL_URL.startswith("smtp"):
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
EMAIL_HOST = urlsplit(EMAIL_URL).hostname or ""
EMAIL_PORT = urlsplit(EMAIL_URL).port or (465 if EMAIL_URL.startswith("smtps:") else 587)
EMAIL_HOST_USER = unquote(urlsplit(EMAIL_URL).username or "")
EMAIL_HOST_PASSWORD = unquote(urlsplit(EMAIL_URL).password or "")
EMAIL_USE_SSL = EMAIL_URL.startswith("smtps:")
EMAIL_USE_TLS = EMAIL_URL.startswith("smtp:") and bool(EMAIL_HOST_USER)
EMAIL_TIMEOUT = 10  # seconds
PUBLIC_MAIL_MODEL = "tenants.PublicMail"  # mails of the public schema; see integrations.mail
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", f"CustomerInfo <no-reply@{BASE_HOST}>")

# --- Wagtail --------------------------------------------------------------------------------------

WAGTAIL_SITE_NAME = "CustomerInfo"
WAGTAILADMIN_BASE_URL = BASE_URL
WAGTAIL_GRAVATAR_PROVIDER_URL = None  # no third-party request, not from the editor either
WAGTAIL_ENABLE_UPDATE_CHECK = False
WAGTAIL_ENABLE_WHATS_NEW_BANNER = False
WAGTAIL_ALLOW_UNICODE_SLUGS = False
WAGTAIL_WORKFLOW_ENABLED = False
WAGTAIL_PASSWORD_REQUIRED_TEMPLATE = None
WAGTAILIMAGES_EXTENSIONS = ["gif", "jpg", "jpeg", "png", "webp"]  # no svg: it can carry script
WAGTAILIMAGES_MAX_UPLOAD_SIZE = 8 * 1024 * 1024
WAGTAILSEARCH_BACKENDS = {"default": {"BACKEND": "wagtail.search.backends.database"}}

# In the request, in its schema: a task that runs later carries no schema and would work on another
# retailer's rows and files.
TASKS = {"default": {"BACKEND": "django_tasks.backends.immediate.ImmediateBackend"}}

# --- Celery: doorbells only, the work itself stands in PostgreSQL ---------------------------------

CELERY_BROKER_URL = (
    REDIS_URL if REDIS_URL.startswith("redis") else f"redis+socket://{REDIS_URL[7:]}"
)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = False  # a lost message costs seconds: the sweep finds the work again
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "socket_connect_timeout": 0.5,
    "socket_timeout": 5,
    "visibility_timeout": 3600,
    # kombu would try for six seconds to reach Redis while the shopper waits. The sweep rings again.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0,
    "interval_max": 0,
}
CELERY_TASK_PUBLISH_RETRY = False  # Redis down must not hold up a shopper
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "integrations.tasks.sweep", "schedule": 30.0},
    # Once for each retailer: a name of a TenantTask as the argument. At night, by UTC.
    "retention": {
        "task": "integrations.fan_out.for_each_retailer",
        "schedule": crontab(hour="2", minute="10"),
        "args": ["forms_app.tasks.apply_retention"],
    },
    "prune_log": {
        "task": "integrations.fan_out.for_each_retailer",
        "schedule": crontab(hour="3", minute="40"),
        "args": ["integrations.tasks.prune_log"],
    },
    "tell_what_is_aside": {
        "task": "integrations.fan_out.for_each_retailer",
        "schedule": crontab(hour="6", minute="30"),
        "args": ["integrations.tasks.tell_what_is_aside"],
    },
    "tidy_retailers": {
        "task": "integrations.fan_out.for_each_retailer",
        "schedule": crontab(hour="3", minute="55"),
        "args": ["tenants.tasks.tidy_retailer"],
    },
    "publish_scheduled": {"task": "forms_app.tasks.find_scheduled", "schedule": 60.0},
    # Each retailer's turn begins at an hour of its own; see integrations.drift.
    "look_for_drift": {
        "task": "integrations.fan_out.for_each_retailer",
        "schedule": crontab(hour="0-5", minute="25"),
        "args": ["integrations.tasks.look_for_drift"],
    },
    "look_for_onboardings": {"task": "tenants.tasks.look_for_onboardings", "schedule": 60.0},
    "count_figures": {"task": "tenants.tasks.count_figures", "schedule": 300.0},
    "look_at_domains": {"task": "tenants.tasks.look_at_domains", "schedule": 600.0},
    # After the night's work and backups, so that it is about them.
    "tell_operators": {
        "task": "tenants.tasks.tell_operators",
        "schedule": crontab(hour="6", minute="10"),
    },
    "tidy": {"task": "tenants.tasks.tidy", "schedule": crontab(hour="4", minute="15")},
    "delete_closed": {"task": "tenants.tasks.delete_closed", "schedule": crontab(minute="50")},
    "reconcile": {"task": "billing.tasks.reconcile_all", "schedule": crontab(minute="20")},
    "process_waiting": {"task": "billing.tasks.process_waiting", "schedule": 60.0},
    "compare_usage": {
        "task": "billing.tasks.compare_usage_all",
        "schedule": crontab(day_of_month="2", hour="4", minute="5"),
    },
}

# --- Delivery -------------------------------------------------------------------------------------

# The retailer types the CRM's address: only the demo may talk to this machine, or without TLS.
OUTBOUND_ALLOW_PRIVATE = DEMO
OUTBOUND_TIMEOUT = env.number("OUTBOUND_TIMEOUT", 30)  # seconds for one answer of a CRM
# Our app at the vendors where a retailer may connect without a key: (client id, its secret).
OAUTH_CLIENTS = {
    kind: (env.text(f"{kind.upper()}_CLIENT_ID", ""), env.text(f"{kind.upper()}_CLIENT_SECRET", ""))
    for kind in ("hubspot", "salesforce", "shopify")
}
DELIVERY_LOG_DAYS = env.number("DELIVERY_LOG_DAYS", 30)

# --- Watching -------------------------------------------------------------------------------------

METRICS_HOST = env.text("METRICS_HOST", "127.0.0.1")
# Where each process shows its metrics; 0: nowhere.
METRICS_PORT = env.number("METRICS_PORT", 0, most=65535)
METRICS_TOKEN = env.text("METRICS_TOKEN", "")  # for a Prometheus outside: the console's /metrics

# A request has one id, in its own log lines and in those of the tasks that it asked for. The proxy
# in front may have given it one already.
DJANGO_GUID = {
    "GUID_HEADER_NAME": "X-Request-ID",
    "EXPOSE_HEADER": False,
    "INTEGRATIONS": [CeleryIntegration(use_django_logging=True)],
}

# Errors report themselves, without anybody's data; see customerinfo.errors.
SENTRY_DSN = env.url("SENTRY_DSN", ["https", "http"], "")
SENTRY_ENVIRONMENT = env.text("SENTRY_ENVIRONMENT", "production")
if SENTRY_DSN:
    errors.report_to(SENTRY_DSN, SENTRY_ENVIRONMENT)

# --- Stripe ---------------------------------------------------------------------------------------

STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY", "")
STRIPE_WEBHOOK_SECRET = env.text("STRIPE_WEBHOOK_SECRET", "")
STRIPE_API_BASE = env.text("STRIPE_API_BASE", "")  # the fake Stripe of tests and demo
STRIPE_TAX = env.flag("STRIPE_TAX")
STRIPE_LIVE_MODE = STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))
STRIPE_LIVE_SECRET_KEY = STRIPE_SECRET_KEY if STRIPE_LIVE_MODE else ""
STRIPE_TEST_SECRET_KEY = "" if STRIPE_LIVE_MODE else STRIPE_SECRET_KEY
DJSTRIPE_SUBSCRIBER_MODEL = "tenants.Retailer"
DJSTRIPE_SUBSCRIBER_CUSTOMER_KEY = "retailer"
DJSTRIPE_FOREIGN_KEY_TO_FIELD = "id"

# --- Logging --------------------------------------------------------------------------------------

LOG_LEVEL = env.choice(
    "LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"), "INFO"
)
LOG_FORMAT = env.choice("LOG_FORMAT", ("json", "plain"), "plain" if DEMO or DEBUG else "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "customerinfo.logs.JsonLines"},
        "plain": {
            "()": "customerinfo.logs.PlainLines",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        "customerinfo.audit": {"level": "INFO"},  # kept whatever LOG_LEVEL says
        "django_guid": {"level": "WARNING"},  # two lines for each request
        "django_tasks": {"level": "WARNING"},  # two lines for each saved page otherwise
        "django.request": {"level": "ERROR"},  # a 404 isn't news
        "gunicorn.error": {"handlers": ["console"], "propagate": False},  # it brings its own
        "stripe": {"level": "WARNING"},  # two lines for each call, with what was asked
        # Whole addresses and headers at DEBUG, whatever LOG_LEVEL says.
        "urllib3": {"level": "ERROR"},
        **dict.fromkeys(["boto3", "botocore", "s3transfer"], {"level": "WARNING"}),
    },
}

env.finish()
