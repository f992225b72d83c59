"""The WSGI application. Not ASGI: that opens database connections without a tenant.

gunicorn loads it once before it forks its workers (`preload_app` in customerinfo.web), so that they
share the memory. It opens no connection and starts no thread.
"""

import gc
import os
from importlib import import_module

from django.conf import settings
from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")

application = get_wsgi_application()
# Nearly everything else; otherwise each worker would load it for itself, with its first request.
for addresses in (settings.ROOT_URLCONF, settings.OPERATOR_URLCONF, settings.PUBLIC_URLCONF):
    import_module(addresses)
# The collector writes into what it looks at, and what is written to is no longer shared.
gc.collect()
gc.freeze()
