"""A Stripe of our own for tests and the demo, as a process: `python -m billing.tests.fake_stripe`.

It speaks as much of https://docs.stripe.com/api as billing and dj-stripe use: account, customers,
products, prices, subscriptions and events, with Stripe's errors, pages and idempotency keys. An
unknown parameter is refused, as Stripe does. Nothing is kept after the process has ended.

    form.py      a[b][0]=c → {"a": {"b": ["c"]}}
    shapes.py    objects as Stripe shows them; test_fake_stripe.py compares them with its fixtures
    store.py     what is there, and the rules of each kind of object
    server.py    HTTP: keys, errors, idempotency, and /_fake/… to look and to break things
    delivery.py  signs events and delivers them
    process.py   starts the process and talks to /_fake/…
"""
