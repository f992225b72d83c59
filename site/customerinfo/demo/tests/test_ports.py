import json
import socket

import pytest

from customerinfo.demo.ports import choose_ports, is_free, loopback_addresses, unused_port


@pytest.fixture
def said():
    return []


def listen(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM)
    server.bind((address, port))
    server.listen()
    return server


def two_free_in_a_row():
    return next(port for port in iter(unused_port, None) if is_free(port + 1))


def test_a_free_port_is_used_without_a_word(tmp_path, said):
    port = unused_port()
    assert choose_ports(tmp_path, {"web": port}, said.append) == {"web": port}
    assert said == []


def test_a_taken_port_is_told_and_the_next_one_used(tmp_path, said):
    port = two_free_in_a_row()
    with listen("127.0.0.1", port):
        assert choose_ports(tmp_path, {"web": port}, said.append) == {"web": port + 1}
    assert said == [f"Port {port} is taken by another program: web uses {port + 1}."]


def test_an_address_stays_the_same_when_the_usual_port_is_free_again(tmp_path, said):
    port = two_free_in_a_row()
    with listen("127.0.0.1", port):
        choose_ports(tmp_path, {"web": port}, said.append)
    assert choose_ports(tmp_path, {"web": port}, said.append) == {"web": port + 1}
    assert len(said) == 1


def test_two_programs_never_get_the_same_port(tmp_path, said):
    port = two_free_in_a_row()
    chosen = choose_ports(tmp_path, {"web": port, "crm": port}, said.append)
    assert chosen == {"web": port, "crm": port + 1}


@pytest.mark.parametrize("address", [*loopback_addresses(), "0.0.0.0"])
def test_a_listener_on_any_address_of_localhost_takes_the_port(address):
    port = unused_port()
    with listen(address, port):
        assert not is_free(port)
    assert is_free(port)


@pytest.mark.parametrize("damage", ["", "{", "[]", json.dumps({"web": "x"}), "7"])
def test_a_damaged_memory_means_the_usual_port(tmp_path, said, damage):
    (tmp_path / "ports.json").write_text(damage)
    port = unused_port()
    assert choose_ports(tmp_path, {"web": port}, said.append) == {"web": port}
