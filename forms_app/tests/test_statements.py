"""How often a shopper's request asks the database, on real commits."""

import re
import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

from .shop import soup

MOST = 9  # statements of a POST, with BEGIN, COMMIT and SET search_path


def statements(call) -> list[str]:
    with CaptureQueriesContext(connection) as queries:
        call()
    return [query["sql"] for query in queries.captured_queries]


def test_a_warm_get_asks_the_database_nothing(shops):
    for shop in shops:
        sheet = soup(shop.get()).find("link", href=re.compile("^/brand/"))["href"]
        for path in ("/", "/join/", "/join/thanks/", sheet):
            shop.get(path)
        for path in ("/", "/join/", "/join/thanks/", sheet):
            assert statements(lambda: shop.get(path)) == []
            assert statements(lambda: shop.client.head(path)) == []


def test_a_sign_up_and_its_repeat_take_few_statements(real_shops, robin):
    for shop in real_shops:
        for number in range(2):
            shop.connect(name=f"CRM {number}")
        shop.sign_up(robin)
    for shop in real_shops:
        data = shop.form(robin, signup_id=str(uuid.uuid4()))
        for _ in range(2):
            made = statements(lambda: shop.client.post("/join/", data))
            assert len(made) <= MOST, "\n".join(made)
        assert len(shop.signups()) == 2
