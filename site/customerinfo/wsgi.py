"""The WSGI application. Not ASGI: that opens database connections without a tenant."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "customerinfo.settings")

application = get_wsgi_application()
