"""The schema that Django thinks it is in is the one that PostgreSQL is in.

TENANT_LIMIT_SET_CALLS says `SET search_path` once per switch. PostgreSQL takes a SET back when the
transaction or savepoint around it rolls back, so whoever remembers it must forget it then.
"""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.conf import settings
from django.db import DatabaseError, IntegrityError, connection, transaction
from django_tenants.utils import tenant_context

from forms_app.models import Brand
from tenants.models import Retailer

from .worlds import sql


class Regret(Exception):
    pass


def assert_in(retailer: Retailer) -> None:
    """Asked with a query, not with an attribute of Python."""
    assert Brand.objects.get().name == retailer.name
    assert sql("SELECT current_schema()") == [(retailer.schema_name,)]


@pytest.fixture
def no_transaction(django_db_setup, django_db_blocker):
    """(Acorn, Birch), with nothing around the test: it reads, or rolls back itself."""
    with django_db_blocker.unblock():
        yield tuple(Retailer.objects.get(slug=slug) for slug in ("acorn", "birch"))
        connection.close()


@pytest.fixture(params=["no_transaction", "retailers"])
def acorn_and_birch(request):
    """Once with real transactions, once inside another one, where `atomic` makes savepoints."""
    return request.getfixturevalue(request.param)


def test_the_number_of_set_calls_is_limited(acorn_and_birch, django_assert_num_queries):
    assert settings.TENANT_LIMIT_SET_CALLS
    for retailer in acorn_and_birch:
        with tenant_context(retailer), django_assert_num_queries(3):  # one SET, two SELECTs
            assert Brand.objects.get().name == retailer.name
            assert Brand.objects.get().name == retailer.name


def test_after_a_rollback_inside_a_retailers_context_it_is_still_that_retailers(acorn_and_birch):
    for retailer in acorn_and_birch:
        with tenant_context(retailer):
            with pytest.raises(Regret), transaction.atomic():
                assert_in(retailer)
                raise Regret
            assert_in(retailer)


def test_after_a_rollback_around_a_switch_the_next_retailer_gets_its_own(acorn_and_birch):
    acorn, birch = acorn_and_birch
    with tenant_context(acorn):
        assert_in(acorn)
        with pytest.raises(Regret), transaction.atomic():
            with tenant_context(birch):
                assert_in(birch)
                raise Regret
        assert_in(acorn)
    with tenant_context(birch):
        assert_in(birch)


def test_after_a_rollback_of_a_switch_that_is_kept_the_path_is_set_anew(acorn_and_birch):
    acorn, birch = acorn_and_birch
    connection.set_tenant(acorn)
    assert_in(acorn)
    with pytest.raises(Regret), transaction.atomic():
        connection.set_tenant(birch)  # and nobody switches back before the rollback
        assert_in(birch)
        raise Regret
    assert_in(birch)
    connection.set_schema_to_public()
    assert sql("SELECT current_schema()") == [("public",)]


def test_a_failed_statement_inside_a_savepoint_leaves_nobody_elses_schema(acorn_and_birch):
    for retailer in acorn_and_birch:
        connection.set_schema_to_public()
        with transaction.atomic():
            with pytest.raises(DatabaseError), transaction.atomic():
                with tenant_context(retailer):
                    assert_in(retailer)
                    sql("SELECT 1 / 0")
            assert sql("SELECT current_schema()") == [("public",)]
            with tenant_context(retailer):
                assert_in(retailer)


def test_leaving_a_context_in_a_broken_transaction_leaves_nobody_elses_schema(acorn_and_birch):
    acorn, birch = acorn_and_birch
    with pytest.raises(Regret), transaction.atomic():
        with tenant_context(acorn):
            with pytest.raises(DatabaseError):
                sql("SELECT 1 / 0")
        # The transaction is broken: PostgreSQL takes no SET any more until it is rolled back.
        with tenant_context(birch), pytest.raises(DatabaseError):
            sql("SELECT 1")
        raise Regret
    for retailer in (birch, acorn):
        with tenant_context(retailer):
            assert_in(retailer)


def test_a_commit_that_fails_leaves_nobody_elses_schema(no_transaction):
    """Foreign keys are checked at the end: COMMIT itself can roll back."""
    acorn, birch = no_transaction
    with tenant_context(acorn):
        assert_in(acorn)
        with pytest.raises(IntegrityError), transaction.atomic():
            with tenant_context(birch):
                sql(
                    "INSERT INTO forms_app_consent"
                    " (signup_id, key, purpose, wording, language, given, recorded_at)"
                    " VALUES (gen_random_uuid(), '', '', '', '', true, now())"
                )
        assert_in(acorn)


def test_a_connection_made_anew_is_in_the_retailers_schema(no_transaction):
    for retailer in no_transaction:
        with tenant_context(retailer):
            assert_in(retailer)
            connection.close()
            assert_in(retailer)


def test_threads_never_see_each_others_schema(no_transaction):
    retailers = no_transaction
    threads, rounds = 4, 40
    together = threading.Barrier(threads, timeout=60)

    def work(number: int) -> list[str]:
        wrong = []
        try:
            together.wait()
            for step in range(rounds):
                retailer = retailers[(number + step) % 2]
                with tenant_context(retailer):
                    try:
                        with transaction.atomic():
                            seen = Brand.objects.get().name
                            if step % 3 == 0:
                                raise Regret
                    except Regret:
                        pass
                    seen_again = Brand.objects.get().name
                    if {seen, seen_again, connection.tenant.name} != {retailer.name}:
                        wrong.append(f"{retailer}: {seen}, {seen_again}")
        finally:
            connection.close()
        return wrong

    with ThreadPoolExecutor(threads) as pool:
        assert sum(pool.map(work, range(threads)), []) == []
    assert connection.schema_name == "public"
