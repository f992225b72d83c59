"""The small version of bench/five_years: two retailers and one that leaves, half a year in a few
days, over the others the clock jumps.
"""

import pytest

from bench.five_years import claims, life, plan, shops, tables
from billing.tests.fake_stripe.process import FakeStripe
from customerinfo.demo.crm.tests.process import running
from customerinfo.tests import databases

# The trial ends on day 30, a bill isn't paid on day 58, a CRM is out on day 89, and the one that
# leaves is deleted after four months of waiting.
DAYS = (0, 13, 34, 62, 70, 89, 90, 126, 157)
PLAN = plan.Plan(DAYS, retailers=2, a_day=4, declines_on=34, kept_days=60, backup_every=3)


@pytest.fixture
def empty_world(django_db_setup, django_db_blocker):
    """A database without retailers, in which commits are real."""
    with django_db_blocker.unblock(), databases.fresh_copy(databases.migrated()) as name:
        with databases.pointed_at(name):
            yield


@pytest.mark.live
def test_half_a_year_loses_nothing_mixes_nothing_and_leaves_no_table_without_a_bound(
    empty_world, tmp_path
):
    slugs = ("shop-1", "shop-2", life.LEAVER)
    accounts = [f"--account={slug}={shops.key_of(slug)}" for slug in slugs]
    with (
        running(tmp_path / "crm", *accounts, "--rate", "off", "--latency", "0") as crm,
        FakeStripe() as fake,
        life.lived(PLAN, crm, fake, tmp_path, print) as done,
    ):
        assert claims.broken(done) == []
        first, second = done.staying
        assert first.signed_up == second.signed_up == PLAN.a_day * len(DAYS)
        assert 0 < done.leaver.signed_up < second.signed_up
        assert done.paid and done.backups == 4
        grown = {table.name: table.rows for table in tables.measured([first.schema])}
        assert grown["forms_app_signup"] < first.signed_up and grown["integrations_attempt"]


def test_a_table_without_a_word_on_its_bound_and_one_beyond_it_are_told():
    sizes = {"rows": 7, "all_rows": 7, "kilobytes": 8.0}
    unknown = tables.Table("forms_app_novelty", "retailer", **sizes)
    beyond = tables.Table("tenants_retailer", "public", **sizes)
    within = tables.Table("tenants_supportvisit", "public", **sizes)
    told = tables.beyond([unknown, beyond, within], PLAN)
    assert [line.split()[0] for line in told] == ["forms_app_novelty", "tenants_retailer"]
