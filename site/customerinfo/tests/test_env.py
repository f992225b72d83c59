"""A wrong environment is refused at start, with every mistake named at once."""

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from customerinfo.env import Env

KEY = "c2l4dGVlbiBieXRlcyBhbmQgc2l4dGVlbiBtb3JlICE="  # the same in every process of a run


def mistakes(env: Env) -> str:
    with pytest.raises(ImproperlyConfigured) as caught:
        env.finish()
    return str(caught.value)


def test_every_mistake_is_named_at_once():
    env = Env({"DEMO": "perhaps", "PORT": "many", "KEYS": "x", "DB": "mysql://db/x", "URL": "shop"})
    env.text("SECRET_KEY")
    env.flag("DEMO")
    env.number("PORT", 8000)
    env.fernet_keys("KEYS")
    env.database("DB")
    env.base_url("URL")
    said = mistakes(env)
    assert said.startswith("The environment is not complete:\n")
    assert len(said.splitlines()) == 7
    for name in ("SECRET_KEY is not set", "DEMO is", "PORT is", "KEYS holds", "DB must", "URL is"):
        assert f"- {name}" in said


def test_an_environment_without_mistakes_passes():
    env = Env({"SECRET_KEY": "s", "DB": "postgres://u:p@h/d", "URL": "https://shops.example"})
    env.text("SECRET_KEY")
    env.database("DB")
    env.base_url("URL")
    env.finish()
    assert env.mistakes == []


def test_a_secret_is_not_repeated_in_the_message():
    env = Env({"KEYS": "nearly-a-key", "DB": "mysql://user:hunter2@db/x"})
    env.fernet_keys("KEYS")
    env.database("DB")
    said = mistakes(env)
    assert "nearly-a-key" not in said and "hunter2" not in said


def test_a_text_is_the_variable_or_its_default():
    env = Env({"NAME": "value", "EMPTY": ""})
    assert env.text("NAME") == env.text("NAME", "other") == "value"
    assert env.text("EMPTY", "default") == env.text("MISSING", "default") == "default"
    assert env.text("MISSING", "") == ""
    assert env.mistakes == []
    assert env.text("EMPTY") == ""
    assert env.mistakes == ["EMPTY is not set."]


@pytest.mark.parametrize("value", ["1", "true", "True", "YES", "on"])
def test_a_flag_is_on(value):
    assert Env({"FLAG": value}).flag("FLAG") is True


@pytest.mark.parametrize("value", ["", "0", "false", "No", "OFF"])
def test_a_flag_is_off(value):
    assert Env({"FLAG": value}).flag("FLAG", default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_a_flag_that_is_wrong_or_missing_is_the_default(default):
    env = Env({"FLAG": "2"})
    assert env.flag("MISSING", default) is default and env.mistakes == []
    assert env.flag("FLAG", default) is default
    assert env.mistakes == ["FLAG is '2'; use 1 or 0."]


def test_a_number_is_whole():
    env = Env({"N": "12", "EMPTY": "", "HALF": "1.5"})
    assert (env.number("N", 1), env.number("EMPTY", 1), env.number("MISSING", 1)) == (12, 1, 1)
    assert env.mistakes == []
    assert env.number("HALF", 1) == 1
    assert env.mistakes == ["HALF is '1.5'; use a whole number."]


@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
def test_a_database_on_another_host(scheme):
    env = Env({"DB": f"{scheme}://u%40x:p%3Aw%2F@db.example:6432/shops?sslmode=require"})
    assert env.database("DB") == {
        "NAME": "shops",
        "USER": "u@x",
        "PASSWORD": "p:w/",
        "HOST": "db.example",
        "PORT": "6432",
        "OPTIONS": {"sslmode": "require"},
    }
    assert env.mistakes == []


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("postgres://u@/d?host=/run/postgres&port=5433", "/run/postgres", "5433"),
        ("postgres://u@/d?host=%2Frun%2Fpostgres", "/run/postgres", ""),
        ("postgres:///d", "", ""),
        ("postgres://u@h/d", "h", ""),
        ("postgres://u@[::1]:5432/d", "::1", "5432"),
        ("postgres://u@h:5432/d?host=/run", "/run", "5432"),
    ],
)
def test_a_database_behind_a_socket_or_an_address(url, host, port):
    env = Env({"DB": url})
    found = env.database("DB")
    assert (found["HOST"], found["PORT"], found["NAME"]) == (host, port, "d")
    assert found["OPTIONS"] == {}
    assert env.mistakes == []


@pytest.mark.parametrize(
    "url",
    [
        *("mysql://u:p@h/d", "db.example", "postgres://h", "postgres://h/", "h:5432/d"),
        *("postgres://u:p@h:port/d", "postgres://u:p@h:99999/d", "postgres://u:p@[h/d"),
    ],
)
def test_a_database_address_that_is_none_is_named(url):
    env = Env({"DB": url})
    env.database("DB")
    assert "DB must look like postgres://" in mistakes(env)


def test_a_missing_database_is_one_mistake():
    env = Env({})
    env.database("DB")
    assert env.mistakes == ["DB is not set."]


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("https://shops.example", "https://shops.example"),
        ("https://shops.example/", "https://shops.example"),
        ("http://localhost:8000", "http://localhost:8000"),
    ],
)
def test_a_base_url_is_scheme_and_host(value, url):
    env = Env({"URL": value})
    assert env.base_url("URL") == url
    assert env.mistakes == []


@pytest.mark.parametrize(
    "value",
    [
        *("shops.example", "ftp://shops.example", "https://", "https://shops.example/path"),
        *("//shops.example", "https://shops.example:port", "https://[shops.example"),
        *("https://shops.example?x=1", "https://user:pw@shops.example"),
    ],
)
def test_a_base_url_with_anything_else_is_named(value):
    env = Env({"URL": value})
    env.base_url("URL")
    assert "must look like https://customerinfo.example" in mistakes(env)


def test_a_base_url_may_have_a_default():
    env = Env({})
    assert env.base_url("URL", "http://localhost:8000") == "http://localhost:8000"
    assert env.mistakes == []
    assert env.base_url("URL") == ""
    assert env.mistakes == ["URL is not set."]


def test_keys_are_listed_newest_first():
    other = Fernet.generate_key().decode()
    env = Env({"KEYS": f" {KEY} , {other},"})
    assert env.fernet_keys("KEYS") == [KEY, other]
    assert env.fernet_keys("MISSING", KEY) == [KEY]
    assert env.mistakes == []


@pytest.mark.parametrize("keys", ["short", f"{KEY},short", "ä" * 32, "*" * 44])
def test_a_key_that_is_none_is_named(keys):
    env = Env({"KEYS": keys})
    env.fernet_keys("KEYS")
    assert "KEYS holds something that is no Fernet key" in mistakes(env)


@pytest.mark.parametrize("keys", ["", ",", " , "])
def test_no_key_at_all_is_named(keys):
    env = Env({"KEYS": keys})
    env.fernet_keys("KEYS")
    assert "KEYS" in mistakes(env)


@pytest.mark.parametrize(
    "value",
    [
        *("/data/media", "s3:bucket", "s3:///prefix", "https://bucket.example/prefix"),
        *("s3://bucket?endpont=https://s3.example", "s3://bucket?endpoint=s3.example", "s3://[x"),
    ],
)
def test_a_media_storage_that_is_none_is_named(value):
    env = Env({"MEDIA_STORAGE": value})
    env.media_storage("MEDIA_STORAGE")
    assert "- MEDIA_STORAGE" in mistakes(env)


def test_uploaded_files_go_to_the_folder_or_to_a_bucket_with_a_prefix():
    assert Env({}).media_storage("MEDIA_STORAGE") == {"BACKEND": "tenants.storage.RetailerStorage"}
    env = Env(
        {
            "MEDIA_STORAGE": "s3://shops/media/?endpoint=https://s3.example&region=eu",
            "BACKUP_URL": "s3://vault",
        }
    )
    made = env.media_storage("MEDIA_STORAGE")
    assert made["BACKEND"] == "tenants.s3_storage.RetailerS3Storage"
    chosen = {
        key: made["OPTIONS"][key]
        for key in ("bucket_name", "location", "endpoint_url", "region_name", "addressing_style")
    }
    assert list(chosen.values()) == ["shops", "media", "https://s3.example", "eu", "path"]
    backups = env.storage("BACKUP_URL", "")["OPTIONS"]
    assert (backups["bucket_name"], backups["addressing_style"]) == ("vault", None)
    env.finish()


def with_places(backups: str, media: str) -> Env:
    env = Env({"BACKUP_URL": backups, "MEDIA_STORAGE": media})
    stores = env.storage("BACKUP_URL", ""), env.media_storage("MEDIA_STORAGE")
    env.hold_apart("BACKUP_URL", stores[0], "MEDIA_STORAGE", stores[1], "/data/media")
    return env


@pytest.mark.parametrize(
    "backups, media",
    [
        ("s3://shops/all", "s3://shops/all/"),
        ("s3://shops", "s3://shops/media"),
        ("s3://shops/a/b?endpoint=https://s3.example", "s3://shops/a?endpoint=https://s3.example"),
        ("/data", ""),
        ("/data/media", ""),
    ],
)
def test_backups_and_uploads_in_one_place_are_refused(backups, media):
    """A restore deletes what is in the retailer's place for uploads and not in the backup."""
    env = with_places(backups, media)
    assert "- BACKUP_URL and MEDIA_STORAGE must be two places" in mistakes(env)


@pytest.mark.parametrize(
    "backups, media",
    [
        ("s3://shops/backups", "s3://shops/media"),
        ("s3://shops/a", "s3://shops/a?endpoint=https://s3.example"),
        ("s3://vault", "s3://shops"),
        ("/data/backups", ""),
        ("s3://shops", ""),
    ],
)
def test_two_places_are_two_places(backups, media):
    with_places(backups, media).finish()


@pytest.mark.parametrize("value", ["ftp://vault/x", "s3:///x"])
def test_a_place_for_backups_that_is_none_is_named(value):
    env = Env({"BACKUP_URL": value})
    env.storage("BACKUP_URL", "")
    assert "- BACKUP_URL must be a folder" in mistakes(env)


@pytest.mark.parametrize("value", ["-3", "70000", "1.5", "٣"])
def test_a_port_is_a_number_that_there_can_be(value):
    env = Env({"PORT": value})
    assert env.number("PORT", 0, most=65535) == 0
    assert mistakes(env).endswith(f"- PORT is {value!r}; use a whole number up to 65535.")
    env = Env({"PORT": "9090"})
    assert env.number("PORT", 0, most=65535) == 9090


@pytest.mark.parametrize("value", ["localhost:6379", "redis://h:5x7/0", "http://host", "redis://["])
def test_an_address_of_the_wrong_kind_is_named_and_not_repeated(value):
    env = Env({"REDIS": value})
    assert env.url("REDIS", ["redis", "unix"]) == ""
    assert mistakes(env).endswith("- REDIS must begin with redis:// or unix://, and be an address.")


def test_addresses_of_the_right_kind_pass():
    env = Env({"REDIS": "unix:///run/redis.sock", "MAIL": "smtp://u:p%2Fw@mail.example:587"})
    assert env.url("REDIS", ["redis", "unix"]) == "unix:///run/redis.sock"
    assert env.url("MAIL", ["smtp"], "") == "smtp://u:p%2Fw@mail.example:587"
    assert env.url("NONE", ["smtp"], "") == ""
    env.finish()


def test_one_of_a_few_words():
    env = Env({"LEVEL": "info", "FORMAT": "plain"})
    assert env.choice("LEVEL", ("INFO", "DEBUG"), "INFO") == "INFO"
    assert env.choice("FORMAT", ("json", "plain"), "json") == "plain"
    assert mistakes(env).endswith("- LEVEL is 'info'; use INFO or DEBUG.")


def test_a_key_that_backups_cannot_be_encrypted_for_is_found_at_start_and_not_at_night():
    import pyrage

    good = str(pyrage.x25519.Identity.generate().to_public())
    env = Env({"GOOD": good, "BAD": "age1nonsense"})
    assert (env.age_recipient("GOOD"), env.age_recipient("NONE")) == (good, "")
    assert env.age_recipient("BAD") == ""
    assert mistakes(env).endswith("- BAD is no public key of age's (age1…).")


def test_a_mail_service_that_nobody_knows_is_named():
    env = Env({"GOOD": "postmark", "BAD": "postmrk", "WORSE": "../x"})
    assert (env.mail_service("GOOD"), env.mail_service("NONE")) == ("postmark", "")
    assert env.mail_service("BAD") == env.mail_service("WORSE") == ""
    assert len(mistakes(env).splitlines()) == 3


def test_one_of_two_is_enough():
    env = Env({"A": "x"})
    env.any_of("A", "B")
    env.finish()
    env.any_of("B", "C")
    assert mistakes(env).endswith("- B or C is not set.")


@pytest.mark.parametrize("value", ["https://x:abc", "https://x:99999"])
def test_a_port_that_cannot_be_hides_no_other_mistake(value):
    env = Env({"URL": value})
    assert env.base_url("URL") == ""
    env.text("SECRET_KEY")
    assert len(mistakes(env).splitlines()) == 3
