"""Server endpoint descriptions (``loopback:5050``, ``tcp:5050``): splitting, placing, checking, and telling where they collide.

All types but ``loopback`` are Twisted's. Those that Twisted brings along are checked here: the errors of its own parser speak of
Python calls (``_parseTCP() got an unexpected keyword argument``), these speak of what was written; and to import it takes longer
than all the rest of the configuration. It is asked about the types of other distributions. Nothing here listens, and nothing
imports the reactor.
"""

from __future__ import annotations

import os.path
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from attrs import frozen

from netd.config.notation import Notation, escaped, is_whole
from netd.config.spelling import did_you_mean, quoted
from netd.pem import source_of

__all__ = [
    "LOOPBACK",
    "LOOPBACK_HOSTS",
    "PARAMETERS",
    "ListenAddress",
    "addresses",
    "arguments_of",
    "check_description",
    "ipv6_takes_ipv4",
    "is_exposed",
    "is_loopback",
    "is_proxied",
    "is_secured",
    "located",
    "split_descriptions",
    "unix_address",
]

LOOPBACK = "loopback"
"""netd's own type of endpoint: a port on each of :data:`LOOPBACK_HOSTS` that the machine has."""

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "127.0.1.1")
"""What programs on this machine connect to: ``localhost`` by IPv4, by IPv6, and the machine's own name, which Debian and its
relatives let mean 127.0.1.1."""

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    LOOPBACK: ("port", "backlog"),
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "ssl": ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain", "dhParameters"),
    "tls": ("path", "port", "backlog", "interface"),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "systemd": ("domain", "index", "name"),
}
"""The parameters of the endpoint types, in the order in which they may be given without their names."""

_REQUIRED = {
    LOOPBACK: "port",
    "tcp": "port",
    "tcp6": "port",
    "ssl": "port",
    "tls": "path",
    "unix": "address",
    "systemd": "domain",
}
_PATHS = {"ssl": ("privateKey", "certKey", "extraCertChain", "dhParameters"), "tls": ("path",), "unix": ("address",)}
_NOTATION = Notation(PARAMETERS, _PATHS)
_WRAPPER = "haproxy"
_SYSTEMD_DOMAINS = ("INET", "INET6", "UNIX")
_SECURED = ("ssl", "tls")
_EVERYWHERE = {"tcp": "0.0.0.0", "ssl": "0.0.0.0", "tcp6": "::", "tls": "::"}  # noqa: S104 - recognised, not bound
_DEFAULT_PORT = "443"
"""Of ``tls``; the other types have none."""
_GREATEST_PORT = 65535
_IPV6 = 6

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.+-]*")
_DESCRIPTION = re.compile(r"(?:\\.|\S)+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_HOST_AND_PORT = re.compile(r"(?:\[([^\]]*)\]|([^\[\]=]*)):([0-9]{1,9})")
_OCTAL = re.compile(r"[0-7]{1,4}")


@frozen
class ListenAddress:
    """Where a description listens, for finding two that cannot listen at once.

    :ivar interface: an IP address, or the path of a unix socket.
    :ivar port: 1 to 65535; 0 for a unix socket.
    :ivar everywhere: whether *interface* is the wildcard of its family and so takes the port on every interface of it.
    :ivar takes_ipv4: whether it is the wildcard of IPv6, and takes the port for IPv4 as well.
    """

    interface: str
    port: int
    everywhere: bool = False
    takes_ipv4: bool = False

    def collides_with(self, other: ListenAddress) -> bool:
        """Whether the operating system would refuse the second of the two."""
        if self.port != other.port:
            return False
        return self.interface == other.interface or self._covers(other) or other._covers(self)

    def _covers(self, other: ListenAddress) -> bool:
        same_family = (":" in self.interface) == (":" in other.interface)
        return self.everywhere and (same_family or self.takes_ipv4)


def ipv6_takes_ipv4() -> bool:
    """Whether a listener on the wildcard of IPv6 takes IPv4's connections, too, on this machine.

    On Linux it does, unless ``net.ipv6.bindv6only`` is set. Asks the operating system by a socket that is never bound.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as unbound:
            return not unbound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    except OSError:  # there is no IPv6 here
        return False


def split_descriptions(text: str) -> tuple[str, ...]:
    """The descriptions in *text*, separated by white space; a space after a backslash belongs to its description."""
    return tuple(_DESCRIPTION.findall(text))


def located(text: str, directory: Path) -> str:
    """The descriptions in *text*, those that name files or sockets by relative paths with *directory* before these.

    Nothing is checked: what cannot be read stays as it is.
    """
    return _DESCRIPTION.sub(lambda description: _located(description[0], directory), text)


def check_description(description: str) -> None:
    """Make sure that Twisted can listen on *description*.

    Files that it names (keys, certificates) must be there. Sockets handed over by systemd need not: they exist only when
    systemd starts the daemon.

    :raises ValueError: naming the description and what is wrong with it.
    """
    try:
        if not is_whole(description):
            raise ValueError("ends in a lone backslash")
        kind, arguments = _arguments(description)
        if not _TYPE.fullmatch(kind):
            raise ValueError(_unknown_type(kind, _unwrapped(description)))
        if kind in PARAMETERS:
            _check_arguments(kind, arguments, _unwrapped(description).removeprefix(f"{kind}:"))
        if kind in _SECURED:
            from netd.certificates import Certificates

            Certificates(source_of(kind, arguments), (), kind).check()
        elif kind not in PARAMETERS:
            _ask_twisted(_unwrapped(description), kind)
    except ValueError as error:
        raise ValueError(f"{description}: {error}") from None


def addresses(descriptions: tuple[str, ...], takes_ipv4: bool = True) -> tuple[tuple[str, ListenAddress], ...]:
    """Each of the (checked) *descriptions* whose address is fixed, with that address; ``loopback`` has several.

    Left out are port 0, which the operating system chooses, sockets from systemd, and types of other distributions.

    :param takes_ipv4: what :func:`ipv6_takes_ipv4` says of the machine.
    """
    return tuple((description, address) for description in descriptions for address in _addresses(description, takes_ipv4))


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches *host*, an IP address or a name. Of names, only ``localhost`` is trusted."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def is_exposed(description: str) -> bool | None:
    """Whether other machines reach the (checked) *description*: by its address, or through a proxy.

    None where that shows only when it listens: of what systemd hands over, and of types of other distributions.
    """
    kind, arguments = _arguments(description)
    if is_proxied(description):
        return True
    if kind in _EVERYWHERE:
        return not is_loopback(arguments.get("interface") or _EVERYWHERE[kind])
    return False if kind in ("unix", LOOPBACK) else None


def is_proxied(description: str) -> bool:
    """Whether a proxy is in front, which says in a header of its own whose each connection is."""
    return description.startswith(f"{_WRAPPER}:")


def arguments_of(description: str) -> tuple[str, dict[str, str]]:
    """Type and arguments of the (checked) *description*, or of the one that ``haproxy:`` wraps.

    Of a type that netd does not know there are no arguments. The interface is always given where a type has one: the wildcard is
    spelt out.
    """
    kind, arguments = _arguments(description)
    if kind in _EVERYWHERE:
        arguments["interface"] = arguments.get("interface") or _EVERYWHERE[kind]
        arguments.setdefault("port", _DEFAULT_PORT)
    return kind, arguments


def is_secured(description: str) -> bool:
    """Whether the (checked) *description* is one of TLS."""
    return _arguments(description)[0] in _SECURED


def unix_address(path: str | Path) -> ListenAddress:
    """The address of a unix socket at *path*, the same for every way to write that path."""
    return ListenAddress(os.path.realpath(path), 0)


def _addresses(description: str, takes_ipv4: bool) -> tuple[ListenAddress, ...]:
    kind, arguments = arguments_of(description)
    if kind == "unix":
        return (unix_address(arguments["address"]),)
    port = int(arguments.get("port", 0))
    if port == 0:
        return ()
    if kind == LOOPBACK:
        return tuple(ListenAddress(host, port) for host in LOOPBACK_HOSTS)
    return (_address(arguments["interface"], port, takes_ipv4),) if kind in _EVERYWHERE else ()


def _address(interface: str, port: int, takes_ipv4: bool) -> ListenAddress:
    try:
        known = ip_address(interface)
    except ValueError:
        return ListenAddress(interface, port)
    if isinstance(known, IPv6Address):
        known = known.ipv4_mapped or known
    everywhere = known.is_unspecified
    return ListenAddress(known.compressed, port, everywhere, everywhere and takes_ipv4 and known.version == _IPV6)


def _located(description: str, directory: Path) -> str:
    unwrapped = _unwrapped(description)
    return description.removesuffix(unwrapped) + _NOTATION.located(unwrapped, directory)


def _unwrapped(description: str) -> str:
    """*description* without ``haproxy:`` before it."""
    while description.startswith(f"{_WRAPPER}:"):
        description = description.removeprefix(f"{_WRAPPER}:")
    return description


def _arguments(description: str) -> tuple[str, dict[str, str]]:
    """The type of *description* (that which a wrapper wraps) and its arguments by name; of a foreign type, no arguments."""
    return _NOTATION.arguments(_unwrapped(description))


def _check_arguments(kind: str, arguments: dict[str, str], written: str) -> None:
    required = _REQUIRED[kind]
    if not arguments.get(required):
        raise ValueError(f"{required} is missing; write {kind}:{required.upper()}")
    port = arguments.get("port", "0")
    if not _NUMBER.fullmatch(port) or int(port) > _GREATEST_PORT:
        hint = _meant(written) if kind in (LOOPBACK, "tcp", "tcp6") else ""
        raise ValueError(f"port {quoted(port)} is not a number from 0 to {_GREATEST_PORT}{hint}")
    for name, form, wanted in (("backlog", _NUMBER, "a number"), ("mode", _OCTAL, "octal"), ("lockfile", _NUMBER, "0 or 1")):
        if name in arguments and not form.fullmatch(arguments[name]):
            raise ValueError(f"{name} {quoted(arguments[name])} is not {wanted}")
    if kind == "systemd":
        _check_systemd(arguments)
    if kind == "tls" and not Path(arguments["path"]).is_dir():
        raise ValueError(f"{quoted(arguments['path'])} is not a directory of PEM files; write tls:DIRECTORY:PORT")


def _check_systemd(arguments: dict[str, str]) -> None:
    if arguments["domain"] not in _SYSTEMD_DOMAINS:
        raise ValueError(f"domain {quoted(arguments['domain'])} is not one of {', '.join(_SYSTEMD_DOMAINS)}")
    if ("index" in arguments) == ("name" in arguments):
        raise ValueError("give either index=NUMBER or name=NAME")
    if not _NUMBER.fullmatch(arguments.get("index", "0")):
        raise ValueError(f"index {quoted(arguments['index'])} is not a number")


def _ask_twisted(description: str, kind: str) -> None:
    from twisted.internet.endpoints import serverFromString

    try:
        serverFromString(object(), description)
    except Exception as error:
        if "Unknown endpoint type" in str(error):
            raise ValueError(_unknown_type(kind, description)) from None
        if isinstance(error, (ValueError, TypeError)):  # any other: it may need a real reactor, and shows when it listens
            raise ValueError(f"cannot be used: {error}") from None


def _unknown_type(kind: str, written: str) -> str:
    if kind == _WRAPPER:
        return f"{_WRAPPER} wraps another endpoint; write {_WRAPPER}:tcp:PORT"
    types = (*PARAMETERS, _WRAPPER)
    hint = f" (did you mean tcp:{kind}?)" if _NUMBER.fullmatch(kind) else _meant(written) or did_you_mean(kind, types)
    return f"unknown endpoint type {quoted(kind)}{hint}; types are {', '.join(sorted(types))}"


def _meant(written: str) -> str:
    """The endpoint that is meant by an address and a port, as many other programs want them; empty where it is neither."""
    match = _HOST_AND_PORT.fullmatch(written)
    if match is None or int(match[3]) > _GREATEST_PORT:
        return ""
    host, port, version = match[1] or match[2] or "", match[3], 0
    with suppress(ValueError):
        version = ip_address(host).version
    kind = "tcp6" if version == _IPV6 else "tcp"
    if is_loopback(host):
        meant = f"{LOOPBACK}:{port}"
    elif host in ("", "*", _EVERYWHERE[kind]):
        meant = f"{kind}:{port}"
    elif version or "." in host:
        meant = f"{kind}:{port}:interface={escaped(host)}"
    else:
        return ""
    return f" (did you mean {meant}?)"
