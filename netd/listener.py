"""The listening ports of one endpoint description.

Most descriptions open one port. ``loopback`` opens one on each loopback address of the machine; people are shown one of them. A
port that is free but for connections of an earlier program that are still ending is tried again, and meanwhile everything else
starts. This module does not deal with connections: :mod:`netd.listening` is called with each port that opens.
"""

from __future__ import annotations

import errno
import ipaddress
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet import tcp, unix
from twisted.internet.endpoints import TCP4ServerEndpoint, serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IStreamServerEndpoint
from twisted.logger import Logger
from twisted.python.failure import Failure

from netd.certificates import Certificates
from netd.config.descriptions import LOOPBACK, LOOPBACK_HOSTS, arguments_of, is_proxied, is_secured, may_be_secured, unproxied
from netd.config.options import variable_name
from netd.config.tls import Security
from netd.connection.factory import BesideFactory, PeerFactory
from netd.connection.parking import park, unpark
from netd.connection.protocol import describe_address
from netd.connection.proxied import proxied
from netd.connection.tls import SecuredEndpoint
from netd.errors import NetdError
from netd.holders import Holder, holders_of
from netd.operations import MAIN
from netd.pem import NOBODY_ASKED, CertificateError, source_of
from netd.plaintext import moment
from netd.status import ListeningPlace

__all__ = ["AGAIN", "BACKLOG", "PATIENCE", "CannotListen", "HeldByNetd", "Listener", "reach_of"]

SYSTEMD = "systemd"

BACKLOG = 1024
"""The backlog of a port whose description names none. When it is full, clients try again after a second."""

PATIENCE = 70.0
"""Seconds for which a port is tried while old connections are ending. TIME_WAIT lasts 60."""

AGAIN = 1.0
"""Seconds between two tries."""

ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors that mean that the machine has no such address."""

PARKED = "nobody: netd is draining"

TAKEN = "nobody: another program has taken the address meanwhile; `netd resume` tries again"

ENDING = f"nobody yet: old connections to this port are still ending; tried for up to {PATIENCE:.0f} s"


class CannotListen(NetdError):
    """netd cannot listen on an endpoint. The text names service, endpoint, cause and remedy.

    :ivar why: the text without the service.
    """

    def __init__(self, service: str, why: str) -> None:
        super().__init__(f"[{service}] {why}")
        self.why = why


class HeldByNetd(CannotListen):
    """The address is taken by netd itself, which may be about to give it up."""


@define
class _Late:
    """An address that is still taken by connections that are ending.

    :ivar until: the time after which it is no longer tried.
    :ivar reach: what people are told in place of who can reach it.
    """

    host: str
    until: float
    reach: str = ENDING
    is_over: bool = False


class Listener:
    """Listens on the endpoint that *description* describes.

    :param remedy: what a person can do when netd cannot listen there.
    :param opened: called with each port that opens.
    :param security: what ``tls = yes`` needs; None without it.
    :param holders: finds the programs that use an address and port; see :func:`netd.holders.holders_of`.
    :ivar ports: the open ports.
    :ivar is_parked: True while the ports accept nobody, and keep their addresses. A port that opens meanwhile does the same.
    """

    _log = Logger()

    def __init__(
        self,
        description: str,
        factory: PeerFactory | BesideFactory,
        reactor: Any,
        remedy: str,
        opened: Callable[[IListeningPort], None],
        security: Security | None = None,
        holders: Callable[[str, int], list[Holder] | None] = holders_of,
    ) -> None:
        self.description = description
        self.ports: list[Any] = []
        self._factory = factory
        self._reactor = reactor
        self._remedy = remedy
        self._opened = opened
        self._security = security if may_be_secured(description) else None
        self._holders = holders
        self._kind, self._arguments = arguments_of(description)
        self._late: list[_Late] = []
        self._timer: Any = None
        self._certificates: Certificates | None = None
        self.is_parked = False
        self._parked = PARKED

    def open(self) -> None:
        """Listen now, or as soon as the old connections to the port have ended.

        :raises CannotListen: when that is not possible.
        """
        if self.is_secured:
            self._certificates = self._load()
        if self._kind != LOOPBACK:
            self._open(self._arguments.get("interface"))
            return
        failures = [self._open(host, is_optional=True) for host in LOOPBACK_HOSTS]
        if not self.ports and not self._late:
            raise self._cannot(failures[0])

    @property
    def is_secured(self) -> bool:
        """Whether connections here speak TLS."""
        return self._security is not None or is_secured(self.description)

    def look(self) -> None:
        """Look whether the files of the certificate have changed, and whether it ends soon."""
        if self._certificates is not None:
            self._certificates.look()

    def secure(self, security: Security | None) -> None:
        """Use the files of *security* from the next handshake on. Whether TLS is spoken at all is not changed."""
        if self._security is not None and security is not None:
            self._security = security
            if self._certificates is not None:
                self._certificates.follow(security.pairs, security.demand)

    def close(self) -> list[Any]:
        """Stop listening, and stop trying. Returns a Deferred for each port that takes time to close."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._late.clear()
        ports, self.ports = self.ports, []
        closing = [_stop_listening(port) for port in ports]
        return [closed for closed in closing if closed is not None]

    def park(self) -> None:
        """Accept nobody, and keep the addresses."""
        self.is_parked, self._parked = True, PARKED
        for port in self.ports:
            self._park(port)

    def unpark(self) -> None:
        """Accept again.

        :raises CannotListen: when another program has taken the address meanwhile.
        """
        for port in self.ports:
            try:
                if isinstance(port, tcp.Port):
                    unpark(port, int(self._arguments.get("backlog", BACKLOG)))
            except OSError:
                self._parked = TAKEN
                raise self._cannot(Failure()) from None
        self.is_parked = False

    def places(self, admitted: str = "") -> list[ListeningPlace]:
        """The place where it listens, and those where it cannot yet; each with who can reach it, for people.

        :param admitted: who may connect, where that is written; otherwise, the address tells it.
        """
        hosts, end = (
            [port.getHost() for port in self.ports[:1]],
            self._certificates.end if self._certificates is not None else None,
        )
        secured = "" if end is None else f"; TLS until {moment(end)[:10]}"
        return [
            *(
                ListeningPlace(
                    describe_address(host), f"{self._parked if self.is_parked else admitted or reach_of(host)}{secured}", end
                )
                for host in hosts
            ),
            *(ListeningPlace(self._address(late.host), late.reach) for late in self._late),
        ]

    @property
    def is_opening(self) -> bool:
        """Whether an address is tried still."""
        return any(not late.is_over for late in self._late)

    def _open(self, host: str | None, is_optional: bool = False) -> Failure | None:
        """Listen on *host* now or later. Returns the reason if *host* is optional and the machine lacks it, else None."""
        failure = self._listen(host)
        if failure is None:
            return None
        if is_optional and (_errno(failure) in ABSENT or self._port == 0):
            return failure
        failure.trap(CannotListenError, OSError)
        if host is None or _errno(failure) != errno.EADDRINUSE:
            raise self._cannot(failure)
        holder = self._holder(host)
        if holder is not None:
            raise (HeldByNetd if holder.is_own else CannotListen)(self._factory.name, self._taken(host, holder))
        self._late.append(_Late(host, self._reactor.seconds() + PATIENCE))
        self._log.warn(
            "{service}: nobody listens on {address}, but old connections to it are still ending; it is tried for up to "
            "{patience} s, and everything else starts meanwhile",
            service=self._factory.name,
            address=self._address(host),
            patience=int(PATIENCE),
        )
        self._schedule()
        return None

    def _listen(self, host: str | None) -> Failure | None:
        """Listen on *host*. Returns the reason if that is not possible, else None."""
        failures: list[Failure] = []
        is_own_socket = self._is_own_socket()
        listens = self._endpoint(host).listen(self._factory)
        listens.addCallback(self._listens)
        listens.addErrback(failures.append)
        if failures and not is_own_socket and self._is_own_socket():
            # Twisted keeps the lock of a socket that it could not bind. Whoever finds it thinks that netd has the socket.
            self._lock.unlink()
        return failures[0] if failures else None

    def _listens(self, port: Any) -> None:
        self.ports.append(port)
        if isinstance(port, tcp.Port) and "backlog" not in self._arguments:
            port.socket.listen(BACKLOG)
        self._opened(port)
        if self.is_parked:
            self._park(port)

    def _park(self, port: Any) -> None:
        if isinstance(port, tcp.Port):
            park(port, is_shared=self._kind == SYSTEMD)

    @property
    def _port(self) -> int:
        return int(self._arguments.get("port", 0))

    def _endpoint(self, host: str | None) -> IStreamServerEndpoint:
        endpoint: IStreamServerEndpoint
        if self._kind == LOOPBACK or (self._certificates is not None and self._kind != SYSTEMD):
            port = self.ports[0].getHost().port if self._port == 0 and self.ports else self._port  # the same on each address
            backlog = int(self._arguments.get("backlog", BACKLOG))
            endpoint = TCP4ServerEndpoint(self._reactor, port, backlog, host)  # takes IPv6 addresses, too
            return self._wrapped(endpoint)
        names = [name for name in os.environ.get("LISTEN_FDNAMES", "").split(":") if name] if self._kind == SYSTEMD else []
        if names.count(self._arguments.get("name", "")) > 1:
            raise self._unclear("systemd has handed over several sockets of this name: give each unit one ListenStream=")
        try:
            return self._wrapped(serverFromString(self._reactor, unproxied(self.description)))
        except LookupError:
            there = f" There are: {', '.join(names)}." if names else ""
            raise self._unclear(
                f"systemd has handed over no such socket.{there} Start netd by its socket unit, or choose another with `listen`."
            ) from None

    def _unclear(self, why: str) -> CannotListen:
        return CannotListen(self._factory.name, f"cannot listen on {self.description}: {why}")

    def _wrapped(self, endpoint: IStreamServerEndpoint) -> IStreamServerEndpoint:
        """Put a proxy's header and TLS on *endpoint* where they are asked for. The header comes before TLS."""
        if is_proxied(self.description):
            endpoint = proxied(endpoint, self._factory)
        return endpoint if self._certificates is None else SecuredEndpoint(endpoint, self._certificates, self._reactor)

    def _load(self) -> Certificates:
        """Read the certificates of a TLS endpoint."""
        try:
            source = source_of(self._kind, self._arguments) if self._security is None else self._security.pairs
            demand = NOBODY_ASKED if self._security is None else self._security.demand
            found = Certificates(source, self._factory.protocols, self._factory.name, demand)
            found.load()
        except CertificateError as error:
            raise CannotListen(self._factory.name, f"cannot listen on {self.description}: {error}") from None
        return found

    # Ports that cannot be opened

    def _schedule(self) -> None:
        if self._timer is None:
            self._timer = self._reactor.callLater(AGAIN, self._try_again)

    def _try_again(self) -> None:
        self._timer = None
        for late in [late for late in self._late if not late.is_over]:
            failure = self._listen(late.host)
            if failure is None:
                self._late.remove(late)
                self._log.info(
                    "{service}: listens on {address} now", service=self._factory.name, address=self._address(late.host)
                )
            else:
                self._look(late, failure)
        if self.is_opening:
            self._schedule()

    def _look(self, late: _Late, failure: Failure) -> None:
        """Give the address up, unless connections are still ending there and there is time left."""
        holder = self._holder(late.host)
        if _errno(failure) == errno.EADDRINUSE and holder is None and self._reactor.seconds() < late.until:
            return
        late.is_over = True
        late.reach = "nobody: it could not be opened, and the log says why"
        holder = holder or self._connected(late.host)
        error = self._cannot(failure) if holder is None else CannotListen(self._factory.name, self._taken(late.host, holder))
        self._log.error("{error}", error=error)

    def _holder(self, host: str) -> Holder | None:
        """The program that listens on *host*, or None. Of several, it is not netd: only netd may be about to give it up."""
        found = self._holders(host, self._port)
        if found is None:
            return Holder(is_listening=True, process=None)
        return min((holder for holder in found if holder.is_listening), key=lambda holder: holder.is_own, default=None)

    def _connected(self, host: str) -> Holder | None:
        """A program with a connection to *host* that has not ended, or None where none can be named."""
        return next((holder for holder in self._holders(host, self._port) or () if holder.process is not None), None)

    def _taken(self, host: str, holder: Holder) -> str:
        who = "another program" if holder.process is None else holder.process
        how = (
            f"listens on {self._address(host)} already"
            if holder.is_listening
            else f"still has a connection on {self._address(host)}"
        )
        look = f" (as root, `ss -ltnp sport = :{self._port}` shows which)" if holder.process is None else ""
        kind, _, instance = self._factory.name.partition(":")
        another = re.sub(rf"\b{self._port}\b", "PORT", self.description, count=1)
        return (
            f"cannot listen on {self.description}: {who} {how}{look}. "
            f"Stop it, or choose another port: `listen = {another}` in [{self._factory.name}], or at a start the environment "
            f"variable {variable_name(kind, instance or MAIN, 'listen')}={another}."
        )

    def _cannot(self, failure: Failure | None) -> CannotListen:
        cause = _cause(failure)
        why = getattr(cause, "strerror", None) or str(cause)
        kind = HeldByNetd if self._is_own_socket() else CannotListen
        return kind(self._factory.name, f"cannot listen on {self.description}: {why}. {self._remedy}")

    def _is_own_socket(self) -> bool:
        """Whether this very process has the unix socket: Twisted's lock beside it is a link to a pid."""
        return self._kind == "unix" and self._lock.is_symlink() and str(self._lock.readlink()) == str(os.getpid())

    @property
    def _lock(self) -> Path:
        return Path(f"{self._arguments.get('address', '')}.lock")

    def _address(self, host: str) -> str:
        return f"[{host}]:{self._port}" if ":" in host else f"{host}:{self._port}"


def _stop_listening(port: Any) -> Any:
    """Close *port*. Returns a Deferred if that takes time."""
    closed = port.stopListening()
    if isinstance(port, unix.Port) and closed is not None:
        closed.addErrback(_close_without_file, port)
    return closed


def _close_without_file(failure: Failure, port: unix.Port) -> None:
    """Close *port*, whose socket file is not there any more: that stops Twisted half-way, with the socket open and locked."""
    failure.trap(FileNotFoundError)
    if port.lockFile is not None:
        port.lockFile.unlock()
    tcp.Port.connectionLost(port, failure)


def reach_of(address: Any) -> str:
    """Return the words that tell from where a port on *address* can be reached."""
    host = getattr(address, "host", None)
    if host is None:
        return "users of this machine who may open the socket file"
    ip = ipaddress.ip_address(host.partition("%")[0] or "0.0.0.0")  # noqa: S104 - binds nothing: an empty host is that address
    if ip.is_loopback:
        return "this machine only"
    if ip.is_unspecified:
        return "every machine that reaches this one"
    return f"machines that reach {host}"


def _cause(failure: Failure | None) -> Any:
    return None if failure is None else getattr(failure.value, "socketError", failure.value)


def _errno(failure: Failure) -> int | None:
    number: int | None = getattr(_cause(failure), "errno", None)
    return number
