"""The spreadsheet of sign-ups: every column that ever was, and nothing that runs."""

import csv
import gc
import io
import weakref

import pytest
from django.db.models.signals import post_init
from django_tenants.utils import tenant_context
from openpyxl import load_workbook

from forms_app import signup_views
from forms_app.export import harmless
from forms_app.models import Signup

from .shop import field, key

FORMULAS = [
    '=HYPERLINK("http://evil.example")', "=1+1", "+1+cmd|' /C calc'!A0", "-1+1", "@SUM(1)",
    "+31612345678+1", "=", "+", "-", "@",
]  # fmt: skip
HARMLESS = ["Robin", "", "1=1", "a+b", "+31612345678", " =", "'=1", "robin@example.com", "1-2"]


def rows(shop, kind: str = "csv", browser=None, **query) -> list[list]:
    answer = (browser or shop.staff("Viewers")).get("/admin/signups/", {"export": kind, **query})
    assert answer.status_code == 200
    assert f'filename="sign-ups.{kind}"' in answer["Content-Disposition"]
    content = b"".join(answer.streaming_content)
    if kind == "csv":
        return list(csv.reader(io.StringIO(content.decode(), newline="")))
    cells = load_workbook(io.BytesIO(content)).active.iter_rows()
    found = list(cells)
    assert not [cell for row in found for cell in row if cell.data_type == "f"]
    return [[cell.value if cell.value is not None else "" for cell in row] for row in found]


def table(shop, kind: str = "csv", **query) -> list[dict]:
    heading, *found = rows(shop, kind, **query)
    return [dict(zip(heading, row)) for row in found]


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_is_made_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_formula_stays_as_it_is(text):
    assert harmless(text) == text


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_every_sign_up_is_a_row_of_its_own_shops_sheet_only(shops, robin, kind):
    for shop in shops:
        shop.connect()
        shop.sign_up(
            {
                **robin,
                "first_name": shop.retailer.name,
                "mobile": "0612345678",
                "birthday": ("17", "5", "1990"),
                "colour": key("Blue"),
                "long_text": "one\ntwo",
            }
        )
    for shop, other in (shops, shops[::-1]):
        (row,) = table(shop, kind)
        assert row["First name"] == shop.retailer.name
        assert (row["E-mail"], row["Mobile"]) == ("robin@example.com", "+31612345678")
        assert (row["Birthday"], row["Favourite colour"]) == ("17 May 1990", "Blue")
        assert (row["Send me news."], row["I accept the terms."]) == ("No", "Yes")
        assert row["Anything else?"] == "one\ntwo" and row["Street"] == ""
        assert (row["Page"], row["Delivery"]) == ("Join the club", "due")
        assert row["Sign-up id"] == str(shop.signups()[0].pk)
        assert row["Received"] and row["Filled in"]
        assert other.retailer.name not in str(row)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_the_columns_of_removed_fields_stay(shops, robin, kind):
    acorn, birch = shops
    acorn.sign_up(robin)
    acorn.publish(field("last_name", label="Surname"))
    acorn.sign_up({"last_name": "de Vries"})
    new, old = table(acorn, kind)
    assert (old["First name"], old["Surname"]) == ("Robin", "")
    assert (new["First name"], new["Surname"]) == ("", "de Vries")
    assert "Surname" not in rows(birch, kind)[0]


def test_a_renamed_field_has_one_column_under_its_last_wording(shops, robin):
    acorn, _ = shops
    acorn.sign_up({**robin, "short_text": "Herengracht"})
    acorn.publish(field("short_text", label="Straat"))
    acorn.sign_up({"short_text": "Singel"})
    heading = rows(acorn)[0]
    assert heading.count("Straat") == 1 and "Street" not in heading
    assert [row["Straat"] for row in table(acorn)] == ["Singel", "Herengracht"]


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("formula", FORMULAS[:5])
def test_no_cell_and_no_heading_is_a_formula(shops, kind, formula):
    acorn, birch = shops
    acorn.publish(
        field("short_text", label=formula), field("long_text", label="Text"), title=formula
    )
    acorn.sign_up({"short_text": formula, "long_text": f"\t\r\n{formula}"})
    acorn.sign_up({"long_text": f"\x07{formula}"})
    for row in rows(acorn, kind):
        for cell in row:
            text = str(cell)
            assert not text.startswith(("=", "-", "@", "\t", "\r", "\n")), text
            assert not text.startswith("+") or text[1:].isdigit()
    assert f"'{formula}" in rows(acorn, kind)[0]
    assert len(rows(birch, kind)) == 1


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_no_answer_makes_the_sheet_fail(shops, robin, kind):
    """XML, which a workbook is made of, has no control characters."""
    acorn, _ = shops
    odd = "\x07\x08\x1b\x0b\x0c\x1f\x7f\ufffe\uffff\u2028\u202e👩‍👩‍👧"
    acorn.sign_up({**robin, "first_name": f"R{odd}", "short_text": odd, "long_text": odd})
    (row,) = table(acorn, kind)
    assert row["First name"].startswith("R")


def test_only_what_is_looked_for_is_exported(shops, robin):
    acorn, _ = shops
    acorn.sign_up(robin)
    acorn.sign_up({**robin, "first_name": "Kim", "email": "kim@example.com"})
    assert [row["First name"] for row in table(acorn, q="kim@")] == ["Kim"]


def test_more_than_a_page_of_the_list_is_exported(shops, robin):
    acorn, _ = shops
    for number in range(55):
        acorn.sign_up({**robin, "first_name": f"Nr {number}"})
    with tenant_context(acorn.retailer):
        assert len(table(acorn)) == len(table(acorn, "xlsx")) == 55


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_an_export_never_holds_more_than_a_part_of_the_sign_ups_in_memory(
    shops, robin, kind, monkeypatch
):
    monkeypatch.setattr(signup_views, "CHUNK", 2)
    acorn, _ = shops
    for number in range(9):
        acorn.sign_up({**robin, "email": f"shopper.{number}@example.com"})
    held, most = set(), 0

    def loaded(instance, **kwargs):
        nonlocal most
        gc.collect()  # a sign-up and its deliveries know each other
        held.add(id(instance))
        weakref.finalize(instance, held.discard, id(instance))
        most = max(most, len(held))

    post_init.connect(loaded, sender=Signup)
    try:
        found = rows(acorn, kind)
    finally:
        post_init.disconnect(loaded, sender=Signup)
    assert len(found) == 10 and 1 < most < 6  # one part while the next is made
