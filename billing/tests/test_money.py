"""Amounts are whole numbers in the currency's smallest unit, and are written rightly."""

import pytest

from billing import money


@pytest.mark.parametrize(
    ("amount", "currency", "text"),
    [
        (2900, "eur", "29.00 EUR"),
        (5, "usd", "0.05 USD"),
        (-1250, "gbp", "-12.50 GBP"),
        (0, "eur", "0.00 EUR"),
        (4800, "jpy", "4800 JPY"),
        (-300, "krw", "-300 KRW"),
        (10500, "kwd", "10.500 KWD"),
        (70000, "isk", "700.00 ISK"),
    ],
)
def test_an_amount_is_written_with_the_decimals_of_its_currency(amount, currency, text):
    assert money.written(amount, currency) == text


def test_no_currency_has_two_kinds_of_decimals():
    assert not money.ZERO_DECIMAL & money.THREE_DECIMAL
    assert not money.WHOLE_UNITS_ONLY & (money.ZERO_DECIMAL | money.THREE_DECIMAL)
