"""The connections of the command service: bytes to the conversation, and its answers to the transport."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.logger import Logger
from zope.interface import implementer

from netd.command.commands import Command
from netd.command.grammar import OLD_ANSWER, CommandRequest, failure
from netd.command.machine import APOLOGY, CommandConversation, CommandState
from netd.command.once import Once, run_once
from netd.command.preparation import CommandContext, CommandFault
from netd.connection.bounds import Bounds, Policy
from netd.connection.early import EarlyPeer
from netd.connection.factory import PeerFactory
from netd.connection.fairness import Contender, Standing
from netd.connection.peer import PeerContext
from netd.connection.protocol import PeerProtocol
from netd.errors import Revoked
from netd.log import told_of
from netd.principal import ANONYMOUS, Kind, Principal

__all__ = ["CommandFactory", "CommandProtocol"]


class _Rest(Contender):
    """The commands of a connection that wait until other connections have had their turn."""

    __slots__ = ("_callback", "_connection", "_is_served")

    def __init__(self, connection: CommandProtocol) -> None:
        super().__init__(connection.factory.turns)
        self._connection = connection
        self._callback: Callable[[], None] | None = None
        self._is_served = False

    def await_turn(self, callback: Callable[[], None]) -> None:
        """Call *callback* when it is this connection's turn."""
        if not self._is_served:
            self.speak(self._connection.factory.turns.monotonic())
        self._callback = callback
        self._connection.factory.context.turn.after(self.line_up)

    def standing(self) -> Standing:
        return self._connection.standing()

    def serve(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            self._is_served = True
            callback()
            self._is_served = False


@implementer(IHalfCloseableProtocol)
class CommandProtocol(PeerProtocol):
    """One connection of the command service."""

    factory: CommandFactory
    conversation: CommandConversation
    bounds: ClassVar[Bounds] = Bounds(Policy.PAUSE, 1 << 16)
    machine = ("conversation", "received")
    says_when_identified = True

    early: EarlyPeer | None = None
    _rest: _Rest | None = None

    def begin(self, line: bytes, address: tuple[Any, ...], known: Once | CommandRequest | CommandFault | None) -> bytes | None:
        """Take *line* from *address* before there is a transport, or go on with what is *known* of it already.

        :returns: the whole answer, if all is said then.
        """
        self._address = address
        self._bytes_in = len(line)
        self.early = early = EarlyPeer(self.factory.principal_at(address), address[0])
        self.conversation = CommandConversation(self.factory.commands, early, self)
        if known is None:
            self.conversation.receive(line)
        elif isinstance(known, Once):
            known.listen(self.conversation.take_over(known.command))
        else:
            self.conversation.take(known)
        return None if early.reason is None else early.sent

    def opened(self) -> None:
        """Start the conversation, or go on with it."""
        if self.early is None:
            self.conversation = CommandConversation(self.factory.commands, self.peer, self)
        else:
            self.conversation.move(self.peer)
            self.early.hand_over(self.peer)
            self.early = None
        self.received = self.conversation.receive  # type: ignore[method-assign, assignment]  # one call less a read

    def begun(self) -> None:
        """Tell the conversation, which may have begun at the door."""
        self.conversation.begin()
        if self.conversation.state is not CommandState.FRESH:
            self.identified()

    def far_side(self) -> Any:
        """Return the address of the program, which is known at the door already."""
        return IPv4Address("TCP", *self._address[:2]) if self.transport is None else super().far_side()

    def describe(self) -> str:
        """Its address and who it is, for the log and the events of runs; also at the door."""
        if self.transport is not None:
            return super().describe()
        address, principal = f"{self._address[0]}:{self._address[1]}", "" if self.early is None else str(self.early.principal)
        return f"{address}, {principal}" if principal else address

    def expired(self) -> None:
        """Tell the conversation."""
        self.conversation.expired()

    def revoked(self, why: Revoked) -> None:
        self.conversation.revoke(why)

    def drained(self) -> None:
        """Tell the conversation that its answers have been taken."""
        self.conversation.drained()

    def closed(self) -> None:
        """Tell the conversation."""
        self.conversation.lost()
        if self._rest is not None:
            self._rest.leave()

    def finish(self) -> None:
        """Close, because the service stops or drains, once the running command is answered."""
        self.conversation.finish(self.factory.farewell)

    def readConnectionLost(self) -> None:
        """Tell the conversation that the program has closed its sending side. It may still read."""
        if self.peer.is_open:
            self.conversation.ended()
        else:
            self.transport.loseConnection()

    def writeConnectionLost(self) -> None:
        """Do nothing: :meth:`netd.connection.peer.Peer.close` has closed the sending side, and goes on from there."""

    def later(self, callback: Callable[[], None]) -> None:
        """Call *callback* when the turn of this connection comes, and this turn's output has been written."""
        if self._rest is None:
            self._rest = _Rest(self)
        self._rest.await_turn(callback)

    @property
    def takes_tokens(self) -> bool:
        """See :class:`netd.command.machine.CommandShell`."""
        return self.factory.access.takes_tokens

    def prove(self, text: str, *kinds: Kind) -> None:
        """See :class:`netd.interfaces.MachineShell`: also for a program whose first line has come at the door."""
        self.factory.access.prove(self.peer if self.early is None else self.early, text, *kinds)

    def failed(self) -> None:
        """Log (limited) a fault of netd's own."""
        self.factory.failed()

    def unanswerable(self, command: Command, why: str) -> None:
        """Log (limited) that the result of a function cannot be sent."""
        skipped = self.factory.log_limiter.admit(f"unanswerable {command.command_id}")
        if skipped is not None:
            self._log.warn(
                "{service}: the result of {command_id!r} ({place}) {why}{more}",
                service=self.factory.name,
                command_id=command.command_id,
                place=command.place,
                why=why,
                more=told_of(skipped),
            )


class CommandFactory(PeerFactory):
    """Makes the connections of one service.

    :param commands: what its connections have in common.
    """

    _log = Logger()
    connection = CommandProtocol

    def __init__(self, name: str, context: PeerContext, commands: CommandContext) -> None:
        super().__init__(name, context)
        self.commands = commands

    def principal_at(self, address: tuple[Any, ...]) -> Principal:
        """Return who a newcomer from *address* is, of which nothing else is known."""
        return self.access.admit_host(address[0]) or ANONYMOUS

    def refusal_at_door(self, why: str) -> bytes:
        return failure(None, why, OLD_ANSWER, is_denied=True)

    def answer_at_once(self, line: bytes, address: tuple[Any, ...]) -> bytes | CommandProtocol:
        """The whole answer to the one *line* of a program, or a connection that goes on from there.

        What is answered here is counted, and has no log line: there may be thousands in a second.
        """
        try:
            return self._answer(line, address)
        except Exception:
            self.failed()
            return failure(None, APOLOGY, OLD_ANSWER)

    def failed(self) -> None:
        """Log (limited) the exception that is being handled, a fault of netd's own."""
        skipped = self.log_limiter.admit("internal error")
        if skipped is not None:
            self._log.failure(
                "{service}: a command could not be carried out{more}",
                service=self.name,
                more=told_of(skipped),
            )

    def _answer(self, line: bytes, address: tuple[Any, ...]) -> bytes | CommandProtocol:
        takes_tokens = self.access.takes_tokens
        known = run_once(self.commands, line, self.principal_at(address), lambda: f"{address[0]}:{address[1]}", takes_tokens)
        answer = known.answer() if isinstance(known, Once) else None
        if answer is None:
            connection = CommandProtocol(self)
            answer = connection.begin(line, address, known)
            if answer is None:
                return connection
        tally = self.tally
        tally.accepted += 1
        tally.bytes_in += len(line)
        tally.bytes_out += len(answer)
        return answer
