"""How often a shopper's request asks the database, on real commits."""

import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

MOST = 8  # statements of a POST, with BEGIN, COMMIT and SET search_path


def statements(call) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        call()
    return [query["sql"] for query in queries.captured_queries]


def test_a_warm_get_asks_the_database_nothing(real_shops):
    paths = ("/", "/join/", "/join/thanks/")
    for shop in real_shops:
        for path in paths:
            shop.get(path)
    for shop in real_shops:
        for path in paths:
            assert statements(lambda: shop.get(path)) == []
            assert statements(lambda: shop.client.head(path)) == []


def test_a_warm_brand_stylesheet_asks_the_database_nothing(real_shops):
    from .shop import soup

    for shop in real_shops:
        url = soup(shop.get()).find("link", href=lambda href: href.startswith("/brand/"))["href"]
        shop.get(url)
        assert statements(lambda: shop.get(url)) == []


def test_a_sign_up_takes_few_statements(real_shops, robin):
    for shop in real_shops:
        for number in range(2):
            shop.connect(name=f"CRM {number}")
        shop.sign_up(robin)
    for shop in real_shops:
        data = shop.form(robin, signup_id=str(uuid.uuid4()))
        made = statements(lambda: shop.client.post("/join/", data))
        assert len(made) <= MOST, "\n".join(made)
        assert len(shop.signups()) == 2


def test_a_repeat_takes_few_statements(real_shops, robin):
    acorn, birch = real_shops
    for shop in real_shops:
        shop.connect()
    data = acorn.form(robin, signup_id=str(uuid.uuid4()))
    acorn.client.post("/join/", data)
    birch.sign_up(robin)
    made = statements(lambda: acorn.client.post("/join/", data))
    assert len(made) <= MOST, "\n".join(made)
