"""The page editor's help: starters, checklist, translations, copies, history and schedule."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from django_tenants.utils import tenant_context

from forms_app import schedule, tasks, translating
from forms_app.conditions import visible
from forms_app.editor_panels import condition_rules
from forms_app.models import Brand, HomePage, SignupPage, Store, Tablet
from forms_app.page_templates import TEMPLATES, free_slug
from forms_app.versions import describe
from integrations.models import Connection

from .editor import editor_form
from .shop import choice, field, key, soup

EMAIL, NEWS = field("email"), field("consent", label="News?", purpose="marketing")


def make(shop, name: str) -> SignupPage:
    answer = shop.staff("Editors").post(reverse("new_signup_page"), {"template": name})
    assert answer.status_code == 302
    with shop.inside():
        return SignupPage.objects.order_by("-pk").first()


def draft(shop, *fields: dict, role: str = "Owners", **attributes):
    page = shop.page()
    form = editor_form(page, *fields, **attributes)
    return shop.staff(role).post(reverse("signup_page_draft", args=[page.pk]), form)


# --- How a page begins ---


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_starter_can_be_published_as_it_is(shops, name):
    acorn, birch = shops
    theirs = birch.stored()
    page = make(acorn, name)
    assert not page.live and acorn.get(f"/{page.slug}/").status_code == 404
    with acorn.inside():
        page.fields.stream_block.clean(page.fields)  # what publishing in the editor checks
        page.save_revision().publish()
        schema = describe(page, Brand.load())
    assert acorn.get(f"/{page.slug}/").status_code == 200
    keys = [asked["key"] for asked in schema["fields"]]
    assert len(keys) == len(set(keys))
    assert not [
        one for one in schema["fields"] if one.get("purpose") == "marketing" and one["required"]
    ]
    assert birch.stored() == theirs and birch.get(f"/{page.slug}/").status_code == 404


def test_a_starters_condition_names_its_own_field(shops):
    acorn, _ = shops
    page = make(acorn, "loyalty-club")
    with acorn.inside():
        schema = describe(page, Brand.load())
    card = next(one["key"] for one in schema["fields"] if one["kind"] == "yes_no")
    number = next(one["key"] for one in schema["fields"] if one["kind"] == "loyalty_number")
    assert number not in visible(schema["fields"], {card: False})
    assert number in visible(schema["fields"], {card: True})


def test_a_second_page_from_the_same_starter_has_keys_and_an_address_of_its_own(shops):
    acorn, _ = shops
    first, second = make(acorn, "newsletter"), make(acorn, "newsletter")
    assert (first.slug, second.slug) == ("newsletter", "newsletter-2")
    assert not {block.id for block in first.fields} & {block.id for block in second.fields}
    with acorn.inside():
        assert free_slug(HomePage.objects.get(), "Newsletter") == "newsletter-3"


def test_the_choice_of_starters_is_shown_and_only_to_those_who_may(shops):
    acorn, birch = shops
    with acorn.inside():
        add = reverse(
            "wagtailadmin_pages:add", args=["forms_app", "signuppage", HomePage.objects.get().pk]
        )
    shown = soup(acorn.staff("Editors").get(add))
    names = [button.select_one(".template__name").text for button in shown.select(".template")]
    assert names == ["Newsletter", "Loyalty club", "Wi-Fi and prize draw", "Blank page"]
    before = acorn.stored()
    viewer = acorn.staff("Viewers").post(reverse("new_signup_page"), {"template": "blank"})
    nonsense = acorn.staff("Owners").post(reverse("new_signup_page"), {"template": "nonsense"})
    assert viewer.status_code in (302, 403) and nonsense.status_code in (302, 403)
    assert acorn.stored() == before


def test_a_copied_page_keeps_the_keys_so_that_its_fields_are_mapped_already(shops, robin):
    """A field that means the same stands in the same column and goes to the same attribute."""
    acorn, birch = shops
    page = acorn.publish(EMAIL, choice("size", "S", "L"))
    with acorn.inside():
        home = HomePage.objects.get()
    answer = acorn.staff("Editors").post(
        reverse("wagtailadmin_pages:copy", args=[page.pk]),
        {
            **{"new_title": "Copy", "new_slug": "copy", "new_parent_page": str(home.pk)},
            **{"copy_subpages": "", "publish_copies": "on", "alias": ""},
        },
    )
    assert answer.status_code == 302
    with acorn.inside():
        copy = SignupPage.objects.get(slug="copy")
    assert [block.id for block in copy.fields] == [block.id for block in page.fields]
    assert acorn.get("/copy/").status_code == 200
    signup = acorn.sign_up({"email": "robin@example.com", "size": key("S")}, path="/copy/")
    assert signup.page_id == copy.pk and signup.form_version.page_id == copy.pk
    assert birch.get("/copy/").status_code == 404


# --- What the editor says while one types ---


def lines(answer) -> list[tuple[str, str]]:
    found = soup_of(answer.json()["checklist"]).select("li")
    return [(one["class"][1].rsplit("--")[1], one.get_text(" ", strip=True)) for one in found]


def soup_of(html: str):
    from bs4 import BeautifulSoup

    return BeautifulSoup(html, "html.parser")


def test_a_page_that_lacks_nothing_may_be_published(shops):
    assert lines(draft(shops[0], EMAIL, NEWS)) == [
        ("good", "Good Nothing is missing. You can publish.")
    ]


def test_who_cannot_be_reached_and_who_may_not_be_written_to(shops):
    said = lines(draft(shops[0], field("first_name")))
    assert [level for level, _ in said] == ["look", "look"]
    assert "nobody can be reached" in said[0][1] and "agree to news" in said[1][1]


def test_a_colour_that_cannot_be_read_stops_publishing_and_offers_another(shops):
    acorn, _ = shops
    told = lines(draft(acorn, EMAIL, NEWS, own_text="#eeeeee", own_surface="#ffffff"))
    assert told[0][0] == "stops" and "#" in told[0][1]
    page = acorn.page()
    form = editor_form(page, EMAIL, NEWS, own_text="#eeeeee", own_surface="#ffffff")
    edit = reverse("wagtailadmin_pages:edit", args=[page.pk])
    refused = acorn.staff().post(edit, {**form, "action-publish": "1"})
    assert refused.status_code == 200 and "nearest" in refused.text.lower()
    assert acorn.staff().post(edit, form).status_code in (
        200,
        302,
    )  # a draft may look like anything
    with acorn.inside():
        assert SignupPage.objects.get(pk=page.pk).own_text == ""


def test_missing_translations_are_counted_and_complete_ones_are_not(shops):
    acorn, _ = shops
    said = lines(draft(acorn, EMAIL, NEWS, other_languages="nl", language="en"))
    assert any("Nederlands" in text and "aren't translated" in text for _, text in said)
    with acorn.inside():
        page = acorn.page()
        page.other_languages, page.fields = ["nl"], SignupPage.fields.field.stream_block.to_python(
            [EMAIL]
        )
        schema = describe(page, Brand.load())
    every = {text.key: "Vertaald" for text in translating.all_texts(schema)}
    assert translating.missing({"nl": every}, schema, ["nl"]) == {}
    one = dict(list(every.items())[1:])
    assert [len(texts) for texts in translating.missing({"nl": one}, schema, ["nl"]).values()] == [
        1
    ]


def test_only_translations_of_what_is_there_are_kept(shops):
    acorn, _ = shops
    with acorn.inside():
        page = acorn.page()
        page.fields = SignupPage.fields.field.stream_block.to_python([EMAIL])
        schema = describe(page, Brand.load())
    label = f"{key('email')}.label"
    typed = {
        "nl": {label: " E-mail ", "gone.label": "x", "texts.headline": "  "},
        "xx": {label: "x"},
    }
    assert translating.tidy(typed, schema, ["nl", "de"]) == {"nl": {label: "E-mail"}}
    for nonsense in (None, [], "x", {"nl": []}):
        assert translating.tidy(nonsense, schema, ["nl"]) == {}


ATTRIBUTES = [
    {"name": "email", "label": "E-mail", "type": "email", "required": True},
    {"name": "city", "label": "Home town", "type": "text", "required": True},
]


def test_what_the_crm_requires_and_nobody_asks_for_is_named_with_a_link(shops):
    acorn, birch = shops
    with acorn.inside():
        connection = Connection.objects.create(
            name="Our CRM", kind="sandbox", mapping=[], attributes=ATTRIBUTES
        )
    answer = draft(acorn, EMAIL, NEWS)
    assert any("Home town" in text and "nothing fills it" in text for _, text in lines(answer))
    assert f'href="{reverse("crm:mapping", args=[connection.pk])}"' in answer.json()["checklist"]
    # An editor may not change the mapping, so gets no link to it.
    assert "mapping" not in draft(acorn, EMAIL, NEWS, role="Editors").json()["checklist"]
    assert lines(draft(birch, EMAIL, NEWS))[0][0] == "good"


def test_the_tablets_that_will_change_are_named(shops):
    acorn, _ = shops
    with acorn.inside():
        store = Store.objects.create(name="Centre")
        Tablet.objects.create(name="Till 1", store=store, page=acorn.page(), token_hash="x")
    said = lines(draft(acorn, EMAIL, NEWS))
    assert ("good", "Good to know 1 tablet shows this page and will change by themselves: "
            "Till 1 (Centre).") in said  # fmt: skip


def test_what_cannot_be_read_as_a_page_yet_is_no_error(shops):
    acorn, birch = shops
    page = acorn.page()
    address = reverse("signup_page_draft", args=[page.pk])
    assert acorn.staff().post(address, {}).status_code == 204
    too_long = editor_form(page, EMAIL, title="x" * 1000)
    assert acorn.staff().post(address, too_long).status_code == 204
    assert acorn.staff().get(address).status_code == 405
    assert acorn.staff("Viewers").post(address, too_long).status_code in (302, 403)
    assert acorn.client.post(address, too_long).status_code == 302


def test_the_texts_to_translate_come_in_the_order_of_the_page(shops):
    told = draft(
        shops[0], EMAIL, choice("size", "S", "L", label="Size"), other_languages="nl"
    ).json()
    assert [group["title"] for group in told["groups"]][1:3] == ["email", "Size"]
    assert [text["text"] for text in told["groups"][2]["texts"]] == ["Size", "S", "L"]
    assert told["languages"] == [{"code": "nl", "name": "Nederlands"}]


def test_the_editor_knows_what_can_be_asked_of_each_kind(shops):
    acorn, birch = shops
    with birch.inside():
        Store.objects.create(name="Theirs")
    with acorn.inside():
        Store.objects.create(name="Ours")
        Store.objects.create(name="Closed", is_archived=True)
        kinds = condition_rules()["kinds"]
    assert [name for _, name in kinds["store"]["options"]] == ["Ours"]
    assert kinds["yes_no"]["options"] == [["yes", "Yes"], ["no", "No"]]
    assert kinds["consent"]["tests"] == ["ticked", "not_ticked"]
    assert "options" not in kinds["choice"] and "heading" not in kinds


def test_a_condition_that_waits_for_itself_is_refused_at_its_block(shops, nothing_written):
    acorn, _ = shops
    page = acorn.page()
    rule = {"match": "all", "rules": [{"field": key("b"), "test": "answered", "value": ""}]}
    back = {"match": "all", "rules": [{"field": key("a"), "test": "answered", "value": ""}]}
    loop = (field("short_text", "a", condition=rule), field("short_text", "b", condition=back))
    gone = (field("short_text", "a", condition=rule), EMAIL)
    edit = reverse("wagtailadmin_pages:edit", args=[page.pk])
    with nothing_written():
        for fields, words in ((loop, "wait for each other"), (gone, "no longer")):
            form = {**editor_form(page, *fields), "action-publish": "1"}
            answer = acorn.staff().post(edit, form)
            assert answer.status_code == 200, words
            assert "condition" in answer.text


# --- Time ---


def test_a_scheduled_page_goes_live_for_its_own_shop_only(shops):
    acorn, birch = shops
    pages = [shop.publish(EMAIL, slug="later", title="Later") for shop in shops]
    for shop in shops:
        shop.unpublish("later")
    past = timezone.now() - timedelta(minutes=1)
    with acorn.inside():
        page = SignupPage.objects.get(pk=pages[0].pk)
        page.go_live_at = past
        page.headline = "Now"
        page.save_revision(approved_go_live_at=past)
    schemas = [shop.schema for shop in shops]
    assert schedule.due_schemas(schemas) == [acorn.schema]
    with acorn.inside():
        schedule.publish_due()
    assert acorn.get("/later/").status_code == 200 and "Now" in acorn.get("/later/").text
    assert birch.get("/later/").status_code == 404
    assert schedule.due_schemas(schemas) == []


def test_a_page_expires_at_its_time_and_keeps_its_sign_ups(shops):
    acorn, birch = shops
    acorn.publish(EMAIL)
    signup = acorn.sign_up({"email": "robin@example.com"})
    with acorn.inside():
        SignupPage.objects.filter(slug="join").update(expire_at=timezone.now() - timedelta(hours=1))
    with acorn.inside():
        schedule.publish_due()
    assert acorn.get().status_code == 404 and birch.get().status_code == 200
    assert acorn.signup(signup.pk).email == "robin@example.com"


def test_one_task_for_each_shop_whose_time_has_come(shops, monkeypatch):
    acorn, birch = shops
    with birch.inside():
        SignupPage.objects.update(expire_at=timezone.now() - timedelta(hours=1))
    rung = []
    monkeypatch.setattr(tasks.publish_scheduled, "delay", lambda **to: rung.append(to["schema"]))
    assert tasks.find_scheduled() == 1 and rung == [birch.schema]


def test_history_brings_an_older_page_back_and_old_sign_ups_keep_their_words(shops):
    acorn, _ = shops
    first = acorn.publish(field("email", label="Mail"), headline="First")
    signup = acorn.sign_up({"email": "robin@example.com"})
    with acorn.inside():
        revision = first.latest_revision
    acorn.publish(field("email", label="Address"), headline="Second")
    with acorn.inside():
        revision.publish()
    assert "First" in acorn.get().text
    with tenant_context(acorn.retailer):
        assert dict(acorn.signup(signup.pk).answered())["Mail"] == "robin@example.com"
