"""Server endpoint descriptions (``loopback:5050``, ``tcp:5050``): splitting, resolving of paths, checks, and collisions.

All types but ``loopback`` are Twisted's. The types that Twisted brings along are checked here, for two reasons: the errors of
Twisted's parser speak of Python calls (``_parseTCP() got an unexpected keyword argument``), not of the description; and its
import takes longer than all the rest of the configuration. It is imported only for types of other distributions. Nothing here
listens, and nothing imports the reactor.
"""

from __future__ import annotations

import os.path
import re
import socket
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from attrs import evolve, frozen

from netd.config.notation import Notation, escaped, is_whole
from netd.pem import source_of
from netd.spelling import did_you_mean, quoted

__all__ = [
    "DATAGRAMS",
    "LOOPBACK",
    "LOOPBACK_HOSTS",
    "PARAMETERS",
    "ListenAddress",
    "addresses",
    "arguments_of",
    "check_description",
    "ipv6_takes_ipv4",
    "is_exposed",
    "is_for_datagrams",
    "is_loopback",
    "is_proxied",
    "is_secured",
    "located",
    "may_be_secured",
    "split_descriptions",
    "unix_address",
    "unproxied",
]

LOOPBACK = "loopback"
"""netd's own type of endpoint: a port on each of :data:`LOOPBACK_HOSTS` that the machine has."""

DATAGRAMS = "udp"
"""The type of ports for datagrams. Only kinds whose programs send datagrams can listen there: Twisted has no such endpoint."""

LOOPBACK_HOSTS = ("127.0.0.1", "::1", "127.0.1.1")
"""The addresses to which programs on this machine connect: ``localhost`` by IPv4 and by IPv6, and 127.0.1.1, which is the
machine's own name in ``/etc/hosts`` of Debian and its relatives."""

PARAMETERS: Mapping[str, tuple[str, ...]] = {
    LOOPBACK: ("port", "backlog"),
    "tcp": ("port", "interface", "backlog"),
    "tcp6": ("port", "backlog", "interface"),
    "ssl": ("port", "privateKey", "certKey", "sslmethod", "interface", "backlog", "extraCertChain", "dhParameters"),
    "tls": ("path", "port", "backlog", "interface"),
    "unix": ("address", "mode", "backlog", "lockfile"),
    "systemd": ("domain", "index", "name"),
    DATAGRAMS: ("port", "interface"),
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
    DATAGRAMS: "port",
}
_PATHS = {"ssl": ("privateKey", "certKey", "extraCertChain", "dhParameters"), "tls": ("path",), "unix": ("address",)}
_NOTATION = Notation(PARAMETERS, _PATHS)
_WRAPPER = "haproxy"
_SYSTEMD_DOMAINS = ("INET", "INET6", "UNIX")
_SECURED = ("ssl", "tls")
_EVERYWHERE = {"tcp": "0.0.0.0", "ssl": "0.0.0.0", "tcp6": "::", "tls": "::", DATAGRAMS: "0.0.0.0"}  # noqa: S104 - not bound
_DEFAULT_PORT = "443"
"""The default port of ``tls``. The other types have none."""
_GREATEST_PORT = 65535
_IPV6 = 6

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9.+-]*")
_DESCRIPTION = re.compile(r"(?:\\.|\S)+")
_NUMBER = re.compile(r"[0-9]{1,9}")
_HOST_AND_PORT = re.compile(r"(?:\[([^\]]*)\]|([^\[\]=]*)):([0-9]{1,9})")
_OCTAL = re.compile(r"[0-7]{1,4}")


@frozen
class ListenAddress:
    """The address at which a description listens, used to find two descriptions that cannot listen at once.

    :ivar interface: an IP address, or the path of a unix socket.
    :ivar port: 1 to 65535; 0 for a unix socket.
    :ivar everywhere: whether *interface* is the wildcard of its family and so takes the port on every interface of it.
    :ivar takes_ipv4: whether it is the wildcard of IPv6, and takes the port for IPv4 as well.
    :ivar is_for_datagrams: whether it is a port of UDP, which has a space of numbers of its own.
    """

    interface: str
    port: int
    everywhere: bool = False
    takes_ipv4: bool = False
    is_for_datagrams: bool = False

    def collides_with(self, other: ListenAddress) -> bool:
        """Return True if the two addresses overlap, so that the operating system would refuse the second listener."""
        if self.port != other.port or self.is_for_datagrams != other.is_for_datagrams:
            return False
        return self.interface == other.interface or self._covers(other) or other._covers(self)

    def _covers(self, other: ListenAddress) -> bool:
        same_family = (":" in self.interface) == (":" in other.interface)
        return self.everywhere and (same_family or self.takes_ipv4)


def ipv6_takes_ipv4() -> bool:
    """Whether a listener on the wildcard of IPv6 takes IPv4's connections, too, on this machine.

    On Linux it does, unless ``net.ipv6.bindv6only`` is set. The answer is read from a socket that is never bound.
    """
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as unbound:
            return not unbound.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
    except OSError:  # there is no IPv6 here
        return False


def split_descriptions(text: str) -> tuple[str, ...]:
    """Return the descriptions in *text*, which white space separates. A space after a backslash belongs to its description."""
    return tuple(_DESCRIPTION.findall(text))


def located(text: str, directory: Path) -> str:
    """Return *text*, with *directory* before each relative path in its descriptions.

    Nothing is checked: a description that cannot be read stays as it is.
    """
    return _DESCRIPTION.sub(lambda description: _located(description[0], directory), text)


def check_description(description: str) -> None:
    """Check that Twisted can listen on *description*.

    The files that it names (keys, certificates) must exist. A socket of systemd need not exist yet: systemd opens it when it
    starts the daemon.

    :raises ValueError: if not. The text names the description and its mistake.
    """
    try:
        if not is_whole(description):
            raise ValueError("ends in a lone backslash")
        kind, arguments = _arguments(description)
        if not _TYPE.fullmatch(kind):
            raise ValueError(_unknown_type(kind, unproxied(description)))
        if kind == DATAGRAMS and is_proxied(description):
            raise ValueError(f"{_WRAPPER} is for connections, and there are none by UDP; take it out")
        if kind in PARAMETERS:
            _check_arguments(kind, arguments, unproxied(description).removeprefix(f"{kind}:"))
        if kind in _SECURED:
            from netd.certificates import Certificates

            Certificates(source_of(kind, arguments), (), kind).check()
        elif kind not in PARAMETERS:
            _ask_twisted(unproxied(description), kind)
    except ValueError as error:
        raise ValueError(f"{description}: {error}") from None


def addresses(descriptions: tuple[str, ...], takes_ipv4: bool = True) -> tuple[tuple[str, ListenAddress], ...]:
    """Return each of the (checked) *descriptions* whose address is known, with that address; ``loopback`` has several.

    Descriptions with port 0 (the operating system chooses one), sockets of systemd and types of other distributions are left out.

    :param takes_ipv4: the result of :func:`ipv6_takes_ipv4` on this machine.
    """
    return tuple((description, address) for description in descriptions for address in _addresses(description, takes_ipv4))


def is_loopback(host: str) -> bool:
    """Whether *host*, an IP address or a name, is reachable from this machine only. The only name trusted is ``localhost``."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host == "localhost"
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped.is_loopback
    return address.is_loopback


def is_exposed(description: str) -> bool | None:
    """Whether other machines can reach the (checked) *description*: by its address, or through a proxy.

    None if that is known only once it listens: for a socket of systemd, and for a type of another distribution.
    """
    kind, arguments = _arguments(description)
    if is_proxied(description):
        return True
    if kind in _EVERYWHERE:
        return not is_loopback(arguments.get("interface") or _EVERYWHERE[kind])
    return False if kind in ("unix", LOOPBACK) else None


def is_for_datagrams(description: str) -> bool:
    """Whether the (checked) *description* is a port of UDP."""
    return description.startswith(f"{DATAGRAMS}:")


def is_proxied(description: str) -> bool:
    """Whether a proxy is in front, which sends the address of each client in a header of the PROXY protocol."""
    return description.startswith(f"{_WRAPPER}:")


def arguments_of(description: str) -> tuple[str, dict[str, str]]:
    """Return type and arguments of the (checked) *description*, or of the one that ``haproxy:`` wraps.

    A type that netd does not know has no arguments. A type with an interface always has that argument: a missing one is returned
    as the wildcard address.
    """
    kind, arguments = _arguments(description)
    if kind in _EVERYWHERE:
        arguments["interface"] = arguments.get("interface") or _EVERYWHERE[kind]
        arguments.setdefault("port", _DEFAULT_PORT)
    return kind, arguments


def is_secured(description: str) -> bool:
    """Whether the (checked) *description* uses TLS."""
    return _arguments(description)[0] in _SECURED


def may_be_secured(description: str) -> bool:
    """Whether ``tls = yes`` puts TLS on the (checked) *description*: it is none of TLS already, and no unix socket."""
    kind, arguments = _arguments(description)
    return kind in (LOOPBACK, "tcp", "tcp6") or (kind == "systemd" and arguments["domain"] != "UNIX")


def unix_address(path: str | Path) -> ListenAddress:
    """Return the address of a unix socket at *path*. All spellings of the path give the same address."""
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
    if kind not in _EVERYWHERE:
        return ()
    return (evolve(_address(arguments["interface"], port, takes_ipv4), is_for_datagrams=kind == DATAGRAMS),)


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
    unwrapped = unproxied(description)
    return description.removesuffix(unwrapped) + _NOTATION.located(unwrapped, directory)


def unproxied(description: str) -> str:
    """Return *description* without ``haproxy:`` before it."""
    while description.startswith(f"{_WRAPPER}:"):
        description = description.removeprefix(f"{_WRAPPER}:")
    return description


def _arguments(description: str) -> tuple[str, dict[str, str]]:
    """Return the type of *description*, without its wrapper, and its arguments by name. A foreign type has no arguments."""
    return _NOTATION.arguments(unproxied(description))


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
    if kind == "tls" and not os.path.isdir(arguments["path"]):  # noqa: PTH112 - a Path raises for a name that is too long
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
        if isinstance(error, (ValueError, TypeError)):  # others may come from the missing reactor
            raise ValueError(f"cannot be used: {error}") from None


def _unknown_type(kind: str, written: str) -> str:
    if kind == _WRAPPER:
        return f"{_WRAPPER} wraps another endpoint; write {_WRAPPER}:tcp:PORT"
    types = (*(one for one in PARAMETERS if one != DATAGRAMS), _WRAPPER)
    hint = f" (did you mean tcp:{kind}?)" if _NUMBER.fullmatch(kind) else _meant(written) or did_you_mean(kind, types)
    return f"unknown endpoint type {quoted(kind)}{hint}; types are {', '.join(sorted(types))}"


def _meant(written: str) -> str:
    """Return a hint with the description for an address and port as other programs write them; empty if *written* is none."""
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
