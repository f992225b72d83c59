"""A small front before the product, as an Ingress is one: TLS, and not a header of its own."""

import datetime
import http.client
import ipaddress
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}


def certificate(folder: Path, hosts: list[str]) -> Path:
    """A file with a certificate for these hosts, signed by itself, and its key."""
    # Of the project's own environment: who lists the steps may have neither.
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "check-deploy")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [*map(x509.DNSName, hosts), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "front.pem"
    path.write_bytes(
        made.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return path


@contextmanager
def standing(pem: Path, port: int, without: str = "") -> Iterator[dict[str, int]]:
    """{"http": port, "https": port} of a front before the product at `port`.

    `without` is a header that it loses on the way: what a check must notice.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    servers = {scheme: server(scheme, port, without) for scheme in ("http", "https")}
    servers["https"].socket = context.wrap_socket(servers["https"].socket, server_side=True)
    threads = [threading.Thread(target=each.serve_forever) for each in servers.values()]
    for thread in threads:
        thread.start()
    try:
        yield {scheme: each.server_port for scheme, each in servers.items()}
    finally:
        for each in servers.values():
            each.shutdown()
            each.server_close()
        for thread in threads:
            thread.join()


def server(scheme: str, port: int, without: str) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            behind = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            told = {**self.headers, "X-Forwarded-Proto": scheme, "Connection": "close"}
            behind.request(self.command, self.path, headers=told)
            answer = behind.getresponse()
            body = answer.read()
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {*HOP_BY_HOP, without.lower()}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            behind.close()

        do_OPTIONS = do_GET

        def log_message(self, *args) -> None:
            """Nothing: the step tells what it saw."""

    return ThreadingHTTPServer(("127.0.0.1", 0), Handler)
