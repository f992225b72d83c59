"""Owners invite, change roles and remove; one owner always stays; nobody reaches another's team."""

import re

import pytest
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth import get_user_model
from django.core import mail as django_mail
from django_tenants.utils import tenant_context

from forms_app.tests.shop import Shop
from integrations import mail
from tenants import team

from .people import PASSWORD, browser, log_in

NEW = "robin@acorn.test"


@pytest.fixture
def shops(retailers) -> tuple[Shop, Shop]:
    """Their first owners out of the way: `staff` makes one who is known."""
    shops = tuple(Shop(retailer) for retailer in retailers)
    for shop in shops:
        shop.staff()
        with tenant_context(shop.retailer):
            get_user_model().objects.filter(email=shop.retailer.owner_email).delete()
            mail.model().objects.all().delete()
    return shops


def press(shop: Shop, user, action: str, **values) -> str:
    return shop.staff().post(f"/admin/team/{user.pk}/{action}/", values, follow=True).text


def user_of(shop: Shop, email: str = NEW):
    with tenant_context(shop.retailer):
        return get_user_model().objects.prefetch_related("groups").get(email=email)


def invite(shop: Shop, role: str = "Editors", email: str = NEW) -> str:
    return shop.staff().post("/admin/team/", {"email": email, "role": role}, follow=True).text


def test_who_is_invited_chooses_a_password_and_has_the_role(shops):
    acorn, birch = shops
    assert "gets a mail" in invite(acorn, email="Robin@Acorn.test")
    assert "Invited, hasn’t come yet" in acorn.staff().get("/admin/team/").text
    with tenant_context(acorn.retailer):
        assert "password_reset" not in str(mail.model().objects.get().context)
        mail.send_due()
    (letter,) = django_mail.outbox
    assert letter.to == [NEW] and "as: Editor" in letter.body
    link = re.search(r"http://acorn.shops.test(/admin/password_reset/confirm/\S+)", letter.body)[1]
    visitor = browser(acorn.host)
    form = visitor.get(link, follow=True)
    visitor.post(form.redirect_chain[-1][0], {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert log_in(acorn.host, NEW).get("/admin/signup-pages/", follow=True).status_code == 200
    assert browser(birch.host).get(link).status_code in (200, 302)
    with tenant_context(birch.retailer):
        assert not get_user_model().objects.filter(email=NEW).exists()
    # Invited once more, by mistake: nothing changes.
    assert "is in the team already" in invite(acorn, "Owners")
    assert team.role_of(user_of(acorn)) == "Editors"


def test_who_has_not_come_is_written_to_again(shops):
    acorn, _ = shops
    invite(acorn)
    assert "gets another mail" in press(acorn, user_of(acorn), "invite")
    invite(acorn, "Viewers")
    assert team.role_of(user_of(acorn)) == "Viewers"
    with tenant_context(acorn.retailer):
        assert mail.model().objects.filter(kind="team_invitation", to=NEW).count() == 3
        # Came in between: the link isn't in the mail, for it would change the password.
        user = get_user_model().objects.get(email=NEW)
        user.set_password(PASSWORD)
        user.save()
        mail.send_due()
    assert all("password already" in letter.body for letter in django_mail.outbox)


def test_roles_change_and_people_go(shops):
    acorn, birch = shops
    invite(acorn)
    robin = user_of(acorn)
    assert "is viewer now" in press(acorn, robin, "role", role="Viewers")
    assert team.role_of(user_of(acorn)) == "Viewers"
    assert "Choose a role" in press(acorn, robin, "role", role="Emperors")
    assert "can’t come in any more" in press(acorn, robin, "remove")
    assert "isn’t in the team any more" in press(acorn, robin, "remove")
    with tenant_context(acorn.retailer):
        assert not get_user_model().objects.filter(email=NEW).exists()
    actions = set(acorn.retailer.audit_entries.values_list("action", flat=True))
    assert {"invited", "role changed", "removed"} <= actions
    assert not birch.retailer.audit_entries.filter(action="invited").exists()


def test_one_owner_always_stays(shops):
    acorn, _ = shops
    only = user_of(acorn, "owners@acorn.shops.test")
    assert "Somebody has to be the owner" in press(acorn, only, "role", role="Editors")
    assert "Somebody has to be the owner" in press(acorn, only, "remove")
    invite(acorn, "Owners")
    assert "is editor now" in press(acorn, user_of(acorn), "role", role="Editors")
    press(acorn, user_of(acorn), "role", role="Owners")
    assert "is editor now" in press(acorn, only, "role", role="Editors")


def test_support_is_no_member_and_no_owner_that_counts(shops):
    acorn, _ = shops
    from tenants import support

    with tenant_context(acorn.retailer):
        helper = support.person()
        assert helper.email not in [member.user.email for member in team.members()]
        assert mail.mail_owners("account_active", {}) == 1
    assert "isn’t in the team any more" in press(acorn, helper, "remove")
    assert "is in the team already" in invite(acorn, "Owners", helper.email)
    only = user_of(acorn, "owners@acorn.shops.test")
    assert "Somebody has to be the owner" in press(acorn, only, "role", role="Editors")


def test_only_owners_reach_the_team(shops):
    acorn, birch = shops
    invite(acorn)
    robin = user_of(acorn)
    for role in ("Editors", "Viewers"):
        person = acorn.staff(role)
        assert person.get("/admin/team/").status_code in (302, 403)
        assert person.post("/admin/team/", {"email": "x@y.test", "role": "Owners"}).status_code in (
            *(302, 403),
        )
        person.post(f"/admin/team/{robin.pk}/role/", {"role": "Owners"})
    assert team.role_of(user_of(acorn)) == "Editors"
    # The same number is another person next door, or nobody.
    press(birch, robin, "remove")
    assert user_of(acorn)
    assert not get_user_model().objects.filter(email="x@y.test").exists()


def test_who_lost_the_telephone_is_helped_by_an_owner(shops):
    acorn, birch = shops
    invite(acorn)
    robin = user_of(acorn)
    with tenant_context(acorn.retailer):
        TOTP.activate(robin, generate_totp_secret())
    text = acorn.staff().get("/admin/team/").text
    assert "Forget the second factor" in text
    assert "with the password alone" in press(acorn, robin, "factors")
    with tenant_context(acorn.retailer):
        assert [member.factors for member in team.members()] == [0, 0]
    assert acorn.retailer.audit_entries.filter(action="second factor forgotten").exists()


def test_a_hundred_are_the_most_and_nonsense_is_refused(shops, monkeypatch):
    acorn, _ = shops
    monkeypatch.setattr(team, "MOST", 1)
    assert "1 people are the most" in invite(acorn)
    assert "valid email" in invite(acorn, email="nobody")
    assert press(acorn, user_of(acorn, "owners@acorn.shops.test"), "nonsense")
