"""The limit of a POST: read the form, one INSERT, answer. No framework.

The row is as large as a sign-up's, with as many indexes. One connection per thread, committed at
each statement, as durable as the product's.
"""

import json
import os
import threading
from collections.abc import Callable, Iterable
from urllib.parse import parse_qs

import psycopg2

TABLE = """
CREATE TABLE IF NOT EXISTS public.bench_insert (
    id uuid PRIMARY KEY, email text NOT NULL, mobile text NOT NULL, answers jsonb NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX IF NOT EXISTS bench_insert_email ON public.bench_insert (email);
CREATE INDEX IF NOT EXISTS bench_insert_mobile ON public.bench_insert (mobile);
CREATE INDEX IF NOT EXISTS bench_insert_received_at ON public.bench_insert (received_at);
"""
INSERT = "INSERT INTO public.bench_insert (id, email, mobile, answers) VALUES (%s, %s, '', %s)"

_threads = threading.local()


def link():
    if not hasattr(_threads, "link"):
        _threads.link = psycopg2.connect(os.environ["BENCH_DSN"])
        _threads.link.autocommit = True
    return _threads.link


def application(environ: dict, start_response: Callable) -> Iterable[bytes]:
    if environ["REQUEST_METHOD"] != "POST":
        start_response("405 Method Not Allowed", [("Content-Length", "0")])
        return [b""]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    form = {name: values[-1] for name, values in parse_qs(body.decode()).items()}
    signup_id = form.pop("signup_id")
    with link().cursor() as cursor:
        cursor.execute(INSERT, [signup_id, f"{signup_id}@example.com", json.dumps(form)])
    start_response("303 See Other", [("Location", "/thanks/"), ("Content-Length", "0")])
    return [b""]
