"""The options of ``[cluster]``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib.util import find_spec
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

import attrs

from netd.bus.subject import split_pattern
from netd.cluster.credentials import make_demand
from netd.config import REQUIRED, Parser, SectionConfig, choice, duration, flag, off_or, option, path, secret_file, size, within
from netd.message import NAME
from netd.secrets.nats_login import NatsLogin, read_login
from netd.secrets.private_files import PrivateFileError

__all__ = ["Config"]

_SCHEMES = ("nats", "tls")
_PORT = 4222


def _read_server(written: str) -> str:
    if "://" not in written:
        raise ValueError(f"{written!r} is no URL; write nats://HOST:PORT, or tls://HOST:PORT")
    parts = urlsplit(written)
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"{written!r}: the scheme is {parts.scheme}; write nats://HOST:PORT, or tls://HOST:PORT")
    if "@" in parts.netloc:
        raise ValueError(f"{parts.hostname}: a URL holds no password or token here; write them to the file of `credentials`")
    try:
        port = parts.port or _PORT
    except ValueError:
        raise ValueError(f"{written!r}: the port is not a number from 1 to 65535") from None
    if not parts.hostname or parts.path.strip("/") or parts.query or parts.fragment:
        raise ValueError(f"{written!r} is not of the form nats://HOST:PORT or tls://HOST:PORT")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}:{port}"


def _read_servers(written: str) -> tuple[str, ...]:
    servers = tuple(_read_server(item) for item in written.replace(",", " ").split())
    twice = next((server for position, server in enumerate(servers) if server in servers[:position]), None)
    if twice is not None:
        raise ValueError(f"{twice} is given twice")
    return servers


def _read_name(written: str) -> str:
    if not NAME.fullmatch(written):
        raise ValueError(f"{written!r} is not a name; write 1 to 63 letters, digits, _ and -")
    return written


def _read_patterns(written: str) -> tuple[str, ...]:
    patterns = tuple(written.replace(",", " ").split())
    for pattern in patterns:
        split_pattern(pattern)
    return patterns


_servers: Parser[tuple[str, ...]] = Parser("URLs of NATS servers, comma-separated", _read_servers)
_name: Parser[str] = Parser("letters, digits, _ and -", _read_name)
_patterns: Parser[tuple[str, ...]] = Parser("patterns of subjects, comma-separated", _read_patterns)


def _is_local(server: str) -> bool:
    host = urlsplit(server).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Joins this node with others, so that they behave as one: what runs on node B is the instance `main@B` on all of them.

    The nodes meet through NATS servers. This node is known by the `name` of `[netd]`. There is one such section.
    """

    packaged: ClassVar[bool] = False
    uses_asyncio: ClassVar[bool] = True
    is_single: ClassVar[bool] = True

    servers: tuple[str, ...] = option(
        _servers,
        REQUIRED,
        help="The NATS servers, as in `nats://10.0.0.5:4222, nats://10.0.0.6:4222`; `tls://` demands TLS. One of them is used at "
        "a time; when it is lost, the next.",
    )
    name: str = option(_name, "lab", help="Name of the cluster: nodes with the same one meet. Several may share a NATS server.")
    credentials: Path | None = option(
        off_or(secret_file),
        "off",
        help="File with which this node logs in at NATS: a `.creds` file, the seed of an nkey, or a line `USER:PASSWORD`. "
        "No other user may be able to read it.",
    )
    tls_ca: Path | None = option(
        off_or(path), "off", help="File of the certificate authorities that the servers are checked against. It demands TLS."
    )
    tls_certificate: Path | None = option(
        off_or(secret_file),
        "off",
        help="File of this node's own certificate and its private key, for servers that demand one. It demands TLS, too.",
    )
    grant: str = option(
        choice("nothing", "viewer", "operator", "admin"),
        "operator",
        help="The highest role that callers of other nodes may have here.",
    )
    linger: float = option(
        within(duration, "0s", "1s"),
        "5ms",
        help="How long an event may wait for others, to be sent with them. `0s`: until the turn ends.",
    )
    queue: int = option(
        within(size, "64KiB", "1GiB"),
        "8MiB",
        help="Memory for events while NATS is away or slow, 10000 messages at most. Above, the oldest are dropped.",
    )
    publish: tuple[str, ...] | None = option(
        off_or(_patterns),
        "off",
        help="Subjects whose events are also published one by one, for other programs at NATS, MQTT and others.",
    )
    accept: tuple[str, ...] = option(
        _patterns, "custom.>", help="Subjects that other nodes may publish here under the same name; of `custom` alone."
    )
    history: bool = option(flag, "no", help="Whether this node keeps the history of all nodes. NATS needs JetStream for it.")

    def read_login(self) -> NatsLogin:
        """Return what this node proves itself with; an empty login without `credentials`.

        :raises PrivateFileError: if the file cannot be used.
        """
        return NatsLogin() if self.credentials is None else read_login(self.credentials)

    def needs(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.needs`."""
        return [("history", "recorder")] if self.history else ()

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here: no client of NATS, no name, and an open way in."""
        if find_spec("nats") is None:
            yield "", f"needs the client of NATS, which is not installed: {sys.executable} -m pip install nats-py"
        if self.node == "localhost":
            yield "", "each node needs a name of its own, and this host's is localhost; write `name = …` in [netd]"
        far = next((server for server in self.servers if not _is_local(server)), "")
        if far and self.credentials is None:
            yield "servers", f"{far} is on the network, where anyone could join; write credentials = FILE"
        far = next((server for server in self.servers if not _is_local(server) and not self.is_secured(server)), "")
        if far:
            yield "servers", f"{far} is on the network, where anyone could listen; write tls_ca = FILE, or tls:// for nats://"

        try:
            self.read_login()
        except PrivateFileError as error:
            yield "credentials", str(error)
        for name, authorities, certificate in (("tls_ca", self.tls_ca, None), ("tls_certificate", None, self.tls_certificate)):
            try:
                make_demand(authorities, certificate)
            except OSError as error:
                yield name, f"{authorities or certificate}: cannot be used: {error.strerror or error}"

    @property
    def is_closed(self) -> bool:
        """Whether other nodes may not even look at what runs here."""
        return self.grant == "nothing"

    def is_secured(self, server: str) -> bool:
        """Whether TLS is demanded of *server*."""
        return self.tls_ca is not None or self.tls_certificate is not None or server.startswith("tls:")
