"""The one gate for everything that the product asks of other people's servers.

Retailers type addresses, so an address is hostile until proven otherwise. requests-hardened
resolves the name once, refuses inner addresses and connects to exactly the address that it
checked (so a second, different DNS answer changes nothing). This module adds what that package
leaves open: no proxy, cookie or .netrc from the environment, https on two ports only, a cap on
the size of the *unpacked* answer, and one deadline over the whole exchange, the resolver included.
"""

import http.client
import io
import ipaddress
import queue
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import datetime, timezone
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests_hardened import Config, HTTPSession
from requests_hardened.ip_filter import InvalidIPAddress
from requests_hardened.ip_filter_adapter import IPFilterAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from integrations.http_answer import HttpAnswer, Unreachable, clock_skew, retry_after

__all__ = ["Http", "HttpAnswer", "Unreachable", "retry_after"]

PORTS = (443, 8443)
CHUNK = 65_536

# When the exchange under way in this thread has to be over, on time.monotonic()'s clock.
# Of the last answer in this thread: seconds by which its server's clock is ahead of ours.
seen_skew: ContextVar[float | None] = ContextVar("seen_skew", default=None)
_deadline: ContextVar[float] = ContextVar("http_deadline")


class _DeadlineReader(io.RawIOBase):
    """Reads a socket's stream, and no longer than the deadline.

    A socket's time-out starts afresh with every packet, so a server that drips a byte a second,
    in its headers or its body, would hold a worker for hours.
    """

    def __init__(self, stream: io.RawIOBase, sock: socket.socket) -> None:
        self._stream, self._sock = stream, sock
        self._limit = sock.gettimeout() or 0.0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = _deadline.get() - time.monotonic()
        if left <= 0:
            raise TimeoutError("the deadline of the whole exchange has passed")
        if left >= self._limit:
            return self._stream.readinto(buffer)
        self._sock.settimeout(left)
        try:
            return self._stream.readinto(buffer)
        finally:  # the connection may serve another request, with a deadline of its own
            self._sock.settimeout(self._limit)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _DeadlineResponse


class _SecureConnection(HTTPSConnection):
    response_class = _DeadlineResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _Adapter(HTTPAdapter):
    """For the demo: any address, with the deadline."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


class _PublicAdapter(_Adapter, IPFilterAdapter):
    """For real life: public addresses only, with the deadline."""

    def build_connection_pool_key_attributes(self, *args: Any, **kwargs: Any) -> Any:
        resolve = partial(super().build_connection_pool_key_attributes, *args, **kwargs)
        host_params, pool_kwargs = _in_time(resolve)
        address = ipaddress.ip_address(host_params["host"].strip("[]"))
        # requests-hardened 1.3 asks is_private, which on Python 3.11 lets IPv4-compatible
        # (::10.0.0.1), site-local (fec0::) and reserved addresses pass.
        if (
            not address.is_global
            or address.is_multicast
            or address.is_reserved
            or getattr(address, "is_site_local", False)
        ):
            raise InvalidIPAddress(address)
        return host_params, pool_kwargs


def _in_time(work: Callable[[], Any]) -> Any:
    """What `work` answers, no later than the deadline. Nothing but a thread can leave
    getaddrinfo() behind, which takes as long as the retailer's name servers please."""
    answers: queue.SimpleQueue = queue.SimpleQueue()

    def run() -> None:
        try:
            answers.put((work(), None))
        except Exception as error:  # raised below, in the thread that asked
            answers.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        answer, error = answers.get(timeout=max(0.0, _deadline.get() - time.monotonic()))
    except queue.Empty:
        raise requests.ConnectTimeout("the name servers took too long") from None
    if error is not None:
        raise error
    return answer


class Http:
    """Asks other servers, and keeps connections open between the requests of one instance.

    `allow_private` is for the demo and for tests: plain http, any port, any address. Time-outs
    are seconds, `total_timeout` spans the whole exchange, `max_bytes` counts unpacked bytes.
    Not to be shared by processes (make one after the fork); threads may share it.
    """

    def __init__(
        self,
        allow_private: bool = False,
        connect_timeout: float = 3.05,
        read_timeout: float = 10,
        total_timeout: float = 30,
        max_bytes: int = 1_000_000,
    ) -> None:
        self.allow_private = allow_private
        self.total_timeout = total_timeout
        self.max_bytes = max_bytes
        config = Config(
            ip_filter_enable=not allow_private,
            ip_filter_allow_loopback_ips=False,
            never_redirect=True,
            default_timeout=(min(connect_timeout, total_timeout), read_timeout),
            user_agent_override="CustomerInfo",
        )
        self._session = HTTPSession(config)
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        # What we can unpack piece by piece, whatever else happens to be installed.
        self._session.headers["Accept-Encoding"] = "gzip, deflate"
        if allow_private:
            self._session.mount("http://", _Adapter())
            self._session.mount("https://", _Adapter())
        else:
            self._session.mount("http://", _PublicAdapter(is_https_proto=False))
            self._session.mount("https://", _PublicAdapter(is_https_proto=True))

    def __enter__(self) -> "Http":
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        self._session.close()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: Any = None,
        data: bytes | str | Mapping[str, str] | None = None,
        params: Any = None,
        auth: tuple[str, str] | None = None,
        max_bytes: int | None = None,
    ) -> HttpAnswer:
        """One request, one complete answer whatever its status, redirects included. `max_bytes`
        is for an answer that is known to be large.

        Raises Unreachable if there is none. After "timeout" and "reset" nobody knows whether
        the other side did what it was asked: look before asking again.
        """
        self._check_address(url)
        token = _deadline.set(time.monotonic() + self.total_timeout)
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers or {}),
                json=json,
                data=data,
                params=params,
                auth=auth,
                stream=True,
            ) as response:
                content = self._read(response.raw, max_bytes or self.max_bytes)
                skew = clock_skew(response.headers, datetime.now(timezone.utc))
                if skew is not None:
                    seen_skew.set(skew)
                return HttpAnswer(response.status_code, response.headers, content)
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            # `from None`: the texts of the originals carry the URL with its query, and a query
            # may carry a key.
            raise _unreachable(error) from None
        finally:
            _deadline.reset(token)

    def _check_address(self, url: str) -> None:
        """The form of the address; where it leads is checked when connecting."""
        # Backslashes, blanks and control characters are read differently by different parsers.
        if re.search(r"[\x00-\x20\x7f\\]", url):
            raise Unreachable("blocked", "The address holds characters that don't belong there.")
        try:
            parts = urllib3.util.parse_url(url)
        except urllib3.exceptions.LocationParseError:
            raise Unreachable("blocked", "This isn't a web address.") from None
        if parts.auth is not None:
            raise Unreachable("blocked", "The address must not hold a user name or password.")
        # An IPv6 zone (fe80::1%eth0) only ever means a neighbour.
        if not parts.host or "%" in parts.host or parts.scheme not in ("https", "http"):
            raise Unreachable("blocked", "This isn't a web address.")
        if self.allow_private:
            return
        if parts.scheme != "https":
            raise Unreachable("blocked", "The address must begin with https://.")
        if (parts.port or 443) not in PORTS:
            raise Unreachable("blocked", "Only the ports 443 and 8443 are allowed.")

    def _read(self, raw: urllib3.response.BaseHTTPResponse, max_bytes: int) -> bytes:
        parts, size = [], 0
        while chunk := raw.read(CHUNK, decode_content=True):
            size += len(chunk)
            if size > max_bytes:
                message = f"The answer is larger than {max_bytes:,} bytes."
                raise Unreachable("too_large", message)
            parts.append(chunk)
        return b"".join(parts)


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what it was made from; requests and urllib3 wrap up to four deep."""
    found: list[BaseException] = []
    todo: list[Any] = [error]
    while todo:
        one = todo.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            todo += [*one.args, getattr(one, "reason", None), one.__cause__]
    return found


_MESSAGES = {
    "blocked": "The address leads to a place that isn't public, or can't be sent as it is.",
    "timeout": "The other side took too long to answer.",
    "dns": "There is no server of this name.",
    "tls": "No secure connection: the server's certificate or protocol isn't valid.",
    "refused": "The server doesn't accept connections.",
    "bad_answer": "The answer isn't understandable.",
    "reset": "The connection broke before the answer was complete.",
}
# Tried in this order, on the error and all its causes.
_CODES: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    (
        (
            InvalidIPAddress,
            requests.exceptions.InvalidURL,
            requests.exceptions.InvalidSchema,
            requests.exceptions.InvalidHeader,
            urllib3.exceptions.LocationValueError,
            UnicodeEncodeError,
        ),
        "blocked",
    ),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError, UnicodeError), "dns"),
    # Before its parent: urllib3 calls every connection that can't be made a time-out.
    ((urllib3.exceptions.NewConnectionError,), "refused"),
    ((requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError), "timeout"),
    ((requests.exceptions.SSLError, urllib3.exceptions.SSLError), "tls"),
    ((urllib3.exceptions.DecodeError,), "bad_answer"),
    ((http.client.RemoteDisconnected, http.client.IncompleteRead), "reset"),
    ((http.client.HTTPException,), "bad_answer"),  # "isn't HTTP", after its two exceptions
    ((urllib3.exceptions.ProtocolError, ConnectionError), "reset"),
)


def _unreachable(error: BaseException) -> Unreachable:
    causes = _causes(error)
    for kinds, code in _CODES:
        if any(isinstance(cause, kinds) for cause in causes):
            return Unreachable(code, _MESSAGES[code])
    return Unreachable("bad_answer", f"{_MESSAGES['bad_answer']} ({type(error).__name__})")
