"""One retailer is brought back from a backup, whole, and the others don't notice."""

import gzip
import hashlib
import io
import tarfile
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pyrage
import pytest
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.core.files.storage import storages
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tenants.utils import tenant_context

from customerinfo.env import Env
from forms_app import erasing, pace
from forms_app.models import Brand
from forms_app.tests.shop import Shop, field
from integrations.models import Connection, Delivery, Mail
from tenants import (
    addresses,
    backup,
    farewell,
    files,
    lifecycle,
    migrating,
    platform_backup,
    restore,
)
from tenants.models import (
    AuditEntry,
    Domain,
    DomainClaim,
    PlatformBackup,
    PublicMail,
    Retailer,
    TaskOutcome,
)
from tenants.provisioning import onboard
from tenants.storage import RetailerStorage

from .worlds import sql

KEY = pyrage.x25519.Identity.generate()
ROBIN = {"email": "robin@example.com"}


@pytest.fixture
def vault(settings, tmp_path):
    settings.BACKUP_RECIPIENT = str(KEY.to_public())
    settings.BACKUP_IDENTITY = str(KEY)
    settings.STORAGES = {
        **settings.STORAGES,
        "backups": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "backups")},
        },
    }
    return tmp_path / "backups"


@pytest.fixture
def shops(committed_world, vault):
    """Both shops with a sign-up and a file."""
    found = tuple(Shop(Retailer.objects.get(slug=slug)) for slug in ("acorn", "birch"))
    for shop in found:
        shop.open(field("email"))
        shop.sign_up(ROBIN)
        files.put(shop.schema, "images/logo.png", ContentFile(shop.schema.encode()))
    return found


def state(shop) -> dict:
    """Every row of the schema as text, and its files."""
    tables = backup.tables_of(shop.schema)
    rows = {}
    for table in tables:
        (text,) = sql(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {shop.schema}.{table} t"
        )
        rows[table] = text
    stored = {name: files.opened(shop.schema, name).read() for name in files.names(shop.schema)}
    return {"rows": rows, "files": stored, "sequences": backup.sequences_of(shop.schema)}


def delete(shop) -> None:
    lifecycle.act(shop.retailer, "close", why="bye", by="owner")
    lifecycle.delete_soon(shop.retailer, why="now", by="owner")
    farewell.delete(shop.retailer)


def test_a_deleted_retailer_comes_back_whole(place, shops):
    acorn, birch = shops
    before, theirs = state(acorn), state(birch)
    for shop in shops:
        addresses.claim(shop.retailer, f"club.{shop.retailer.slug}.example", by="owner")
    name = backup.backup(acorn.retailer)
    delete(acorn)
    assert DomainClaim.objects.get().retailer == birch.retailer
    assert farewell.what_is_left("r_acorn") == []
    assert place.files("r_acorn") == {}
    back = restore.restore(name, by="test")
    assert state(acorn) == before
    assert state(birch) == theirs
    assert (back.pk, back.slug, back.state) == (acorn.retailer.pk, "acorn", "trial")
    assert acorn.get().status_code == 200
    assert DomainClaim.objects.get(retailer=back).domain == "club.acorn.example"
    acorn.sign_up({"email": "next@example.com"})  # sequences go on where they were
    assert list(back.audit_entries.values_list("action", flat=True))[0] == "restored"
    assert back.audit_entries.filter(action="deleted").exists()  # its history is its own again


def test_what_was_spoilt_is_replaced_and_whoever_was_erased_stays_erased(shops):
    acorn, birch = shops
    acorn.sign_up({"email": "gone@example.com"})
    name = backup.backup(acorn.retailer)
    theirs = state(birch)
    with tenant_context(acorn.retailer):
        erasing.erase(erasing.identify("gone@example.com"), by=None)
        Brand.objects.update(name="Spoilt")
    with pytest.raises(restore.InTheWay):
        restore.restore(name, by="test")
    restore.restore(name, replace=True, by="test")
    with tenant_context(acorn.retailer):
        assert Brand.load().name == "Acorn"
    assert [signup.email for signup in acorn.signups()] == ["robin@example.com"]
    assert "1 people erased again" in AuditEntry.objects.filter(action="restored").get().why
    assert state(birch) == theirs


def test_others_under_load_are_untouched_by_a_restore(shops, monkeypatch):
    acorn, birch = shops
    monkeypatch.setattr(pace, "MOST", 1_000_000)  # all of these shoppers share one address
    name = backup.backup(acorn.retailer)
    before = state(birch)
    over, accepted = threading.Event(), []

    def shoppers(number: int) -> None:
        count = 0
        try:
            while not over.is_set():
                email = f"shopper.{number}.{count}@example.com"
                assert birch.send({"email": email}).status_code == 201
                accepted.append(email)
                assert birch.get().status_code == 200
                count += 1
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        running = [pool.submit(shoppers, number) for number in range(3)]
        for _ in range(3):
            restore.restore(name, replace=True, by="test")
        over.set()
        for each in running:
            each.result()
    assert len(accepted) > 5
    assert {signup.email for signup in birch.signups()} == {*accepted, ROBIN["email"]}
    after = state(birch)
    written = {table for table in after["rows"] if after["rows"][table] != before["rows"][table]}
    assert written <= {"forms_app_signup", "forms_app_consent", "integrations_delivery"}, written
    assert after["files"] == before["files"]
    assert [signup.email for signup in acorn.signups()] == [ROBIN["email"]]


def test_a_copy_lives_beside_the_first_under_another_name(place, shops):
    acorn, birch = shops
    before = state(acorn)
    name = backup.backup(acorn.retailer)
    copy = Shop(restore.restore(name, slug="acorn-copy", by="test"))
    assert copy.schema == "r_acorn_copy" and copy.retailer.name == "Acorn (restored)"
    assert [signup.email for signup in copy.signups()] == ["robin@example.com"]
    assert Domain.objects.get(tenant=copy.retailer).domain == copy.host
    assert copy.get().status_code == 200
    copy.sign_up({"email": "copy@example.com"})
    acorn.sign_up({"email": "first@example.com"})
    assert {one.email for one in copy.signups()} == {"robin@example.com", "copy@example.com"}
    changed = state(acorn)
    assert changed["files"] == before["files"] == place.files("r_acorn_copy")
    with pytest.raises(ValidationError):
        restore.restore(name, slug="birch", by="test")


def test_a_copy_tells_nobody_and_knows_who_was_erased(shops):
    for shop in shops:
        shop.sign_up({"email": "gone@example.com"})
        with tenant_context(shop.retailer):
            Connection.objects.create(
                name="CRM", kind="sandbox", secrets={"api_key": f"key-{shop.schema}"}
            )
            Mail.objects.create(kind="connection_paused", to="ann@shop.test")
            Mail.objects.create(
                kind="connection_paused", to="ann@shop.test", sent_at=timezone.now()
            )
    acorn, birch = shops
    name = backup.backup(acorn.retailer)
    with tenant_context(acorn.retailer):
        erasing.erase(erasing.identify("gone@example.com"), by=None)
    before = state(acorn), state(birch)
    copy = restore.restore(name, slug="acorn-copy", by="test")
    assert [signup.email for signup in Shop(copy).signups()] == ["robin@example.com"]
    with tenant_context(copy):
        assert Connection.objects.get().state == Connection.State.OFF
        assert Connection.objects.get().secrets == {}
        assert not Mail.objects.filter(sent_at=None).exists() and Mail.objects.count() == 1
        assert not get_user_model().objects.filter(is_active=True).exists()
    # Nor later, when it is closed and deleted.
    lifecycle.act(copy, "close", why="seen", by="operator")
    Retailer.objects.filter(pk=copy.pk).update(delete_at=timezone.now() + timedelta(days=1))
    farewell.remind()
    with tenant_context(copy):
        assert not Mail.objects.filter(sent_at=None).exists()
    Retailer.objects.filter(pk=copy.pk).update(delete_at=timezone.now())
    farewell.delete(copy)
    assert not PublicMail.objects.exists()
    assert (state(acorn), state(birch)) == before


@pytest.mark.parametrize("slug", ["", "acorn-copy"])
def test_one_that_ran_out_is_not_deleted_again_at_once(shops, slug):
    acorn, birch = shops
    began = timezone.now().replace(microsecond=0) - timedelta(days=400)
    Retailer.objects.filter(pk=acorn.retailer.pk).update(created_at=began)
    lifecycle.act(acorn.retailer, "close", why="bye", by="owner")
    Retailer.objects.filter(pk=acorn.retailer.pk).update(delete_at=timezone.now())
    name = backup.backup(acorn.retailer)
    theirs = state(birch)
    farewell.delete(acorn.retailer)
    back = restore.restore(name, slug=slug, by="test")
    back.refresh_from_db()
    assert back not in farewell.due()
    if slug:
        assert (back.state, back.delete_at) == ("trial", None)
    else:
        assert back.state == "closed" and lifecycle.may(back, "reopen")
        assert back.created_at == began
    assert onboard("Cedar", "cedar", "owner@cedar.test").retailer.pk > back.pk
    assert state(birch) == theirs


def test_what_was_in_a_workers_hands_goes_out_again_or_is_erased(shops):
    acorn, birch = shops
    gone, stays = {}, {}
    for shop in shops:
        with tenant_context(shop.retailer):
            Connection.objects.create(name="CRM", kind="sandbox")
        gone[shop] = shop.sign_up({"email": "gone@example.com"})
        stays[shop] = shop.sign_up({"email": "stays@example.com"})
        with tenant_context(shop.retailer):
            Delivery.objects.update(state=Delivery.State.SENDING)
    name = backup.backup(acorn.retailer)
    theirs = state(birch)
    with tenant_context(acorn.retailer):
        Delivery.objects.update(state=Delivery.State.DELIVERED)
        erasing.erase(erasing.identify("gone@example.com"), by=None)
    restore.restore(name, replace=True, by="test")
    with tenant_context(acorn.retailer):
        (left,) = Delivery.objects.all()
        assert (left.signup_id, left.state) == (stays[acorn].pk, Delivery.State.DUE)
    assert gone[acorn].pk not in {signup.pk for signup in acorn.signups()}
    assert state(birch) == theirs


def test_one_that_has_moved_since_is_restored_where_it_lives_now(shops):
    acorn, birch = shops
    name = backup.backup(acorn.retailer)
    addresses.rename(acorn.retailer, "oak", why="moved", by="test")
    with pytest.raises(restore.InTheWay, match="retailer at oak"):
        restore.restore(name, by="test")
    back = restore.restore(name, replace=True, by="test")
    assert (back.slug, back.pk, back.schema_name) == ("oak", acorn.retailer.pk, "r_acorn")
    oak = Shop(Retailer.objects.get(pk=back.pk))
    assert [signup.email for signup in oak.signups()] == [ROBIN["email"]]
    assert oak.get().status_code == 200 and birch.get().status_code == 200


def test_a_restore_that_fails_at_a_file_has_lost_none(shops, monkeypatch):
    acorn, birch = shops
    name = backup.backup(acorn.retailer)
    files.put(acorn.schema, "images/later.png", ContentFile(b"later"))
    before = state(acorn), state(birch)

    def fails(*args, **kwargs):
        raise OSError("out of reach")

    with monkeypatch.context() as broken:
        broken.setattr(files, "put", fails)
        with pytest.raises(OSError):
            restore.restore(name, replace=True, by="test")
    assert (state(acorn), state(birch)) == before
    restore.restore(name, replace=True, by="test")
    assert "images/later.png" not in files.names(acorn.schema)
    assert state(birch) == before[1]


def test_a_file_that_is_there_already_is_left_alone(shops, monkeypatch):
    acorn, birch = shops
    name = backup.backup(acorn.retailer)
    before = state(acorn)["files"], state(birch)

    def fails(*args, **kwargs):
        raise OSError("out of reach")

    monkeypatch.setattr(RetailerStorage, "_save", fails)
    restore.restore(name, replace=True, by="test")
    assert (state(acorn)["files"], state(birch)) == before


def test_a_file_that_is_deleted_during_the_backup_is_left_out(shops, monkeypatch):
    acorn, birch = shops
    real = files.names
    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(files, "names", lambda schema: ["images/gone.png", *real(schema)])
        names = [backup.backup(shop.retailer) for shop in shops]
    before = state(birch)
    restore.restore(names[0], replace=True, by="test")
    assert "images/logo.png" in files.names(acorn.schema)
    assert state(birch) == before


def test_nobody_without_the_key_can_read_it(shops, vault, settings):
    acorn, birch = shops
    name = backup.backup(acorn.retailer)
    sealed = (vault / name).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1")
    assert b"robin" not in sealed and b"r_acorn" not in sealed
    settings.BACKUP_IDENTITY = str(pyrage.x25519.Identity.generate())
    with pytest.raises(pyrage.DecryptError):
        restore.restore(name, replace=True, by="test")
    assert [signup.email for signup in acorn.signups()] == ["robin@example.com"]


def test_it_holds_nothing_of_anybody_else(shops, vault):
    acorn, birch = shops
    birch.sign_up({"email": "canary@example.org"})
    plain = pyrage.decrypt((vault / backup.backup(acorn.retailer)).read_bytes(), [KEY])
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        names = tar.getnames()
    content = gzip.decompress(plain)
    assert b"robin" in content
    assert b"canary" not in content and b"birch" not in content
    assert {"manifest.json", "schema.sql", "media/images/logo.png", "checksums.json"} <= set(names)


def test_it_is_compressed_and_one_from_before_that_can_be_restored_too(shops, vault):
    acorn, birch = shops
    acorn.sign_up({"email": "another@example.com"})
    theirs = state(birch)
    name = backup.backup(acorn.retailer)
    content = gzip.decompress(pyrage.decrypt((vault / name).read_bytes(), [KEY]))
    assert (vault / name).stat().st_size < len(content) / 4

    sealed = pyrage.encrypt(content, [KEY.to_public()])
    old = name.replace(".tar.gz.age", ".tar.age")
    (vault / old).write_bytes(sealed)
    (vault / f"{old}.sha256").write_text(hashlib.sha256(sealed).hexdigest())
    delete(acorn)
    restore.restore(old, by="test")
    emails = {signup.email for signup in acorn.signups()}
    assert emails == {"robin@example.com", "another@example.com"}
    assert state(birch) == theirs


@pytest.mark.parametrize("harm", ["cut", "flipped", "no checksum"])
def test_a_damaged_backup_is_refused_and_changes_nothing(shops, vault, harm):
    acorn, _ = shops
    name = backup.backup(acorn.retailer)
    before = state(acorn)
    path = vault / name
    content = path.read_bytes()
    if harm == "cut":
        path.write_bytes(content[:-100])
    elif harm == "flipped":
        path.write_bytes(content[:-50] + bytes([content[-50] ^ 1]) + content[-49:])
    else:
        Path(f"{path}.sha256").unlink()
        assert backup.backups_of("r_acorn") == []
        return
    with pytest.raises(restore.Damaged):
        restore.restore(name, replace=True, by="test")
    assert state(acorn) == before


def test_another_installations_numbers_are_refused(shops, monkeypatch):
    acorn, _ = shops
    real = backup.manifest

    def elsewhere(*args):
        return {**real(*args), "content_types": {"1": "elsewhere.thing"}}

    monkeypatch.setattr(backup, "manifest", elsewhere)
    name = backup.backup(acorn.retailer)
    before = state(acorn)
    with pytest.raises(restore.InTheWay, match="elsewhere.thing"):
        restore.restore(name, replace=True, by="test")
    assert state(acorn) == before


def test_a_restore_that_fails_half_way_leaves_what_was_there(shops, monkeypatch):
    acorn, birch = shops
    name = backup.backup(acorn.retailer)
    acorn.sign_up({"email": "later@example.com"})
    before = state(acorn)

    def dies(*args, **kwargs):
        raise RuntimeError("killed")

    monkeypatch.setattr(restore.starter, "move_site", dies)
    with pytest.raises(RuntimeError):
        restore.restore(name, replace=True, by="test")
    assert state(acorn) == before


def test_without_a_key_nothing_is_written(shops, vault, settings):
    settings.BACKUP_RECIPIENT = ""
    with pytest.raises(CommandError, match="age public key"):
        call_command("backup_retailer")
    assert not vault.exists()


def test_old_backups_go_but_the_newest_of_who_lives_stays(shops, vault, settings):
    acorn, birch = shops
    for shop in shops:
        for days in (40, 35):
            name = f"{shop.schema}/{timezone.now() - timedelta(days=days):{backup.KEEP_NAME}}"
            path = vault / f"{name}.tar.gz.age"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"old")
            Path(f"{path}.sha256").write_text("x")
    name = backup.backup(acorn.retailer)
    delete(birch)
    backup.prune()
    assert backup.backups_of("r_acorn") == [name]
    assert backup.backups_of("r_birch") == []


def test_the_commands_write_list_and_restore(shops, capsys):
    acorn, birch = shops
    call_command("backup_retailer")
    out = capsys.readouterr().out
    assert "acorn: r_acorn/" in out and "birch: r_birch/" in out
    assert PlatformBackup.objects.get().problem == ""
    call_command("restore_platform")
    (platform,) = backup.backups_of(backup.PLATFORM)
    assert capsys.readouterr().out == f"{platform}\n"
    call_command("restore_retailer", "r_acorn")
    assert "r_acorn/" in capsys.readouterr().out
    delete(acorn)
    call_command("restore_retailer", "r_acorn", "latest")
    assert "Acorn is back" in capsys.readouterr().out
    call_command("restore_retailer", "r_nobody")
    assert "no backup" in capsys.readouterr().out
    for arguments, said in [
        (["r_nobody", "latest"], "no complete backup"),
        (["r_acorn", "latest"], "There is a retailer at acorn"),
        (["r_acorn", "latest", "--as", "admin"], "reserved"),
    ]:
        with pytest.raises(CommandError, match=said):
            call_command("restore_retailer", *arguments)
    for name, said in [("platform/none", "no complete backup"), ("latest", "must be empty")]:
        with pytest.raises(CommandError, match=said):
            call_command("restore_platform", name)
    assert Retailer.objects.filter(slug="birch").exists()
    with pytest.raises(CommandError, match="No such retailer"):
        call_command("backup_retailer", "nobody")
    assert len(backup.backups_of("r_birch")) == 1


def test_one_from_older_code_is_not_served_before_it_is_migrated(shops, monkeypatch, capsys):
    acorn, birch = shops
    backup.backup(acorn.retailer)
    real = migrating.migrations_of_this_code
    newer = {("forms_app", "9999_newer")}
    monkeypatch.setattr(restore, "migrations_of_this_code", lambda schema: real(schema) | newer)
    call_command("restore_retailer", "r_acorn", "latest", "--replace")
    assert "run migrate_fleet now" in capsys.readouterr().out
    assert Retailer.objects.get(slug="acorn").schema_problem == "Not migrated yet."
    monkeypatch.setattr(restore, "migrations_of_this_code", real)
    call_command("restore_retailer", "r_acorn", "latest", "--replace")
    assert "migrate_fleet" not in capsys.readouterr().out
    assert Retailer.objects.get(slug="acorn").schema_problem == ""
    assert birch.get().status_code == 200


def test_one_retailers_failure_doesnt_stop_the_others(shops, monkeypatch, capsys):
    acorn, birch = shops
    real = backup.backup

    def backup_one(retailer):
        if retailer.slug == "acorn":
            raise OSError("disk full")
        return real(retailer)

    monkeypatch.setattr(backup, "backup", backup_one)
    with pytest.raises(CommandError, match="1 retailers have no new backup"):
        call_command("backup_retailer")
    assert len(backup.backups_of("r_birch")) == 1
    assert len(backup.backups_of(backup.PLATFORM)) == 1


def test_where_the_platforms_fails_the_retailers_have_theirs(shops, monkeypatch):
    def fail():
        raise OSError("disk full")

    monkeypatch.setattr(platform_backup, "back_up", fail)
    with pytest.raises(CommandError, match="platform's own tables have no new backup"):
        call_command("backup_retailer")
    told = PlatformBackup.objects.get()
    assert "disk full" in told.problem and told.done_at is None
    assert all(backup.backups_of(shop.schema) for shop in shops)
    call_command("backup_retailer", "acorn")  # by name: the platform isn't meant
    assert "disk full" in PlatformBackup.objects.get().problem


def test_why_a_backup_failed_names_no_shopper(shops, monkeypatch, capsys):
    def fail(*args):
        raise OSError(28, "No space left on device", "media/Ada Lovelace.jpg")

    monkeypatch.setattr(backup, "backup", fail)
    monkeypatch.setattr(platform_backup, "back_up", fail)
    with pytest.raises(CommandError):
        call_command("backup_retailer")
    why = "OSError: [Errno 28] No space left on device: '…'"
    told = [*TaskOutcome.objects.values_list("problem", flat=True)]
    assert [*told, PlatformBackup.objects.get().problem] == [why] * 3
    out = "".join(capsys.readouterr())
    assert out.count(why) == 3 and "Lovelace" not in out


def test_it_works_with_everything_on_s3(bucket, shops, settings):
    vault = Env({"BACKUP_URL": f"s3://{bucket.name}/vault?endpoint={bucket.server}"})
    settings.STORAGES = {**settings.STORAGES, "backups": vault.storage("BACKUP_URL", "")}
    acorn, birch = shops
    before, theirs = state(acorn), state(birch)
    name = backup.backup(acorn.retailer)
    assert backup.backups_of("r_acorn") == [name]
    delete(acorn)
    assert bucket.files("r_acorn") == {}
    restore.restore(name, by="test")
    assert state(acorn) == before and state(birch) == theirs
    assert bucket.files("r_acorn") == before["files"]
    assert backup.prune() == 0


def test_a_backup_on_s3_is_read_by_the_disk_and_asked_for_in_plain_words(bucket, settings):
    """Else a large one costs as much memory, and servers other than AWS's refuse the upload."""
    vault = Env({"BACKUP_URL": f"s3://{bucket.name}/vault?endpoint={bucket.server}"})
    media = Env({"MEDIA_STORAGE": f"s3://{bucket.name}/media?endpoint={bucket.server}"})
    settings.STORAGES = {
        **settings.STORAGES,
        "backups": vault.storage("BACKUP_URL", ""),
        "default": media.media_storage("MEDIA_STORAGE"),
    }
    for kept in (storages["backups"], storages["default"]):
        for name in ("request_checksum_calculation", "response_checksum_validation"):
            assert getattr(kept.client_config, name) == "when_required"
        assert kept.client_config.s3["addressing_style"] == "path"
    name = storages["backups"].save("r_acorn/large", ContentFile(b"x" * 9_000_000))
    with storages["backups"].open(name) as found:
        assert found.file.read(1) == b"x"
        assert found.file._rolled, "nine megabytes in memory"
