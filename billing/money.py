"""Money is a whole number in the currency's smallest unit, everywhere; here it becomes text.

Which currencies have which unit: https://docs.stripe.com/currencies, "Zero-decimal currencies",
"Three-decimal currencies" and "Special cases".
"""

ZERO_DECIMAL = frozenset("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf".split())
THREE_DECIMAL = frozenset("bhd jod kwd omr tnd".split())
# Written with two decimals for old times' sake, but Stripe charges whole units only.
WHOLE_UNITS_ONLY = frozenset("isk ugx".split())


def decimals(currency: str) -> int:
    """How many digits of an amount stand behind the point."""
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def step(currency: str) -> int:
    """Stripe takes only multiples of this."""
    if currency in WHOLE_UNITS_ONLY:
        return 100
    return 10 if currency in THREE_DECIMAL else 1


def written(amount: int, currency: str) -> str:
    """2900, "eur" → "29.00 EUR"; 4500, "jpy" → "4500 JPY". No floats on the way."""
    digits = decimals(currency)
    if digits == 0:
        return f"{amount} {currency.upper()}"
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), 10**digits)
    return f"{sign}{whole}.{rest:0{digits}} {currency.upper()}"
