"""What DNS says. One small interface, so that tests bring an answer of their own."""

from typing import Protocol

import dns.exception
import dns.resolver
from django.conf import settings
from django.utils.module_loading import import_string

SECONDS = 4.0  # for one question, all name servers together


class NoAnswer(Exception):
    """No name server said yes or no: ask again later, and change nothing."""


class Resolver(Protocol):
    """Names are ASCII, without a dot at the end. Nothing there is an empty list."""

    def texts(self, name: str) -> list[str]: ...

    def aliases(self, name: str) -> list[str]: ...

    def addresses(self, name: str) -> set[str]: ...


class Dns:
    """Asks the name servers of this machine, or of settings.DNS_SERVERS."""

    def __init__(self) -> None:
        self.resolver = dns.resolver.Resolver(configure=not settings.DNS_SERVERS)
        if settings.DNS_SERVERS:
            self.resolver.nameservers = list(settings.DNS_SERVERS)
        self.resolver.lifetime = SECONDS

    def texts(self, name: str) -> list[str]:
        """Each TXT record, its parts put together."""
        return [
            b"".join(record.strings).decode("ascii", "replace") for record in self.ask(name, "TXT")
        ]

    def aliases(self, name: str) -> list[str]:
        """Where the CNAME leads; at most one."""
        return [str(each.target).rstrip(".").lower() for each in self.ask(name, "CNAME")]

    def addresses(self, name: str) -> set[str]:
        return {str(record) for kind in ("A", "AAAA") for record in self.ask(name, kind)}

    def ask(self, name: str, kind: str) -> list:
        try:
            return list(self.resolver.resolve(name, kind, search=False))
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except dns.exception.DNSException as error:
            raise NoAnswer(f"{type(error).__name__} for {name}") from error


def resolver() -> Resolver:
    return import_string(settings.DNS_RESOLVER)()
