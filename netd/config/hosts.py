"""Names for programs that do not send one, by the host on which they run: an option of relay and session."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address

from netd.config.parsers import Parser, mapping
from netd.message import NAME
from netd.spelling import quoted

__all__ = ["named_hosts"]


def _read_host(written: str) -> str:
    try:
        address = ip_address(written)
    except ValueError:
        raise ValueError(f"{quoted(written)} is not an IP address; write NAME=ADDRESS as in greenhouse=192.168.1.20") from None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address).partition("%")[0]


def _read_named_hosts(written: str) -> tuple[tuple[str, str], ...]:
    names: dict[str, str] = {}
    for name, value in mapping(written):
        if not NAME.fullmatch(name):
            raise ValueError(f"{quoted(name)} is no name; write 1 to 63 letters, digits, _ and -")
        host = _read_host(value)
        if host in names:
            raise ValueError(f"{host} is given twice, as {names[host]} and as {name}; a host has one name")
        names[host] = name
    return tuple((name, host) for host, name in names.items())


named_hosts: Parser[tuple[tuple[str, str], ...]] = Parser("NAME=ADDRESS pairs, comma-separated", _read_named_hosts)
"""Names with the IP address of each, spelled as the addresses of connections are. No name or address is given twice."""
