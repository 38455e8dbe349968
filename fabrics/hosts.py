"""Hosts: which are this machine, and which an allow-list covers."""

import re
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

type Address = IPv4Address | IPv6Address
type HostPattern = str | IPv4Network | IPv6Network
"""A host name, a wildcard (`*.example.com`), or a network."""

WILDCARD: Final = "*."
NAME: Final = re.compile(r"([a-z0-9_-]+\.)*[a-z0-9_-]+")
"""A host name in ASCII, in lower case."""

NUMBER: Final = re.compile(r"\d+|0x[0-9a-f]*")
"""The last part of a name that resolvers take for an IPv4 address, such as `127.1` or `0x7f000001`."""

LOCALHOST: Final = "localhost"


def is_loopback(host: str) -> bool:
    """True if a host is this machine, by its name or its address."""
    address = _parse_address(host)
    return address.is_loopback if address else _normalize(host) == LOCALHOST


def parse_host_patterns(text: str) -> tuple[HostPattern, ...]:
    """Parse patterns, separated by commas; no text has none.

    Raises `ValueError`, also for commas alone: no pattern would mean any host.
    """
    patterns = tuple(_parse_pattern(part.strip()) for part in text.split(",") if part.strip())
    if text and not patterns:
        raise ValueError("it has no host pattern: write some, or leave it empty to allow any host")
    return patterns


def is_covered(host: str, patterns: Iterable[HostPattern]) -> bool:
    """True if one of the patterns covers a URL's host.

    A name is never resolved: only names cover names, and only networks cover addresses. Nothing covers a host that
    programs may read differently: percent signs, characters beyond ASCII, or numbers that are no address.
    """
    if "%" in host:
        return False
    if address := _parse_address(host):
        return any(address in pattern for pattern in patterns if not isinstance(pattern, str))
    name = _normalize(host)
    if not _is_name(name):
        return False
    return any(_covers_name(pattern, name) for pattern in patterns if isinstance(pattern, str))


def _covers_name(pattern: str, name: str) -> bool:
    if pattern.startswith(WILDCARD):
        return name.endswith(pattern.removeprefix("*"))
    return name == pattern


def _parse_pattern(text: str) -> HostPattern:
    with suppress(ValueError):
        return ip_network(text)
    name = _normalize(text)
    if not _is_name(name.removeprefix(WILDCARD)):
        raise ValueError(
            f"{text!r} is not a host pattern: write git.example.com, *.example.com (all names below), 10.0.0.0/8 or"
            " 2001:db8::/32, without a scheme or a port; names beyond ASCII as xn--..."
        )
    return name


def _parse_address(host: str) -> Address | None:
    """Return a host as an address, if it is one; of one that maps IPv4, that."""
    try:
        address = ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _normalize(host: str) -> str:
    return host.lower().removesuffix(".")


def _is_name(name: str) -> bool:
    return bool(NAME.fullmatch(name)) and not NUMBER.fullmatch(name.rpartition(".")[2])
