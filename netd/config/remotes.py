"""Descriptions of the remotes that netd dials: ``tcp:broker.lan:1883``, ``tls:broker.lan:8883``, ``unix:/run/x.sock``.

They are Twisted's client endpoints. TLS always verifies: ``ssl:``, which does not, is refused. Nothing here connects.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from ipaddress import ip_address
from pathlib import Path

from netd.config.notation import Notation, escaped, is_whole
from netd.pem import Files, PairSource, trusted
from netd.spelling import did_you_mean, quoted

__all__ = ["REMOTE_PARAMETERS", "arguments_of_remote", "check_remote", "located_remote", "sources_of_remote"]

REMOTE_PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "tcp": ("host", "port", "bindAddress"),
    "tls": ("host", "port", "bindAddress", "certificate", "privateKey", "trustRoots"),
    "unix": ("path",),
}
"""The parameters of the types, in the order in which they may be given without their names."""

_NOTATION = Notation(REMOTE_PARAMETERS, {"tls": ("certificate", "privateKey", "trustRoots"), "unix": ("path",)})
_GREATEST_PORT = 65535
_NUMBER = re.compile(r"[0-9]{1,9}")
_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*\.?")
_ADDRESS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://)?(?:\[(?P<ipv6>[^\]]*)\]|(?P<host>[^\[\]=:/]+)):(?P<port>[0-9]{1,9})/?"
)
_SCHEMES_WITH_TLS = ("https", "mqtts", "ssl", "tls", "wss")


def check_remote(description: str) -> None:
    """Check that netd can dial *description*. The remote itself need not be reachable.

    The files that the description names (certificates, keys) must exist.

    :raises ValueError: if not. The text names the description and its mistake.
    """
    try:
        if not is_whole(description):
            raise ValueError("ends in a lone backslash")
        kind, arguments = _NOTATION.arguments(description)
        if kind in ("tcp", "tls"):
            _check_address(kind, arguments)
        elif kind == "unix":
            if not arguments.get("path"):
                raise ValueError("path is missing; write unix:PATH")
        else:
            _ask_twisted(description, kind)
        if kind == "tls":
            _check_certificates(description, arguments)
    except ValueError as error:
        raise ValueError(f"{description}: {error}") from None


def arguments_of_remote(description: str) -> tuple[str, dict[str, str]]:
    """Return type and arguments of the (checked) *description*. A type of another distribution has no arguments."""
    return _NOTATION.arguments(description)


def located_remote(description: str, directory: Path) -> str:
    """Return *description* with *directory* before its relative paths. Nothing is checked: a wrong description stays as it is."""
    return _NOTATION.located(description, directory)


def sources_of_remote(description: str) -> list[PairSource]:
    """Return the sources of netd's own key and certificate that the (checked) *description* names; none or one."""
    _, arguments = _NOTATION.arguments(description)
    return [Files(Path(arguments["privateKey"]), Path(arguments["certificate"]))] if "privateKey" in arguments else []


def _check_address(kind: str, arguments: dict[str, str]) -> None:
    for name in ("host", "port"):
        if not arguments.get(name):
            raise ValueError(f"{name} is missing; write {kind}:HOST:PORT")
    host, port = arguments["host"], arguments["port"]
    if not _is_address(host) and not _HOST_NAME.fullmatch(_encoded(host)):
        raise ValueError(f"host {quoted(host)} is neither a name nor an address")
    if not _NUMBER.fullmatch(port) or not 1 <= int(port) <= _GREATEST_PORT:
        raise ValueError(f"port {quoted(port)} is not a number from 1 to {_GREATEST_PORT}")
    if "bindAddress" in arguments and not _is_address(arguments["bindAddress"]):
        raise ValueError(f"bindAddress {quoted(arguments['bindAddress'])} is not an IP address of this machine")


def _check_certificates(description: str, arguments: dict[str, str]) -> None:
    if ("certificate" in arguments) != ("privateKey" in arguments):
        raise ValueError("certificate and privateKey belong together: give both, or neither")
    for source in sources_of_remote(description):
        source.pairs()
    if "trustRoots" in arguments:
        trusted(Path(arguments["trustRoots"]))


def _ask_twisted(description: str, kind: str) -> None:
    """Let Twisted check a type of another distribution. Errors for lack of a real reactor are ignored: a true one shows later."""
    if kind == "ssl":
        raise ValueError("ssl: does not verify the remote's certificate; write tls:HOST:PORT")
    from twisted.internet.endpoints import clientFromString

    try:
        clientFromString(object(), description)
    except Exception as error:
        if "Unknown endpoint type" in str(error):
            raise ValueError(_unknown_type(kind, description)) from None
        if isinstance(error, (ValueError, TypeError)):
            raise ValueError(f"cannot be used: {error}") from None


def _unknown_type(kind: str, written: str) -> str:
    hint = _meant(written) or did_you_mean(kind, REMOTE_PARAMETERS)
    return f"unknown endpoint type {quoted(kind)}{hint}; types are {', '.join(sorted(REMOTE_PARAMETERS))}"


def _meant(written: str) -> str:
    """Return a hint with the description for a URL, or for a host and a port; empty if *written* is neither."""
    match = _ADDRESS.fullmatch(written)
    if match is None or not 1 <= int(match["port"]) <= _GREATEST_PORT:
        return ""
    kind = "tls" if (match["scheme"] or "").lower() in _SCHEMES_WITH_TLS else "tcp"
    return f" (did you mean {kind}:{escaped(match['ipv6'] or match['host'])}:{match['port']}?)"


def _is_address(text: str) -> bool:
    with suppress(ValueError):
        ip_address(text)
        return True
    return False


def _encoded(host: str) -> str:
    """Return *host* in the ASCII form of the name service (IDNA); empty if there is none."""
    try:
        return host.encode("idna").decode("ascii")
    except UnicodeError:
        return ""
