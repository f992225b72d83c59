"""Redis down, or not itself: the shopper gets the thank-you and everything is stored."""

import socket
import socketserver
import threading
from copy import deepcopy
from urllib.parse import urlsplit

import pytest
from django.core.cache import cache
from kombu import pools

from integrations import doorbell, tasks
from integrations.models import Delivery


@pytest.fixture
def broker_at(monkeypatch):
    """Point Celery at another broker for the test."""
    app = tasks.drain_connection.app

    def forget_connections() -> None:
        pools.reset()
        app._pool = None
        app.amqp._producer_pool = None

    def point(url: str) -> None:
        monkeypatch.setenv("CELERY_BROKER_URL", url)
        forget_connections()
        assert app.connection_for_write().port == urlsplit(url).port

    yield point
    monkeypatch.undo()
    forget_connections()


@pytest.fixture
def cache_at(settings):
    def point(url: str) -> None:
        caches = deepcopy(settings.CACHES)
        caches["default"]["LOCATION"] = url
        settings.CACHES = caches

    return point


@pytest.fixture
def closed_port() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"redis://127.0.0.1:{listener.getsockname()[1]}/0"


@pytest.fixture
def answering():
    """A server that says the same thing whatever it is asked."""
    servers = []

    def start(reply: bytes) -> str:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                while self.request.recv(65536):
                    if not reply:
                        return
                    self.request.sendall(reply)

        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"redis://127.0.0.1:{server.server_address[1]}/0"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


REPLIES = {
    "out of memory": b"-OOM command not allowed when used memory > 'maxmemory'.\r\n",
    "a replica": b"-READONLY You can't write against a read only replica.\r\n",
    "starting": b"-LOADING Redis is loading the dataset in memory\r\n",
    "wants a password": b"-NOAUTH Authentication required.\r\n",
    "hanging up": b"",
}


def assert_taken(shop, robin) -> None:
    connection_id = shop.connect()
    shop.connect("paused")
    form = shop.form(robin)
    answer = shop.client.post("/join/", form, follow=True)
    assert answer.status_code == 200
    assert answer.redirect_chain == [("/join/thanks/", 303)]
    (signup,) = shop.signups()
    assert len(signup.consents.all()) == 2
    deliveries = signup.deliveries.all()
    assert len(deliveries) == 2 and connection_id in {d.connection_id for d in deliveries}
    assert {d.state for d in deliveries} == {Delivery.State.DUE}
    # A repeat answers like the first even now.
    assert shop.client.post("/join/", form)["Location"] == "/join/thanks/"
    assert len(shop.signups()) == 1


def test_with_redis_down_pages_and_sign_ups_go_on(shops, robin, closed_port, broker_at, cache_at):
    broker_at(closed_port)
    cache_at(closed_port)
    assert cache.set("word", 1) is not True and cache.get("word") is None  # it is really down
    for shop in shops:
        assert shop.retailer.name in shop.get().text
        assert_taken(shop, robin)


def test_changes_are_seen_at_once_with_redis_down(shops, closed_port, cache_at):
    acorn, birch = shops
    cache_at(closed_port)
    acorn.get()
    acorn.publish(headline="Without Redis")
    assert "Without Redis" in acorn.get().text
    assert "Without Redis" not in birch.get().text


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_with_a_redis_that_refuses_pages_and_sign_ups_go_on(
    shops, robin, answering, broker_at, cache_at, reply
):
    url = answering(reply)
    broker_at(url)
    cache_at(url)
    acorn, birch = shops
    assert acorn.retailer.name in acorn.get().text
    assert_taken(acorn, robin)
    assert not birch.signups()


def test_with_only_the_broker_down_a_sign_up_is_stored(shops, robin, closed_port, broker_at):
    broker_at(closed_port)
    assert_taken(shops[0], robin)
    assert doorbell._quiet_until  # the next shopper doesn't wait for a refused connection
    shops[1].connect()
    shops[1].sign_up(robin)


@pytest.mark.parametrize("reply", REPLIES.values(), ids=REPLIES)
def test_no_answer_of_the_broker_makes_an_error_of_a_stored_sign_up(
    shops, robin, answering, broker_at, reply
):
    broker_at(answering(reply))
    acorn, birch = shops
    assert_taken(acorn, robin)
    assert not birch.signups()
