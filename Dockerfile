# One image for web, worker, beat, migrate and commands. The process is chosen by the arguments;
# without any it is the web server on port 8000. Runs as a number, on a read-only root file system
# with a writable /tmp; uploaded files go to /data/media. Some 420 MB unpacked: packages 265, base
# and pg_dump 142, application 15 (`make check-deploy` tells, and holds the first and the last).

# pg_dump must not be older than the server (Debian's own is): keep this at the server's version.
FROM postgres:18.6-bookworm AS postgres

FROM python:3.11.18-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 \
    PYTHONPATH=/app/site:/app \
    DJANGO_SETTINGS_MODULE=customerinfo.settings \
    STATIC_ROOT=/app/static \
    MEDIA_ROOT=/data/media \
    PATH=/opt/venv/bin:$PATH
WORKDIR /app

FROM base AS builder
RUN pip install --no-cache-dir uv==0.13.9
COPY requirements/base.txt requirements/base.txt
RUN uv venv --no-python-downloads --python /usr/local/bin/python /opt/venv \
 && uv pip sync --no-cache --require-hashes --compile-bytecode \
      --python /opt/venv/bin/python requirements/base.txt
# A quarter of the packages is never read: their tests, the sources of their translations, and what
# AWS' package knows of services that nobody calls (media, backups and mail do call some).
WORKDIR /opt/venv/lib/python3.11/site-packages
RUN find . -type d -name tests -prune -exec rm -r {} + \
 && find . -name "*.po" -delete \
 && find botocore/data -mindepth 1 -maxdepth 1 -type d -regextype egrep \
      ! -regex "botocore/data/(s3|ses|sesv2|sns|sso|sso-oidc|sts)" -exec rm -r {} +
WORKDIR /app
COPY . .
# Placeholders, for this step alone: nothing of them is stored. Static files come out hashed and
# compressed; WhiteNoise serves them. Who runs the image is another user, and may read all of it.
RUN SECRET_KEY=build-only \
    ENCRYPTION_KEYS=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA= \
    DATABASE_URL=postgres://build-only@localhost/build-only \
    REDIS_URL=redis://localhost/0 \
    EMAIL_URL=console:// \
    BASE_URL=https://build-only.invalid \
    python manage.py collectstatic --noinput \
 && python -m compileall -q . \
 && chmod --recursive a+rX .

FROM base
# What libpq of the PostgreSQL image needs beyond the slim image. No versions: Debian keeps only the
# newest, and these come with its security fixes. The user has a name because Celery takes a number
# without one for root.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libgssapi-krb5-2 libldap-2.5-0 \
 && rm -rf /var/lib/apt/lists/* \
 && groupadd --gid 10001 customerinfo \
 && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home --shell /usr/sbin/nologin \
      customerinfo \
 && install --directory --owner=10001 --group=10001 /data/media /data/backups /data/scratch
COPY --from=postgres /usr/lib/postgresql/18/bin/pg_dump /usr/lib/postgresql/18/bin/pg_restore /usr/local/bin/
COPY --from=postgres /usr/lib/*-linux-gnu/libpq.so.5.* /usr/local/lib/
RUN ldconfig && pg_dump --version && pg_restore --version
COPY --from=builder /opt/venv /opt/venv
COPY --from=builder /app /app

# Set last, so that bytecode is still written above. Two malloc arenas instead of eight per core: our
# threads wait for PostgreSQL more than for each other, and what an arena once took it keeps.
ENV PYTHONDONTWRITEBYTECODE=1 \
    HOME=/tmp \
    MALLOC_ARENA_MAX=2 \
    WEB_CONCURRENCY=2 \
    GUNICORN_CMD_ARGS="--bind=0.0.0.0:8000"
USER 10001:10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --retries=4 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["gunicorn", "--config=python:customerinfo.web"]
