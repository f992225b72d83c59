"""Own domains: DNS proves them, nothing else does; a lost one isn't served; one address counts."""

from datetime import timedelta

import dns.exception
import dns.resolver
import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from django_tenants.utils import tenant_context
from wagtail.models import Site

from forms_app.tests.shop import Shop, field
from integrations.models import Mail
from tenants import addresses, lifecycle, tasks
from tenants.claims import DomainClaim
from tenants.dns import Dns, NoAnswer, resolver
from tenants.models import Domain, Retailer

from .people import browser, superuser

CLUB = "club.acorn.example"


class Zone:
    """DNS with these records. `down`: no name server answers."""

    def __init__(self, **records):
        self.records = records
        self.down = False
        self.asked = []

    def ask(self, kind: str, name: str) -> list[str]:
        self.asked.append(name)
        if self.down:
            raise NoAnswer(name)
        return self.records.get(f"{kind} {name}", [])

    def texts(self, name):
        return self.ask("TXT", name)

    def aliases(self, name):
        return self.ask("CNAME", name)

    def addresses(self, name):
        return set(self.ask("A", name))

    def put(self, kind: str, name: str, *values: str) -> None:
        self.records[f"{kind} {name}"] = list(values)


@pytest.fixture
def zone():
    return Zone()


def set_up(zone: Zone, claim: DomainClaim) -> None:
    """What we ask for."""
    for record in addresses.records(claim):
        zone.put(record.kind, record.name, record.value)


def proved(retailer: Retailer, zone: Zone, domain: str = CLUB) -> DomainClaim:
    claim = addresses.claim(retailer, domain, by="owner@test")
    set_up(zone, claim)
    assert addresses.check(claim, zone)
    claim.refresh_from_db()
    return claim


def hosts(retailer: Retailer) -> set[str]:
    return set(Domain.objects.filter(tenant=retailer).values_list("domain", flat=True))


@pytest.mark.parametrize(
    "text, host",
    [
        ("Club.Acorn.example", "club.acorn.example"),
        (" https://club.acorn.example/join/?x=1 ", "club.acorn.example"),
        ("club.acorn.example.", "club.acorn.example"),
        ("club.acorn.example:8443", "club.acorn.example"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_domain_is_taken_as_people_write_it(db, text, host):
    assert addresses.clean_domain(text) == host


@pytest.mark.parametrize(
    "text",
    [
        *("", "localhost", "acorn", "127.0.0.1", "http://10.0.0.1/", "[::1]", "a_b.example"),
        *("-a.example", "a..example", "*.acorn.example", "acorn.123", "shops.test"),
        *("acorn.shops.test", "x.console.shops.test", "console.shops.test", "a" * 300 + ".example"),
    ],
)
def test_what_is_no_domain_of_their_own_is_refused(db, text):
    with pytest.raises(ValidationError):
        addresses.clean_domain(text)


def test_dns_alone_makes_a_claim_an_address(retailers, zone):
    acorn, birch = retailers
    claim = addresses.claim(acorn, CLUB, by="owner@test")
    assert addresses.claim(acorn, f"https://{CLUB}/", by="owner@test") == claim
    assert browser(CLUB).get("/").status_code == 404
    assert not addresses.check(claim, zone)
    claim.refresh_from_db()
    assert claim.problem == "The TXT record isn't there yet."
    zone.put("TXT", f"_customerinfo.{CLUB}", "customerinfo=somebody-elses")
    assert not addresses.check(claim, zone)
    claim.refresh_from_db()
    assert "another value" in claim.problem
    zone.put("TXT", f"_customerinfo.{CLUB}", addresses.wanted_text(claim))
    assert not addresses.check(claim, zone)
    claim.refresh_from_db()
    assert claim.problem == "The CNAME record isn't there yet."
    zone.put("A", CLUB, "192.0.2.9")
    addresses.check(claim, zone)
    claim.refresh_from_db()
    assert "192.0.2.9, which isn't us" in claim.problem
    zone.put("CNAME", CLUB, "elsewhere.example")
    addresses.check(claim, zone)
    claim.refresh_from_db()
    assert "leads to elsewhere.example instead of acorn.shops.test" in claim.problem
    set_up(zone, claim)
    assert addresses.check(claim, zone)
    assert hosts(acorn) == {acorn.subdomain, CLUB} and hosts(birch) == {birch.subdomain}
    entries = acorn.audit_entries.filter(is_visible=True).values_list("action", flat=True)
    assert set(entries) >= {"domain added", "domain proved"}


def test_at_the_top_of_a_domain_the_same_addresses_will_do(retailers, zone):
    acorn, birch = retailers
    claim = addresses.claim(acorn, "acorn.example", by="owner@test")
    zone.put("TXT", "_customerinfo.acorn.example", addresses.wanted_text(claim))
    zone.put("A", "acorn.example", "192.0.2.1")
    zone.put("A", acorn.subdomain, "192.0.2.1", "192.0.2.2")
    assert addresses.check(claim, zone)


def test_a_claim_keeps_a_domain_from_nobody_and_who_proves_it_first_has_it(retailers, zone):
    acorn, birch = retailers
    squatter = addresses.claim(birch, CLUB, by="owner@birch.test")
    owner = proved(acorn, zone)
    both = [addresses.wanted_text(each) for each in (squatter, owner)]
    zone.put("TXT", f"_customerinfo.{CLUB}", *both)
    zone.put("CNAME", CLUB, "shops.test")
    assert not addresses.check(squatter, zone)
    squatter.refresh_from_db()
    assert "Another account" in squatter.problem
    assert CLUB in hosts(acorn) and CLUB not in hosts(birch)
    squatter.delete()
    with pytest.raises(ValidationError, match="Another account"):
        addresses.claim(birch, CLUB, by="owner@birch.test")


def test_ten_claims_are_the_most(retailers):
    acorn, birch = retailers
    for number in range(addresses.MOST):
        addresses.claim(acorn, f"c{number}.acorn.example", by="x")
    with pytest.raises(ValidationError, match="are the most"):
        addresses.claim(acorn, "one-more.acorn.example", by="x")
    assert addresses.claim(birch, "one-more.acorn.example", by="x")


def test_the_preferred_address_is_the_one_that_all_others_lead_to(
    retailers, zone, django_capture_on_commit_callbacks
):
    acorn, birch = retailers
    Shop(acorn).open(field("email"))
    proved(acorn, zone)
    # A second address shows nothing of its own: people are led to the one that counts.
    led = browser(CLUB).get("/join/?a=1", headers={"accept": "text/html"})
    assert (led.status_code, led["Location"]) == (302, "http://acorn.shops.test/join/?a=1")
    assert led["Cache-Control"] == "no-store"
    with django_capture_on_commit_callbacks(execute=True):
        addresses.make_primary(acorn, CLUB, by="owner@test")
    acorn.refresh_from_db()
    assert acorn.host == CLUB and acorn.url == f"http://{CLUB}"
    with tenant_context(acorn):
        assert Site.objects.get().hostname == CLUB
    led = browser(acorn.subdomain).get("/join/", headers={"sec-fetch-mode": "navigate"})
    assert led["Location"] == f"http://{CLUB}/join/"
    shown = browser(CLUB).get("/join/", headers={"accept": "text/html"})
    assert shown.status_code == 200
    assert browser(birch.host).get("/join/", headers={"accept": "text/html"}).status_code == 200
    addresses.make_primary(acorn, CLUB, by="owner@test")  # again: nothing to tell
    assert acorn.audit_entries.filter(action="primary domain").count() == 1


@pytest.mark.parametrize(
    "how",
    [
        {"headers": {"sec-fetch-mode": "cors", "accept": "text/html"}},
        {"headers": {"accept": "application/json"}},
        {"cookies": {"tablet": "x"}},
    ],
)
def test_a_tablet_stays_at_the_address_it_was_paired_with(retailers, zone, how):
    acorn, _ = retailers
    Shop(acorn).open(field("email"))
    proved(acorn, zone)
    addresses.make_primary(acorn, CLUB, by="owner@test")
    visitor = browser(acorn.subdomain)
    for name, value in how.get("cookies", {}).items():
        visitor.cookies[name] = value
    headers = how.get("headers", {"accept": "text/html"})
    assert visitor.get("/join/", headers=headers).status_code == 200
    assert visitor.get("/sw.js", headers={"accept": "text/html"}).status_code == 200


def test_who_stops_proving_it_is_warned_and_after_a_week_not_served(retailers, zone):
    acorn, birch = retailers
    claim = proved(acorn, zone)
    addresses.make_primary(acorn, CLUB, by="owner@test")
    zone.put("CNAME", CLUB, "elsewhere.example")
    assert addresses.check(claim, zone)
    assert addresses.check(claim, zone)
    with tenant_context(acorn):
        (warning,) = Mail.objects.filter(kind="domain_failing")
    assert warning.context["domain"] == CLUB and "elsewhere.example" in warning.context["problem"]
    DomainClaim.objects.update(proved_at=timezone.now() - timedelta(days=8))
    zone.down = True
    assert addresses.check(claim, zone)  # silence proves nothing
    zone.down = False
    claim.refresh_from_db()
    assert not addresses.check(claim, zone)
    acorn.refresh_from_db()
    assert hosts(acorn) == {acorn.subdomain} and acorn.host == acorn.subdomain
    assert browser(CLUB).get("/").status_code == 404
    assert acorn.audit_entries.filter(action="domain lost", is_visible=True).exists()
    with tenant_context(birch):
        assert not Mail.objects.filter(kind="domain_failing").exists()
    # It comes back by itself when DNS is right again.
    set_up(zone, claim)
    assert addresses.check(claim, zone) and CLUB in hosts(acorn)


def test_a_domain_can_be_removed_even_if_it_is_the_one_that_counts(retailers, zone):
    acorn, _ = retailers
    claim = proved(acorn, zone)
    addresses.make_primary(acorn, CLUB, by="owner@test")
    claim = DomainClaim.objects.select_related("retailer").get(pk=claim.pk)
    addresses.remove(claim, by="owner@test")
    acorn.refresh_from_db()
    assert acorn.host == acorn.subdomain and hosts(acorn) == {acorn.subdomain}
    assert not DomainClaim.objects.exists()


def test_a_new_name_leaves_the_old_one_leading_there(retailers):
    acorn, birch = retailers
    old = acorn.subdomain
    addresses.rename(acorn, "oak", why="a new name", by="operator@test")
    assert acorn.subdomain == "oak.shops.test" == acorn.host
    with tenant_context(acorn):
        assert Site.objects.get().hostname == "oak.shops.test"
    led = browser(old).get("/", headers={"accept": "text/html"})
    assert led["Location"] == "http://oak.shops.test/"
    with pytest.raises(ValidationError, match="another retailer has"):
        addresses.rename(birch, "acorn", why="x", by="x")  # the old one is nobody else's
    addresses.rename(acorn, "oak", why="again", by="x")
    addresses.rename(acorn, "acorn", why="back", by="x")
    assert acorn.host == old
    assert acorn.audit_entries.filter(action="renamed").count() == 2
    lifecycle.act(acorn, "close", why="x", by="x")
    with pytest.raises(lifecycle.NotNow):
        addresses.rename(acorn, "elm", why="x", by="x")


def test_beat_looks_at_those_that_wait_and_daily_at_the_others(retailers, zone, monkeypatch):
    acorn, birch = retailers
    monkeypatch.setattr(addresses, "resolver", lambda: zone)
    proved(acorn, zone)
    waiting = addresses.claim(birch, "club.birch.example", by="x")
    old = addresses.claim(birch, "old.birch.example", by="x")
    DomainClaim.objects.filter(pk=old.pk).update(asked_at=timezone.now() - timedelta(days=31))
    zone.asked.clear()
    assert tasks.look_at_domains() == 1
    assert zone.asked == ["_customerinfo.club.birch.example"]
    assert not DomainClaim.objects.filter(pk=old.pk).exists()
    DomainClaim.objects.update(checked_at=timezone.now() - timedelta(hours=21))
    assert tasks.look_at_domains() == 2
    assert addresses.look_at_all(zone, seconds=-1) == 0  # its time is over
    assert waiting.pk


# --- The page ---


def test_an_owner_adds_checks_prefers_and_removes_a_domain(retailers, zone, monkeypatch):
    acorn, birch = retailers
    monkeypatch.setattr(addresses, "resolver", lambda: zone)
    owner = Shop(acorn).staff()

    def press(**values) -> str:
        return owner.post("/admin/addresses/", values, follow=True).text

    assert "Waiting for DNS" in press(action="add", domain=f"https://{CLUB}/")
    claim = DomainClaim.objects.get()
    text = owner.get("/admin/addresses/").text
    assert f"_customerinfo.{CLUB}" in text and addresses.wanted_text(claim) in text
    assert "TXT record isn" in press(action="check", host=CLUB)
    zone.down = True
    DomainClaim.objects.update(problem="")
    assert "No name server answered" in press(action="check", host=CLUB)
    zone.down = False
    set_up(zone, claim)
    assert f"{CLUB} leads here" in press(action="check", host=CLUB)
    assert "isn’t there any more" in press(action="prefer", host="club.birch.example")
    assert "Write the domain" in press(action="add", domain="")
    assert "ours" in press(action="add", domain="x.shops.test")
    assert "isn’t there any more" in press(action="remove", host="nothing.example")
    assert owner.post("/admin/addresses/", {"action": "x", "host": CLUB}).status_code in (302, 403)
    answer = owner.post("/admin/addresses/", {"action": "prefer", "host": CLUB})
    assert answer.status_code == 302
    acorn.refresh_from_db()
    assert acorn.host == CLUB
    # A log-in belongs to its host; at the new one it is done again.
    owner = Shop(acorn).staff()
    assert f"{CLUB} is removed" in press(action="remove", host=CLUB)
    assert not DomainClaim.objects.exists()
    assert hosts(birch) == {birch.subdomain}


def test_only_owners_reach_the_page_and_the_operator_has_it_in_the_console(retailers, zone):
    acorn, birch = retailers
    assert browser(acorn.host).get("/admin/addresses/").status_code == 302
    operator = superuser("public", "console.shops.test")
    assert operator.get("/admin/addresses/").status_code in (302, 403)
    address = f"/admin/retailers/{acorn.pk}/addresses/"
    operator.post(address, {"action": "add", "domain": CLUB})
    assert DomainClaim.objects.get().retailer == acorn
    assert CLUB in operator.get(f"/admin/retailers/{acorn.pk}/").text
    renamed = operator.post(
        f"/admin/retailers/{acorn.pk}/rename/", {"slug": "oak", "why": "asked"}, follow=True
    )
    assert "lives at oak.shops.test now" in renamed.text
    taken = operator.post(
        f"/admin/retailers/{acorn.pk}/rename/", {"slug": "birch", "why": "asked"}, follow=True
    )
    assert "another retailer has" in taken.text


# --- What asks the name servers ---


class Record:
    def __init__(self, *strings, target=""):
        self.strings, self.target = strings, target

    def __str__(self):
        return "192.0.2.7"


def test_answers_of_name_servers_become_plain_lists(settings, monkeypatch):
    settings.DNS_SERVERS = ["192.0.2.53"]
    asking = resolver()
    assert isinstance(asking, Dns) and asking.resolver.nameservers == ["192.0.2.53"]
    answers = {
        "TXT": [Record(b"customer", b"info=x")],
        "CNAME": [Record(target="Acorn.Shops.test.")],
        "A": [Record()],
    }

    def resolve(name, kind, search):
        if kind not in answers:
            raise dns.resolver.NoAnswer
        return answers[kind]

    monkeypatch.setattr(asking.resolver, "resolve", resolve)
    assert asking.texts("x.example") == ["customerinfo=x"]
    assert asking.aliases("x.example") == ["acorn.shops.test"]
    assert asking.addresses("x.example") == {"192.0.2.7"}

    def silent(name, kind, search):
        raise dns.exception.Timeout

    monkeypatch.setattr(asking.resolver, "resolve", silent)
    with pytest.raises(NoAnswer, match="x.example"):
        asking.texts("x.example")


def test_without_a_setting_this_machines_name_servers_are_asked(settings, monkeypatch):
    settings.DNS_SERVERS = []
    asked = []
    monkeypatch.setattr(
        dns.resolver, "Resolver", lambda configure: asked.append(configure) or Record()
    )
    Dns()
    assert asked == [True]
