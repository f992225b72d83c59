"""Runs inside Tryton's own environment: fills a new database and prints a key for its REST API."""

import sys

from trytond import config

config.update_etc(sys.argv[1])

from trytond.pool import Pool  # noqa: E402 - Tryton reads its configuration when it is imported
from trytond.transaction import Transaction  # noqa: E402

DATABASE = "peer"

Pool.start()
pool = Pool(DATABASE)
pool.init()
with Transaction().start(DATABASE, 1):
    application = pool.get("res.user.application")
    found = application.search([("application", "=", "rest")]) or application.create(
        [{"user": 1, "application": "rest", "state": "validated"}]
    )
    print(found[0].key)
