import socket
import ssl
import sys
import time
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
import urllib3
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, strategies as st

from integrations.http import Http, HttpAnswer, Unreachable, retry_after
from integrations.tests.hostile import NOW, Hostile

_connects: list[object] | None = None


def _watch(event: str, arguments: tuple) -> None:
    if event == "socket.connect" and _connects is not None:
        _connects.append(arguments[1])


sys.addaudithook(_watch)


@pytest.fixture
def connects():
    """Every connection that this process tries to open, from Python's own audit events."""
    global _connects
    _connects = []
    yield _connects
    _connects = None


@pytest.fixture
def server():
    with Hostile() as server:
        yield server


@pytest.fixture
def http():
    with Http(allow_private=True, read_timeout=5, total_timeout=10) as http:
        yield http


def code_of(http: Http, url: str) -> str:
    with pytest.raises(Unreachable) as caught:
        http.request("GET", url)
    return caught.value.code


# answers


def test_an_answer_of_any_status_is_an_answer(server, http):
    assert http.request("GET", server.url("/ok")).json() == {"ok": True}
    for status in (401, 422, 429, 500):
        assert http.request("GET", server.url(f"/status/{status}")).status == status


def test_a_packed_or_chunked_answer_is_unpacked(server, http):
    assert http.request("GET", server.url("/zipped")).json() == {"ok": True}
    assert http.request("GET", server.url("/chunked")).json() == {"ok": True}


def test_what_is_asked_arrives_as_it_was_asked(server, http):
    http.request(
        "POST",
        server.url("/ok"),
        json={"a": "ü"},
        headers={"X-Key": "1"},
        params=[("email", "a@b.example"), ("email", "c@d.example")],
        auth=("me", "secret"),
    )
    http.request("PUT", server.url("/ok"), data=b"raw")
    asked, raw = server.seen
    assert asked.json() == {"a": "ü"} and asked.headers["x-key"] == "1"
    assert asked.path == "/ok?email=a%40b.example&email=c%40d.example"
    assert asked.headers["authorization"].startswith("Basic ")
    assert asked.headers["user-agent"] == "CustomerInfo"
    assert (raw.method, raw.body) == ("PUT", b"raw")


def test_requests_of_one_instance_share_a_connection(server, http):
    for path in ("/ok", "/zipped", "/status/500", "/chunked", "/ok"):
        http.request("GET", server.url(path))
    assert server.connections == 1


def test_a_redirect_is_not_followed(server, http):
    answer = http.request("GET", server.url("/redirect"))
    assert answer.status == 302
    assert [seen.path for seen in server.seen] == ["/redirect"]


def test_a_cookie_is_not_kept(server, http):
    http.request("GET", server.url("/cookie"))
    http.request("GET", server.url("/ok"))
    assert "cookie" not in server.seen[1].headers


def test_header_names_are_found_in_any_case(server, http):
    assert http.request("GET", server.url("/429-seconds")).headers["retry-AFTER"] == "7"


@pytest.mark.parametrize("path", ["/text", "/deep"])
def test_an_answer_that_is_not_json_says_so(server, http, path):
    answer = http.request("GET", server.url(path))
    with pytest.raises(Unreachable) as caught:
        answer.json()
    assert caught.value.code == "bad_answer"


def test_an_answer_that_is_known_to_be_large_is_read_to_its_own_limit(server, http):
    with pytest.raises(Unreachable, match="1,000,000"):
        http.request("GET", server.url("/large"))
    assert len(http.request("GET", server.url("/large"), max_bytes=3_000_000).body) == 2_000_000
    with pytest.raises(Unreachable, match="1,500,000"):
        http.request("GET", server.url("/large"), max_bytes=1_500_000)


# no answer


@pytest.mark.parametrize(
    "path, code",
    [
        ("/close", "reset"),
        ("/reset", "reset"),
        ("/half", "reset"),
        ("/half-chunked", "reset"),
        ("/huge", "too_large"),
        ("/bomb", "too_large"),
        ("/bad-gzip", "bad_answer"),
        ("/not-http", "bad_answer"),
    ],
)
def test_a_broken_answer_has_a_name(server, http, path, code):
    assert code_of(http, server.url(path)) == code
    assert http.request("GET", server.url("/ok")).status == 200, "the next request works"


def test_a_server_that_hangs_is_given_up_after_the_read_timeout(server):
    with Http(allow_private=True, read_timeout=0.2) as http:
        assert code_of(http, server.url("/hang")) == "timeout"


@pytest.mark.parametrize("path", ["/drip", "/drip-head"])
def test_a_server_that_drips_is_given_up_after_the_total_timeout(server, path):
    with Http(allow_private=True, read_timeout=5, total_timeout=0.4) as http:
        started = time.monotonic()
        assert code_of(http, server.url(path)) == "timeout"
        assert 0.3 < time.monotonic() - started < 3


def test_a_deadline_that_passed_between_two_reads_counts(server, monkeypatch):
    with Http(allow_private=True, total_timeout=-1, connect_timeout=3, read_timeout=3) as http:
        http._session._config.default_timeout = (3, 3)
        assert code_of(http, server.url("/ok")) == "timeout"


def test_a_late_answer_leaves_the_connection_its_usual_patience(server):
    with Http(allow_private=True, read_timeout=5, total_timeout=2) as http:
        http.request("GET", server.url("/ok"))
        pools = http._session.get_adapter("http://").poolmanager.pools
        assert pools[next(iter(pools.keys()))].pool.get().sock.gettimeout() == 5


def test_nobody_listening_is_refused(http):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert code_of(http, f"http://127.0.0.1:{port}/") == "refused"


def test_an_unknown_name_is_dns(http, monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert code_of(http, "http://crm.invalid/") == "dns"
    assert code_of(Http(), "https://crm.invalid/") == "dns"


def test_an_impossible_name_is_blocked(http):
    assert code_of(Http(), f"https://{'a' * 70}.example/") == "blocked"
    assert code_of(http, f"http://{'a' * 70}.example/") == "blocked"


def test_a_certificate_that_nobody_vouches_for_is_tls(http, tmp_path):
    with Hostile(_self_signed(tmp_path)) as server:
        assert code_of(http, server.url("/ok")) == "tls"
        assert server.seen == []


def test_an_error_that_nobody_thought_of_still_has_a_name(http, monkeypatch):
    def odd(*args, **kwargs):
        raise urllib3.exceptions.HTTPError("with a secret in it")

    monkeypatch.setattr(http._session, "request", odd)
    with pytest.raises(Unreachable) as caught:
        http.request("GET", "http://127.0.0.1/")
    assert caught.value.code == "bad_answer" and "secret" not in str(caught.value)


def test_a_secret_in_the_query_is_in_no_error(http):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unreachable) as caught:
        http.request("GET", f"http://127.0.0.1:{port}/", params={"key": "s3cr3t"})
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("value", ["two\nlines", "schlüssel\u20ac"])
def test_a_header_that_http_does_not_allow_is_blocked(server, http, value):
    with pytest.raises(Unreachable) as caught:
        http.request("GET", server.url("/ok"), headers={"X-Key": value})
    assert caught.value.code == "blocked"


# inner addresses


INNER = [
    "https://127.0.0.1/",
    "https://127.8.9.10/",
    "https://localhost/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://017700000001/",
    "https://0177.0.0.1/",
    "https://127.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::127.0.0.1]/",
    "https://[::10.0.0.1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:a9fe:a9fe]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25lo]/",
    "https://[fec0::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://1.1.1.1@127.0.0.1/",
    "https://example.com:pw@127.0.0.1/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\@127.0.0.1/",
    "https://127.0.0.1 /",
    " https://127.0.0.1/",
    "https://127.0.0.1\t/",
    "https://127.0.0.1\r\nHost: example.com/",
    "https://①②⑦.⓪.⓪.①/",
    "https://127。0。0。1/",
    "https://127.0.0.1:8443/",
    "https://1.1.1.1:6379/",
    "https://1.1.1.1:22/",
    "http://1.1.1.1/",
    "ftp://1.1.1.1/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:6379/_",
    "https:///nobody",
    "https://",
    "//127.0.0.1/",
    "127.0.0.1",
    "nonsense",
    "https://[::1",
    "https://1.1.1.1:99999/",
    "",
]


@pytest.mark.parametrize("url", INNER)
def test_an_inner_address_is_blocked_without_a_connection(connects, url):
    assert code_of(Http(), url) == "blocked"
    assert connects == []


@pytest.mark.parametrize("address", ["127.0.0.1", "169.254.169.254", "10.1.2.3", "::1", "fec0::1"])
def test_a_name_that_leads_inside_is_blocked_without_a_connection(connects, monkeypatch, address):
    monkeypatch.setattr(socket, "getaddrinfo", _resolver([address]))
    assert code_of(Http(), "https://crm.example/") == "blocked"
    assert connects == []


def test_a_name_that_changes_its_address_is_connected_where_it_was_checked(monkeypatch):
    """DNS rebinding: the first answer is public, every later one is not."""
    resolver = _resolver(["93.184.216.34", "127.0.0.1"])
    connected = []

    def connect(address, *args, **kwargs):
        connected.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    monkeypatch.setattr("urllib3.connection.connection.create_connection", connect)
    assert code_of(Http(), "https://crm.example/") == "refused"
    assert connected == [("93.184.216.34", 443)]


@pytest.mark.parametrize("port", ["", ":443", ":8443"])
def test_a_public_address_passes_on_both_ports(monkeypatch, port):
    def connect(address, *args, **kwargs):
        raise ConnectionRefusedError

    monkeypatch.setattr("urllib3.connection.connection.create_connection", connect)
    assert code_of(Http(), f"https://1.1.1.1{port}/") == "refused"
    assert code_of(Http(), f"https://[2606:4700:4700::1111]{port}/") == "refused"


def test_a_proxy_from_the_environment_is_not_used(server, http, connects, monkeypatch):
    with Hostile() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url())
            monkeypatch.setenv(name.lower(), proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        assert http.request("GET", server.url("/ok")).status == 200
        assert code_of(Http(), "https://127.0.0.1/") == "blocked"
        assert proxy.connections == 0
    assert len(connects) == 1


def test_a_password_from_netrc_is_not_used(server, http, monkeypatch, tmp_path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    http.request("GET", server.url("/ok"))
    assert "authorization" not in server.seen[0].headers


# Retry-After


def test_retry_after_in_seconds_and_as_a_date(server, http):
    answer = http.request("GET", server.url("/429-seconds"))
    assert retry_after(answer.headers, NOW) == 7
    answer = http.request("GET", server.url("/429-date"))
    assert retry_after(answer.headers, NOW) == 90


@pytest.mark.parametrize(
    "text, seconds",
    [
        ("0", 0),
        (" 12 ", 12),
        ("1.5", 1.5),
        ("999999999", 86_400),
        (format_datetime(NOW - timedelta(hours=1), usegmt=True), 0),
        (format_datetime(NOW + timedelta(days=400), usegmt=True), 86_400),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30),
        ("-5", None),
        ("soon", None),
        ("", None),
        ("inf", None),
        ("١٢", None),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_takes_what_makes_sense(text, seconds):
    assert retry_after({"RETRY-AFTER": text}, NOW) == seconds


def test_without_retry_after_there_is_no_wish():
    assert retry_after({}, NOW) is None


def test_a_wrong_clock_of_the_vendor_does_not_matter():
    there = NOW + timedelta(hours=5)
    headers = {
        "Date": format_datetime(there, usegmt=True),
        "Retry-After": format_datetime(there + timedelta(seconds=20), usegmt=True),
    }
    assert retry_after(headers, NOW) == 20


@given(st.text(), st.text())
def test_no_header_can_break_retry_after(text, date):
    seconds = retry_after({"Retry-After": text, "Date": date}, NOW)
    assert seconds is None or 0 <= seconds <= 86_400


def test_an_answer_without_a_content_type_that_is_not_json_says_so():
    with pytest.raises(Unreachable, match="no content type"):
        HttpAnswer(200, {}, b"\xff").json()


def _resolver(addresses):
    """A resolver that gives the addresses one after the other, the last one for ever."""
    left = list(addresses)

    def getaddrinfo(host, port, *args, **kwargs):
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return getaddrinfo


def _self_signed(folder) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = folder / "certificate.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context
