import json

import pytest
from cryptography.fernet import Fernet

from customerinfo.demo.keys import keys_in


def test_keys_are_the_same_at_every_start(tmp_path):
    assert keys_in(tmp_path, ["linden"]) == keys_in(tmp_path, ["linden"])


def test_two_demos_share_no_key(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    a, b = keys_in(tmp_path / "a", ["linden"]), keys_in(tmp_path / "b", ["linden"])
    assert not {a.secret_key, a.encryption_key, *a.crm.values()} & {
        b.secret_key,
        b.encryption_key,
        *b.crm.values(),
    }


def test_nobody_else_may_read_them(tmp_path):
    keys_in(tmp_path, ["linden"])
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600]


def test_a_new_account_gets_a_key_and_the_old_one_keeps_its_own(tmp_path):
    old = keys_in(tmp_path, ["linden"])
    new = keys_in(tmp_path, ["linden", "harbour"])
    assert new.crm["linden"] == old.crm["linden"]
    assert new.crm["harbour"] != old.crm["linden"]
    assert new.secret_key == old.secret_key


def test_the_encryption_key_encrypts(tmp_path):
    box = Fernet(keys_in(tmp_path, []).encryption_key)
    assert box.decrypt(box.encrypt(b"secret")) == b"secret"


def test_a_start_that_died_while_writing_leaves_the_keys_whole(tmp_path):
    kept = keys_in(tmp_path, ["linden"])
    (tmp_path / "keys.unfinished").write_text("{")
    assert keys_in(tmp_path, ["linden", "harbour"]).secret_key == kept.secret_key


def test_damaged_keys_are_not_replaced(tmp_path):
    """New ones would make the stored secrets unreadable for ever."""
    (tmp_path / "keys.json").write_text("{")
    with pytest.raises(json.JSONDecodeError):
        keys_in(tmp_path, ["linden"])
    assert (tmp_path / "keys.json").read_text() == "{"
