"""What one sees in a browser: Checkout, the billing portal, an invoice, and the clock."""

import html
from dataclasses import dataclass
from datetime import UTC, datetime

from billing.money import written

from . import shapes
from .hosted import Declined, Hosted
from .store import DAY, Refusal
from .subscriptions import is_metered

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:#f6f8fb;color:#1a1f36;font:16px/1.5 system-ui,sans-serif}
main{max-width:34rem;margin:3rem auto;padding:0 1rem}
.card{background:#fff;border-radius:12px;padding:2rem;box-shadow:0 2px 12px #1a1f3618;
  margin-bottom:1.5rem}
h1{font-size:1.1rem;margin:0 0 .5rem;color:#5469d4}
h2{font-size:1rem;margin:0 0 .75rem}
.big{font-size:2rem;font-weight:700;margin:0 0 1rem}
label{display:block;font-weight:600;margin:.75rem 0 .25rem}
input{width:100%;padding:.7rem;border:1px solid #c1c9d2;border-radius:6px;font:inherit}
button{margin-top:1rem;padding:.75rem 1.25rem;border:0;border-radius:6px;background:#5469d4;
  color:#fff;font:inherit;font-weight:600;cursor:pointer}
button.quiet{background:#e3e8ee;color:#1a1f36}
.error{background:#fdecea;color:#a4161a;border-radius:6px;padding:.75rem}
.note{color:#697386;font-size:.875rem}
table{width:100%;border-collapse:collapse}
td{text-align:left;padding:.4rem .5rem .4rem 0;border-bottom:1px solid #e3e8ee}
td form{margin:0}
td button{margin:0;padding:.25rem .75rem}
a{color:#5469d4}
.test{background:#ffde92;border-radius:4px;padding:0 .5rem;font-size:.75rem;font-weight:700}
.row{display:flex;gap:.75rem;flex-wrap:wrap}
.row>div{flex:1}
"""
CARDS = (
    "<p class=note>4242 4242 4242 4242 works · 4000 0000 0000 0002 is declined · "
    "4000 0000 0000 0341 is taken, but can't be charged later</p>"
)


@dataclass
class Page:
    body: bytes = b""
    status: int = 200
    type: str = "text/html; charset=utf-8"
    location: str = ""


def page(title: str, *parts: str, status: int = 200) -> Page:
    text = (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{html.escape(title)}</title>"
        "<meta name=viewport content='width=device-width,initial-scale=1'>"
        f"<style>{STYLE}</style><main><p><span class=test>FAKE STRIPE · NO REAL MONEY</span></p>"
        f"{''.join(parts)}</main></html>"
    )
    return Page(text.encode(), status)


def answer(store: Hosted, path: str, posted: dict | None) -> Page:
    """`posted` is None for a GET."""
    match path.strip("/").split("/"):
        case ["c", id] if id in store.objects["checkout_session"]:
            return checkout(store, id, posted)
        case ["p", id] if id in store.objects["portal_session"]:
            return portal(store, id, posted)
        case ["i", id] if id in store.objects["invoice"]:
            return invoice_page(store, id, posted)
        case ["i", id, "pdf"] if id in store.objects["invoice"]:
            return Page(pdf(store.objects["invoice"][id]), type="application/pdf")
        case [""]:
            return clock(store, posted)
    return page("Not found", "<div class=card><h1>Nothing here.</h1></div>", status=404)


def day(at: int | None) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%-d %B %Y}" if at else "–"


def error(words: str) -> str:
    return f"<p class=error role=alert>{html.escape(words)}</p>" if words else ""


def number(posted: dict) -> str:
    return "".join(posted.get("card", "").split())


CARD_FIELDS = (
    "<label for=card>Card number</label><input id=card name=card inputmode=numeric"
    " autocomplete=off placeholder='4242 4242 4242 4242' required>"
    "<div class=row><div><label for=exp>Expires</label><input id=exp value='12 / 34'></div>"
    "<div><label for=cvc>CVC</label><input id=cvc value=123></div></div>"
)


def checkout(store: Hosted, id: str, posted: dict | None) -> Page:
    session, wrong = store.objects["checkout_session"][id], ""
    if session["status"] != "open":
        return page("Checkout", f"<div class=card><h1>This page is {session['status']}.</h1></div>")
    if posted is not None:
        try:
            store.complete_checkout(id, number(posted))
        except (Declined, Refusal) as problem:
            wrong = str(problem)
        else:
            url = session["success_url"].replace("{CHECKOUT_SESSION_ID}", id)
            return Page(location=url)
    prices = [store.objects["price"][item["price"]] for item in session["_wanted"]["items"]]
    main = next(price for price in prices if not is_metered(price))
    name = html.escape(store.objects["product"][main["product"]]["name"])
    cost = written(main["unit_amount"], main["currency"])
    trial = session["_wanted"]["trial_end"]
    first = f"<p>Free until {day(trial)}, then {cost}.</p>" if trial else ""
    usage = "<p class=note>plus sign-ups beyond those included</p>" if len(prices) > 1 else ""
    return page(
        "Checkout",
        f"<div class=card><h1>Subscribe to {name}</h1>",
        f"<p class=big>{cost} a {main['recurring']['interval']}</p>{first}{usage}{error(wrong)}",
        f"<form method=post>{CARD_FIELDS}<button>Subscribe</button></form>{CARDS}",
        f"<p><a href='{html.escape(session['cancel_url'] or '#')}'>Back</a></p></div>",
        status=402 if wrong else 200,
    )


def portal(store: Hosted, id: str, posted: dict | None) -> Page:
    session, said = store.objects["portal_session"][id], ""
    customer = session["customer"]
    if posted is not None:
        try:
            said = portal_act(store, customer, posted)
        except (Declined, Refusal) as problem:
            said = error(str(problem))
    parts = [f"<p><a href='{html.escape(session['return_url'] or '#')}'>← Back to the shop</a></p>"]
    parts.append(said)
    for each in store.live_subscriptions(customer):
        price = next(
            item["price"] for item in each["items"]["data"] if not is_metered(item["price"])
        )
        name = html.escape(store.objects["product"][price["product"]]["name"])
        cost = written(price["unit_amount"], price["currency"])
        end = day(store.period_end(each))
        leaves = each["cancel_at_period_end"]
        act, words = ("keep", "Don't cancel") if leaves else ("cancel", "Cancel subscription")
        when = f"Ends on {end}." if leaves else f"Renews on {end}."
        parts.append(
            f"<div class=card><h2>Current plan</h2><p class=big>{name}</p><p>{cost} a"
            f" {price['recurring']['interval']} · {each['status']}. {when}</p><form method=post>"
            f"<input type=hidden name=subscription value={each['id']}>"
            f"<button class=quiet name=act value={act}>{words}</button></form></div>"
        )
    card = store.cards.get(customer, "4242")[-4:]
    parts.append(
        f"<div class=card><h2>Payment method</h2><p>Visa ending in {card}</p><form method=post>"
        f"{CARD_FIELDS}<button name=act value=card>Use this card</button></form>{CARDS}</div>"
    )
    rows = "".join(
        f"<tr><td>{day(each['created'])}</td><td>{written(each['amount_due'], each['currency'])}"
        f"</td><td>{each['status']}</td><td><a href='{each['hosted_invoice_url']}'>Open</a></td>"
        f"<td>{pay_button(each)}</td></tr>"
        for each in reversed(store.objects["invoice"].values())
        if each["customer"] == customer and each["status"] != "draft"
    )
    parts.append(f"<div class=card><h2>Invoices</h2><table>{rows}</table></div>")
    return page("Billing portal", *parts)


def pay_button(invoice: dict) -> str:
    if invoice["status"] != "open":
        return ""
    return (
        f"<form method=post><input type=hidden name=invoice value={invoice['id']}>"
        "<button name=act value=pay>Pay</button></form>"
    )


def portal_act(store: Hosted, customer: str, posted: dict) -> str:
    """Returns what is said about it. Raises `Declined`, `Refusal`."""
    match posted.get("act"):
        case "card":
            store.change_card(customer, number(posted))
            return "<p role=status>Your card was saved.</p>"
        case "pay":
            store.pay_invoice(posted["invoice"])
            return "<p role=status>Thank you, the invoice is paid.</p>"
        case "cancel" | "keep":
            leaves = "true" if posted["act"] == "cancel" else "false"
            store.update_subscription(posted["subscription"], {"cancel_at_period_end": leaves})
            return ""
    raise Refusal(400, "Unknown.")


def invoice_page(store: Hosted, id: str, posted: dict | None) -> Page:
    invoice, wrong = store.objects["invoice"][id], ""
    if posted is not None:
        try:
            if number(posted):
                store.change_card(invoice["customer"], number(posted))
            store.pay_invoice(id)
        except (Declined, Refusal) as problem:
            wrong = str(problem)
    lines = "".join(
        f"<tr><td>{html.escape(line['description'])}</td>"
        f"<td>{written(line['amount'], line['currency'])}</td></tr>"
        for line in invoice["lines"]["data"]
    )
    form = f"<form method=post>{CARD_FIELDS}<button>Pay</button></form>{CARDS}"
    return page(
        f"Invoice {invoice['number']}",
        f"<div class=card><h1>Invoice {invoice['number']}</h1><p class=big>",
        f"{written(invoice['amount_due'], invoice['currency'])}</p><p>{day(invoice['created'])} ·"
        f" {invoice['status']}</p>{error(wrong)}<table>{lines}</table>",
        f"<p><a href='{invoice['invoice_pdf']}'>PDF</a></p>",
        (form if invoice["status"] == "open" else "") + "</div>",
    )


def pdf(invoice: dict) -> bytes:
    """A page with three lines, by hand: https://pdfa.org/resource/pdf-specification-archive/"""
    lines = (
        f"Invoice {invoice['number']}",
        f"{day(invoice['created'])}, {invoice['status']}",
        written(invoice["amount_due"], invoice["currency"]),
    )
    text = " T* ".join(
        f"({line.encode('latin-1', 'replace').decode('latin-1')}) Tj" for line in lines
    )
    stream = f"BT /F1 18 Tf 24 TL 72 760 Td {text} ET"
    objects = (
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body, places = "%PDF-1.4\n", []
    for index, each in enumerate(objects, 1):
        places.append(len(body))
        body += f"{index} 0 obj\n{each}\nendobj\n"
    start = len(body)
    body += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n"
    body += "".join(f"{place:010} 00000 n \n" for place in places)
    body += f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF\n"
    return body.encode("latin-1")


STEPS = {"1": "A day later", "7": "A week later", "31": "A month later"}


def clock(store: Hosted, posted: dict | None) -> Page:
    if posted is not None and posted.get("days") in STEPS:
        store.advance(shapes.now() + int(posted["days"]) * DAY)
        return Page(location="/")
    rows = "".join(
        f"<tr><td>{html.escape(store.objects['customer'][each['customer']].get('name') or '')}</td>"
        f"<td>{each['status']}</td><td>until {day(store.period_end(each))}</td></tr>"
        for each in store.objects["subscription"].values()
    )
    buttons = "".join(
        f"<button name=days value={days}>{words}</button>" for days, words in STEPS.items()
    )
    return page(
        "Fake Stripe",
        f"<div class=card><h1>Here it is</h1><p class=big>{day(shapes.now())}</p>",
        "<p>Move this Stripe's clock, and everything happens that the time brings: trials end,"
        " invoices are made and charged, what failed is tried again.</p>",
        f"<form method=post class=row>{buttons}</form></div>",
        f"<div class=card><h2>Subscriptions</h2><table>{rows or 'None yet.'}</table></div>",
    )
