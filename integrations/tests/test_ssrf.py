"""No address that a retailer can type leads inside: a server in here counts who comes."""

import socket
import threading
import time
from contextlib import ExitStack

import pytest

from integrations import http as gate
from integrations.http import Http, Unreachable
from integrations.tests.hostile import Hostile


class Everywhere(Hostile):
    """The same, on every address of this machine, IPv4 and IPv6, at once."""

    def __init__(self) -> None:
        super().__init__()
        self._listener.close()
        self._listener = socket.create_server(
            ("::", 0), family=socket.AF_INET6, dualstack_ipv6=True, backlog=128
        )
        self.port = self._listener.getsockname()[1]


@pytest.fixture
def inside(monkeypatch):
    """A server on all of our own addresses, on a port that is allowed."""
    with Everywhere() as server:
        monkeypatch.setattr(gate, "PORTS", (443, 8443, server.port))
        yield server


def own_addresses() -> list[str]:
    """This machine's, beside loopback, as its own neighbours see it."""
    with ExitStack() as stack:
        probe = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        probe.connect(("192.0.2.1", 9))  # sends nothing
        return [probe.getsockname()[0]]


LOOPBACK = [
    *("127.0.0.1", "localhost", "127.1", "127.0.1", "127.255.255.254", "0.0.0.0", "0"),
    *("2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1", "0x7F.1"),
    *("[::1]", "[0:0:0:0:0:0:0:1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    *("LOCALHOST", "①②⑦.⓪.⓪.①", "127。0。0。1"),
]
# These lead nowhere from here, but would inside somebody's network.
ELSEWHERE = [
    *("10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.0.1", "100.64.0.1", "192.0.0.8"),
    *("169.254.169.254", "169.254.170.2", "[fd00:ec2::254]", "[fe80::1]", "[fe80::a9fe:a9fe%25lo]"),
    *("[fc00::1]", "[fec0::1]", "[ff02::1]", "224.0.0.1", "255.255.255.255", "240.0.0.1"),
    *("[64:ff9b::7f00:1]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a00:1]", "[2002:7f00:1::]"),
    *("[2002:a9fe:a9fe::]", "[2001:0:0:0:0:0:80ff:fffe]", "[2001:0:7f00:1::]", "[::127.0.0.1]"),
    *("[::ffff:0:127.0.0.1]", "[::a9fe:a9fe]", "[2001:db8::1]", "[3fff::1]", "[5f00::1]"),
    *("0xA9FEA9FE", "2852039166", "0251.0376.0251.0376", "169.254.43518"),
]
TRICKS = [
    *("https://1.1.1.1@127.0.0.1:{port}/", "https://a:b@127.0.0.1:{port}/"),
    *("https://127.0.0.1:{port}\\@1.1.1.1/", "https://1.1.1.1\\@127.0.0.1:{port}/"),
    *("https://1.1.1.1#@127.0.0.1:{port}/", "https://127.0.0.1%00.example.com:{port}/"),
    *("https://127.0.0.1:{port}%2f@1.1.1.1/", "http://127.0.0.1:{port}/", "//127.0.0.1:{port}/"),
    *("https://127.0.0.1\t:{port}/", "https://127.0.0.1:{port}\r\n/", "ftp://127.0.0.1:{port}/"),
    *(
        "https://localhost.:{port}/",
        "https:127.0.0.1:{port}",
        "https:///127.0.0.1:{port}/",
        "https://[::1]:{port}@[::1]:{port}/",
    ),
]


@pytest.fixture
def hurried():
    """Patient for as long as it takes to be refused, no longer."""
    return Http(connect_timeout=0.5, read_timeout=0.5, total_timeout=5)


def code(http: Http, url: str) -> str:
    with pytest.raises(Unreachable) as caught:
        http.request("POST", url, json={"a": 1})
    return caught.value.code


@pytest.mark.parametrize("host", [*LOOPBACK, *ELSEWHERE])
def test_no_form_of_an_inner_address_is_connected_to(inside, hurried, host):
    assert code(hurried, f"https://{host}:{inside.port}/ok") == "blocked"
    assert inside.connections == 0


def test_our_own_address_in_the_network_is_an_inner_one(inside, hurried):
    for address in own_addresses():
        assert code(hurried, f"https://{address}:{inside.port}/ok") == "blocked"
    assert inside.connections == 0


@pytest.mark.parametrize("url", TRICKS)
def test_no_trick_with_the_address_leads_inside(inside, hurried, url, monkeypatch):
    monkeypatch.setattr(  # 1.1.1.1 is nobody we want to bother
        "urllib3.connection.connection.create_connection", _nowhere
    )
    assert code(hurried, url.format(port=inside.port)) in ("blocked", "refused", "dns")
    assert inside.connections == 0


def _nowhere(address, *args, **kwargs):
    raise ConnectionRefusedError


def test_the_server_would_have_counted(inside):
    """Else the tests above would prove nothing."""
    with Http(allow_private=True) as http:
        for host in ("127.0.0.1", "localhost", "2130706433", "[::1]", "[::ffff:127.0.0.1]"):
            assert http.request("GET", f"http://{host}:{inside.port}/ok").status == 200
    assert inside.connections == 5


@pytest.mark.parametrize(
    "answers",
    [
        ["127.0.0.1"],
        ["::1"],
        ["::ffff:127.0.0.1"],
        ["127.0.0.1", "93.184.216.34"],
    ],
)
def test_a_name_that_leads_inside_is_not_connected_to(inside, hurried, monkeypatch, answers):
    monkeypatch.setattr(socket, "getaddrinfo", _resolver(answers))
    assert code(hurried, f"https://crm.example:{inside.port}/") == "blocked"
    assert inside.connections == 0


def test_a_resolver_that_changes_its_mind_leads_nowhere_else(inside, hurried, monkeypatch):
    """Rebinding: public when it is checked, inner when it is connected to."""
    went = []

    def connect(address, *args, **kwargs):
        went.append(address[0])
        if address[0] != "93.184.216.34":
            return socket.create_connection(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "getaddrinfo", _resolver(["93.184.216.34", "127.0.0.1"]))
    monkeypatch.setattr("urllib3.connection.connection.create_connection", connect)
    for _ in range(3):
        code(hurried, f"https://crm.example:{inside.port}/")
    assert went == ["93.184.216.34"] and inside.connections == 0


def test_a_redirect_inside_is_an_answer_and_no_order(inside):
    with Hostile() as outside, Http(allow_private=True) as http:
        outside.answers(302, {}, Location=f"http://127.0.0.1:{inside.port}/ok")
        assert http.request("POST", outside.url("/ok")).status == 302
    assert inside.connections == 0


def test_no_proxy_from_the_environment_is_asked(inside, hurried, monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{inside.port}")
    monkeypatch.setattr("urllib3.connection.connection.create_connection", _nowhere)
    assert code(hurried, "https://93.184.216.34/") == "refused"
    assert inside.connections == 0


# the resolver's time


def test_name_servers_that_take_their_time_are_left_behind(monkeypatch):
    answered = threading.Event()

    def slow(*args, **kwargs):
        answered.wait(20)
        raise socket.gaierror(socket.EAI_AGAIN, "try again")

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    started = time.monotonic()
    try:
        assert code(Http(total_timeout=0.3), "https://crm.example/") == "timeout"
        assert time.monotonic() - started < 5
    finally:
        answered.set()


def test_an_unknown_name_is_still_said_to_be_one(monkeypatch):
    def unknown(*args, **kwargs):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert code(Http(), "https://crm.example/") == "dns"


def _resolver(addresses):
    """Gives the addresses one after the other, the last one for ever."""
    left = list(addresses)

    def getaddrinfo(host, port, *args, **kwargs):
        address = left.pop(0) if len(left) > 1 else left[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 6, "", (address, port))]

    return getaddrinfo
