"""One attempt to reach a remote: the connection, the time limit, and the reason in plain words if it fails.

A connection that netd dials has the same peer, outbox, clocks and log line as one that it accepts. Three things differ. It is
made when the TLS handshake is over, not before. It may be silent for as long as its service allows. It never has to make room for
newcomers. :mod:`netd.connection.dialer` repeats attempts.
"""

from __future__ import annotations

import enum
import errno
import os
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar

from OpenSSL import SSL
from service_identity import VerificationError
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.error import ConnectError, ConnectionClosed, DNSLookupError, TCPTimedOutError
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.internet.error import TimeoutError as TookTooLong
from twisted.internet.interfaces import IHandshakeListener, ISSLTransport, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure
from zope.interface import implementer

from netd.connection.factory import PeerFactory
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.errors import NetdError
from netd.pem import reason_of

__all__ = ["DialFailed", "DialResult", "DialledFactory", "DialledProtocol"]

NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN, errno.EADDRNOTAVAIL)
"""The operating system's errors for a remote to which it has no route."""


class DialResult(enum.Enum):
    """The result of an attempt. The values are labels of a metric."""

    CONNECTED = "connected"
    REFUSED = "refused"
    NO_ANSWER = "no answer"
    UNREACHABLE = "unreachable"
    UNKNOWN_NAME = "unknown name"
    NOT_TRUSTED = "not trusted"
    GIVEN_UP = "given up"
    FAILED = "failed"


REMEDIES = {
    DialResult.REFUSED: "start the program there, or correct the port",
    DialResult.NO_ANSWER: "see whether the machine is on, and whether a firewall is in between",
    DialResult.UNREACHABLE: "see whether this machine has a route to it (`ip route`)",
    DialResult.UNKNOWN_NAME: "check the name, or write the address",
}
"""The remedies of results that always have the same one."""

TLS_REMEDIES = {
    "certificate verify failed": "it has expired, or `trustRoots` lacks the certificate that it is signed with",
    "wrong version number": "the remote does not speak TLS: write tcp: in place of tls:",
    "record layer failure": "the remote does not speak TLS: write tcp: in place of tls:",
    "packet length too long": "the remote does not speak TLS: write tcp: in place of tls:",
}
"""The remedies of errors of OpenSSL, by its words for them."""


class DialFailed(NetdError):
    """A remote could not be reached. The text says why.

    :ivar remedy: the remedy, in words; empty if none is known.
    """

    def __init__(self, result: DialResult, why: str, remedy: str = "") -> None:
        super().__init__(why)
        self.result = result
        self.remedy = remedy or REMEDIES.get(result, "")

    @property
    def advice(self) -> str:
        """The text, with the remedy if there is one."""
        return f"{self}: {self.remedy}" if self.remedy else str(self)


class Attempt:
    """One attempt of *factory* to make *connection*.

    :param seconds: how long it may take: looking the name up, connecting and the TLS handshake.
    :ivar outcome: fires with the connection when it is made, or fails with :class:`DialFailed`. Cancelling it gives up.
    """

    def __init__(self, factory: DialledFactory, connection: DialledProtocol, seconds: float) -> None:
        self._factory = factory
        self._connection = connection
        self._seconds = seconds
        self._deadline: Any = None
        self._connecting: Deferred[Any] | None = None
        self.outcome: Deferred[Any] = Deferred(lambda _: self._end(DialFailed(DialResult.GIVEN_UP, "given up")))

    def begin(self, endpoint: IStreamClientEndpoint) -> None:
        """Start the time limit, and connect."""
        self._deadline = self._factory.context.clock.callLater(self._seconds, self._expired)
        self._connecting = maybeDeferred(endpoint.connect, _OnlyOne(self._connection))
        self._connecting.addErrback(self.failed)

    def made(self) -> None:
        """Succeed: the connection is there, and the TLS handshake is over."""
        self._count(DialResult.CONNECTED)
        self.outcome.callback(self._connection)

    def failed(self, failure: Failure) -> None:
        """Fail: the connection could not be made, or was lost during the TLS handshake."""
        if self._connecting is not None and not self.outcome.called:
            self._fail(explained(failure))

    def _expired(self) -> None:
        self._end(DialFailed(DialResult.NO_ANSWER, f"no answer within {self._seconds:g} s"))

    def _end(self, error: DialFailed) -> None:
        """Cancel what was begun, then fail with *error*. The endpoint's own error, which the cancelling causes, is ignored."""
        connecting, self._connecting = self._connecting, None
        assert connecting is not None
        connecting.cancel()
        if self._connection.transport is not None:
            self._connection.transport.abortConnection()
        self._fail(error)

    def _fail(self, error: DialFailed) -> None:
        self._count(error.result)
        self.outcome.errback(error)

    def _count(self, result: DialResult) -> None:
        self._factory.dials[result.value] += 1
        if self._deadline.active():
            self._deadline.cancel()


@implementer(IHandshakeListener)
class DialledProtocol(PeerProtocol):
    """A connection that netd dials. The methods to override are those of :class:`netd.connection.protocol.PeerProtocol`.

    :ivar attempt: the attempt that makes it.
    :ivar on_lost: called after the end of a connection that was made, with it and the reason.
    :ivar on_ready: called when the connection can be used, which the log then tells.
    :ivar is_unwelcome: whether the remote has turned netd away: the next wait is longer, however long the connection lasted.
    :cvar has_login: whether the connection can be used only after the remote has let netd in. Then it calls :meth:`ready` itself.
    """

    factory: DialledFactory
    attempt: Attempt
    on_lost: Callable[[DialledProtocol, str], object] | None = None
    on_ready: Callable[[], object] | None = None
    is_unwelcome = False
    has_login: ClassVar[bool] = False
    transport: Any = None
    _is_made = False

    def __init__(self, factory: DialledFactory) -> None:
        super().__init__(factory)
        self._opening = None  # netd knows the remote that it has dialled: its first bytes may look like HTTP or TLS

    @property
    def age(self) -> float:
        """Seconds since the connection was made."""
        assert self.place is not None
        return self.factory.context.clock.seconds() - self.place.since

    def connectionMade(self) -> None:
        if not ISSLTransport.providedBy(self.transport):
            self._make()

    def handshakeCompleted(self) -> None:  # noqa: N802 - Twisted's name
        """Open the connection: the certificate is good, and everything that follows is encrypted."""
        self._make()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # the base class's default is not needed
        if not self._is_made:
            self.attempt.failed(reason)
            return
        super().connectionLost(reason)
        if self.on_lost is not None:
            self.on_lost(self, self.peer.reason or "the remote closed it")

    def welcome(self) -> None:
        """Let the attempt succeed before the connection calls ``opened``, so that the service knows the connection by then."""
        self.identified()  # so that it never has to make room for newcomers
        self.attempt.made()
        if not self.has_login:
            self.ready()
        super().welcome()

    def ready(self) -> None:
        """Note that the connection can be used."""
        if self.on_ready is not None:
            self.on_ready()

    def finish(self) -> None:
        """End politely: the service stops, or dials another remote. Override to say something first."""
        self.peer.close("netd ended it")

    def stayed_silent(self) -> None:
        """Do nothing: a remote may be silent. A service that wants a limit uses ``peer.expire_after``."""

    def _make(self) -> None:
        self._is_made = True
        super().connectionMade()


class _OnlyOne(Factory):
    """A factory for the one connection of an attempt."""

    noisy = False

    def __init__(self, connection: DialledProtocol) -> None:
        self._connection = connection

    def buildProtocol(self, addr: object) -> Any:
        return self._connection


class DialledFactory(PeerFactory):
    """Makes connections to remotes, and counts them.

    :ivar dials: attempts that are over, by result.
    """

    connection: ClassVar[type[DialledProtocol]]

    def __init__(self, name: str, context: PeerContext) -> None:
        super().__init__(name, context)
        self.dials: Counter[str] = Counter()

    def make(self) -> DialledProtocol:
        return self.connection(self)

    def dial(self, endpoint: IStreamClientEndpoint, connection: DialledProtocol, seconds: float) -> Deferred[Any]:
        """Make *connection*, once.

        :param seconds: how long that may take.
        :returns: a Deferred of the connection; it fails with :class:`DialFailed`. Cancelling it gives up.
        """
        attempt = connection.attempt = Attempt(self, connection, seconds)
        attempt.begin(endpoint)
        return attempt.outcome

    def counters(self) -> dict[str, Any]:
        """Return the counters, without those of things that only happen to accepted connections."""
        counters = super().counters()
        del counters["accepted"], counters["silent"]
        return {"dials": dict(self.dials), **counters}


def explained(failure: Failure) -> DialFailed:
    """The reason of *failure* in words."""
    cause = failure.value
    if isinstance(cause, DialFailed):  # of an endpoint that knows its remedies itself
        return cause
    if isinstance(cause, VerificationError):
        remedy = "the certificate is for other names: dial one of those"
        return DialFailed(DialResult.NOT_TRUSTED, "the certificate does not belong to this remote", remedy)
    if isinstance(cause, SSL.Error):
        why = reason_of(cause)
        return DialFailed(DialResult.NOT_TRUSTED, f"TLS: {why}", TLS_REMEDIES.get(why, ""))
    if isinstance(cause, ConnectionClosed):
        return DialFailed(DialResult.FAILED, "the remote closed the connection before the TLS handshake was over")
    if isinstance(cause, DNSLookupError):
        return DialFailed(DialResult.UNKNOWN_NAME, "the name has no address")
    if isinstance(cause, Refused):
        return DialFailed(DialResult.REFUSED, os.strerror(errno.ECONNREFUSED))
    if isinstance(cause, (TCPTimedOutError, TookTooLong)):
        return DialFailed(DialResult.NO_ANSWER, "no answer")
    return _by_number(cause)


def _by_number(cause: BaseException | None) -> DialFailed:
    """Put an error of the operating system into words."""
    number = getattr(cause, "osError", None) if isinstance(cause, ConnectError) else getattr(cause, "errno", None)
    if not isinstance(number, int):
        return DialFailed(DialResult.FAILED, str(cause).rstrip(".") or type(cause).__name__)
    return DialFailed(DialResult.UNREACHABLE if number in NO_ROUTE else DialResult.FAILED, os.strerror(number))
