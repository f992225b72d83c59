"""The limit of a GET: Django with one view, no middleware, no template, no database."""

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import path

settings.configure(ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, MIDDLEWARE=[], SECRET_KEY="bench")


def hello(request: HttpRequest) -> HttpResponse:
    # With its length, as a middleware would add it: gunicorn sends chunks otherwise.
    return HttpResponse(b"Hello, world!", headers={"Content-Length": "13"})


urlpatterns = [path("", hello)]
application = get_wsgi_application()
