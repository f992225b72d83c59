"""A Stripe of our own for tests and the demo: `python -m billing.tests.fake_stripe`.

It speaks as much of https://docs.stripe.com/api as billing and dj-stripe use, with Stripe's errors,
pages and idempotency keys. An unknown parameter is refused, as Stripe does. Without --data nothing
is kept after the process has ended.

    form.py           a[b][0]=c → {"a": {"b": ["c"]}}
    shapes.py         objects as Stripe shows them; compared with its published fixtures
    hosted_shapes.py  the same, of invoices, hosted pages, meters, endpoints
    store.py          what is there; customers, products, prices
    meters.py         usage
    subscriptions.py  subscriptions, invoices, dunning, cards that decline, and the clock
    hosted.py         Checkout and the portal: what a click does
    pages.py          … and how they look
    server.py         HTTP: keys, errors, idempotency
    control.py        /_fake/…: to look, to break things, to move the clock
    delivery.py       signs events and delivers them
    keeping.py        the state in a file
    process.py        starts the process and talks to /_fake/…

A subscription that Stripe can't charge is tried again after 3, 5 and 7 days, and is `unpaid` then.
"""
