"""The service of one ``[wire:NAME]``: its endpoints, remotes and ports for datagrams, and its operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.error import CannotListenError
from zope.interface import implementer

from netd.bus.subject import token
from netd.change import Change
from netd.codec.samples import SampleTaken
from netd.config import section_name
from netd.config.descriptions import arguments_of
from netd.connection.budget import Budget, Quota
from netd.console.dispatch import Dispatcher
from netd.errors import NoSuchTarget, OperationFailed
from netd.interfaces import IActing, IBus, IConsole, INetdService, IPublisher
from netd.listener import CannotListen, reach_of
from netd.listening import ListeningService, make_context
from netd.message import EventKind
from netd.operations import Caller, Operation, OperationTable, Role
from netd.paging import LIMIT, ListPager
from netd.principal import Action
from netd.reaction.caller import caller_of
from netd.redaction import without_tokens
from netd.status import ListeningPlace
from netd.wire.calls import WireCalls
from netd.wire.config import Config
from netd.wire.datagram import WireDatagrams
from netd.wire.dialled import WireRemote, rules_for, wire_remote
from netd.wire.events import WirePresence, WireSaid
from netd.wire.hub import SHOWN_EVERY, WireHub, WireName, described
from netd.wire.outlet import Report
from netd.wire.plan import AskTally
from netd.wire.protocol import WireFactory
from netd.wire.results import WireAnswer, WireMisfit, WirePeer, WirePeers, WireQuestion, WireRule, WireServiceStatus
from netd.wire.rights import CONNECT
from netd.wire.section import WireSection, WireTalker

__all__ = ["WireService", "make_service"]

LARGEST = 1 << 16
"""Bytes of a datagram that are read: all that one can have."""

LOGGED_EVERY = 3600.0
"""Seconds between two lines of the log about what a wire calls: it calls the same for years."""


def make_service(config: Config, reactor: Any, bus: IBus) -> WireService:
    """Build the service of one ``[wire]`` section."""
    name = section_name("wire", config.instance)
    calls = WireCalls(Dispatcher(OperationTable(), reactor.seconds, bus, LOGGED_EVERY), caller_of(name))
    section = WireSection(name, config, reactor, calls)
    factory = WireFactory(name, make_context(reactor, config.stall_timeout, config.dead_timeout), section)
    return WireService(config, factory, section, reactor, bus)


def _same(deferred: Deferred[Any]) -> Deferred[Any]:
    return deferred


@implementer(IActing, IConsole, INetdService, IPublisher)
class WireService(ListeningService):
    """One wire."""

    def __init__(self, config: Config, factory: WireFactory, section: WireSection, reactor: Any, bus: IBus) -> None:
        super().__init__(config, factory, reactor)
        self._config = config
        self._wires = factory
        self._section = section
        self._bus = bus
        self._settling: Any = None
        self._budget: Budget | None = None
        self._quota: Quota | None = None
        section.hub = WireHub(bus, config, section, self._settle_later)
        self._remotes: dict[str, WireRemote] = {one: self._remote(one) for one in config.connect or ()}
        self._ports: dict[str, tuple[WireDatagrams, Any]] = {}

    # What the daemon hands over

    def use_operations(self, table: OperationTable) -> None:
        """See :class:`netd.interfaces.IConsole`. A wire calls what people call, and no way leads past the checks of that."""
        calls = self._section.calls
        self._section.calls = WireCalls(Dispatcher(table, self._reactor.seconds, self._bus, LOGGED_EVERY), calls.caller)

    def use_budget(self, budget: Budget, quota: Quota) -> None:
        """Let its connections count; see :class:`netd.interfaces.IBudgeted`."""
        super().use_budget(budget, quota)
        self._budget, self._quota = budget, quota
        for remote in self._remotes.values():
            remote.use_budget(budget, quota)

    def log_everything(self, wanted: bool) -> None:
        """See :class:`netd.interfaces.ILogged`."""
        super().log_everything(wanted)
        self._section.limiter.is_lifted = wanted
        for remote in self._remotes.values():
            remote.log_everything(wanted)

    def turn_shares(self) -> list[Any]:
        """See :class:`netd.interfaces.IPaced`."""
        return [*super().turn_shares(), *(remote.factory.turns.share for remote in self._remotes.values())]

    # Its life

    def privilegedStartService(self) -> None:
        """Listen, on ports for datagrams as well.

        :raises CannotListen: for the first endpoint on which that is not possible.
        """
        super().privilegedStartService()
        self._open_ports()

    def startService(self) -> None:
        """Listen, unless that was done before, and dial."""
        super().startService()
        self._open_ports()
        for remote in self._remotes.values():
            remote.startService()

    def stopService(self) -> Deferred[None]:
        """End everything politely."""
        if self._settling is not None:
            self._settling.cancel()
            self._settling = None
        stopped = [super().stopService(), *(remote.stopService() for remote in self._remotes.values()), *self._close_ports()]
        return DeferredList([maybeDeferred(_same, one) for one in stopped]).addCallback(lambda _: None)

    def drain(self) -> Deferred[Any]:
        """Accept and dial no more, for good."""
        return DeferredList([super().drain(), *(remote.drain() for remote in self._remotes.values())])

    def pause(self) -> None:
        """See :class:`netd.interfaces.IDrainable`."""
        super().pause()
        for remote in self._remotes.values():
            remote.pause()

    def resume(self) -> None:
        """See :class:`netd.interfaces.IDrainable`."""
        super().resume()
        for remote in self._remotes.values():
            remote.resume()

    def finish(self) -> Deferred[None]:
        """End what is open politely, and wait for it."""
        ended = [super().finish(), *(remote.finish() for remote in self._remotes.values())]
        for port, _ in self._ports.values():
            port.end(self._factory.farewell)
        return DeferredList(ended).addCallback(lambda _: None)

    # Other options

    def endpoints_of(self, config: Config) -> tuple[str, ...]:
        """Return the endpoints at which programs connect."""
        return config.streams

    def prepare(self, config: Config, change: Change) -> None:
        """Get ready for *config*: open what is new."""
        super().prepare(config, change)
        if not self.running:
            return
        opened: dict[str, tuple[WireDatagrams, Any]] = {}
        for one in config.datagrams:
            if one not in self._ports:
                try:
                    opened[one] = self._port(one)
                except CannotListen as error:
                    change.refuse("listen", error.why)
        change.when_discarded(lambda: [port.stopListening() for _, port in opened.values()])
        change.when_applied(lambda: self._ports.update(opened))

    def follow(self, config: Config) -> None:
        """Go by *config* from now on."""
        super().follow(config)
        self._config = config
        for one in [one for one in self._ports if one not in config.datagrams]:
            links, port = self._ports.pop(one)
            links.end("netd does not listen there any more")
            port.stopListening()
        self._section.follow(config)
        self._follow_remotes(config)

    def _follow_remotes(self, config: Config) -> None:
        wanted = config.connect or ()
        for one in [one for one, remote in self._remotes.items() if one not in wanted or remote.dial != config.dial]:
            self._remotes.pop(one).stopService()
        for one in wanted:
            if one in self._remotes and self._remotes[one].dial == config.dial:
                self._remotes[one].follow(rules_for(config, one))
            else:
                remote = self._remotes[one] = self._remote(one)
                if self._budget is not None and self._quota is not None:
                    remote.use_budget(self._budget, self._quota)
                if self.running:
                    remote.startService()

    def _reconsider(self, rules: Any) -> None:
        super()._reconsider(rules)
        for links, _ in self._ports.values():
            links.consider()

    def _remote(self, description: str) -> WireRemote:
        return wire_remote(self._section, self._factory.context, description, self._reactor)

    def _open_ports(self) -> None:
        for one in self._config.datagrams:
            if one not in self._ports:
                self._ports[one] = self._port(one)

    def _port(self, description: str) -> tuple[WireDatagrams, Any]:
        _, arguments = arguments_of(description)
        links = WireDatagrams(self._section, lambda: self._factory.access)
        try:
            port = self._reactor.listenUDP(int(arguments["port"]), links, arguments["interface"], LARGEST)
        except CannotListenError as error:
            why = f"cannot listen on {description}: {error.socketError}. {self.remedy}"
            raise CannotListen(self._factory.name, why) from error
        return links, port

    def _close_ports(self) -> list[Deferred[Any]]:
        closed = []
        for links, port in self._ports.values():
            links.end(self._factory.farewell)
            closed.append(maybeDeferred(port.stopListening))
        self._ports.clear()
        return closed

    def _settle_later(self) -> None:
        if self._settling is None:
            self._settling = self._reactor.callLater(SHOWN_EVERY, self._settle)

    def _settle(self) -> None:
        self._settling = None
        self._section.hub.settle()

    # For people and programs

    def operations(self) -> list[Operation]:
        """Return the operations of a wire."""
        return [
            Operation(
                "wire.peers",
                self.peers,
                Role.VIEWER,
                "List the peers with their newest values, connected ones first",
                checks_subjects=True,
            ),
            Operation("wire.send", self.send, Role.OPERATOR, "Send a text to a peer, as `send` has it", checks_subjects=True),
            Operation("wire.ask", self.ask, Role.OPERATOR, "Ask a peer, and tell its next message", checks_subjects=True),
            Operation("wire.tell", self.tell, Role.OPERATOR, "Say a text to all peers"),
            Operation("wire.close", self.close, Role.OPERATOR, "Close a peer's connection", checks_subjects=True),
            Operation("wire.rules", self.rules, Role.VIEWER, "List the rules, with how many messages each has taken"),
            Operation("wire.questions", self.questions, Role.VIEWER, "List the questions of `ask`, with what became of each"),
            Operation("wire.misfits", self.misfits, Role.VIEWER, "List what did not fit last, and why", checks_subjects=True),
        ]

    def actions(self) -> list[Action]:
        """See :class:`netd.interfaces.IActing`."""
        return [CONNECT]

    def events(self) -> list[EventKind]:
        """See :class:`netd.interfaces.IPublisher`."""
        prefix = f"wire.{self.instance}"
        return [
            EventKind(f"{prefix}.sample.*.*", SampleTaken),
            EventKind(f"{prefix}.said.*", WireSaid),
            EventKind(f"{prefix}.presence.*", WirePresence),
        ]

    def status(self) -> WireServiceStatus:
        """Facts about this wire."""
        section, hub = self._section, self._section.hub
        remotes = list(self._remotes.values())
        connections = [len(remote.factory.connections) for remote in remotes]
        counters = self._factory.counters()
        for factory in (remote.factory for remote in remotes):
            for name in ("bytes_in", "bytes_out"):
                counters[name] += factory.counters()[name]
        counters["bytes_in"] += section.bytes_in
        counters["bytes_out"] += section.bytes_out
        return WireServiceStatus(
            kind="wire",
            instance=self.instance,
            listening=[*self.listening(), *self._listening_for_datagrams()],
            dialling=[one for remote in remotes for one in remote.dialling()],
            connections=len(self._factory.connections) + sum(connections) + sum(len(links) for links, _ in self._ports.values()),
            counters={**counters, "notes": dict(section.counts + hub.counts)},
            peers=len(hub.online),
            channels=hub.channels,
        )

    def _listening_for_datagrams(self) -> list[ListeningPlace]:
        places = []
        for _, port in self._ports.values():
            host = port.getHost()
            shown = f"[{host.host}]:{host.port}" if ":" in host.host else f"{host.host}:{host.port}"
            places.append(ListeningPlace(f"udp:{shown}", reach_of(host)))
        return places

    def peers(
        self,
        caller: Caller,
        contains: str = "",
        state: Literal["online", "away"] | None = None,
        newest: bool = False,
        limit: int = LIMIT,
        after: str | None = None,
    ) -> WirePeers:
        """Return a page of the peers whose presence *caller* may see, connected ones first.

        :param contains: a text in the peer's name or address.
        :param state: whether only peers that are online, or away, are meant.
        :param newest: whether the peers that became known last come first.
        :param limit: most rows of the page, up to 1000.
        :param after: what the page before gave as ``after``.
        """
        pager: ListPager[WireName] = ListPager(contains, state, newest, limit, after)
        for known in self._section.hub.names:
            if caller.may(self._subject(known.name)):
                is_away = not known.links
                words = f"{known.name} {known.address}"
                pager.take(known, "away" if is_away else "online", lambda words=words: words, is_away, known.number)  # type: ignore[misc]
        rows, end = pager.page()
        return WirePeers([described(known) for known in rows], dict(pager.counts), pager.matching, end)

    def rules(self) -> list[WireRule]:
        """The rules, in their order."""
        taken: dict[str, int] = {rule.text: 0 for rule in self._config.rules or ()}
        for plan in self._section.plans():
            for rule, count in zip(plan.rules.rules, plan.rules.taken, strict=True):
                taken[rule.text] = taken.get(rule.text, 0) + count
        return [WireRule(rule, count) for rule, count in taken.items()]

    def questions(self) -> list[WireQuestion]:
        """The questions, in their order."""
        told = {(ask.period, ask.question.text, ask.rule.text): AskTally() for ask in self._config.ask or ()}
        for plan in self._section.plans():
            for ask in plan.asks:
                told[ask.period, ask.question.text, ask.rules.rules[0].text] = ask.tally
        return [
            WireQuestion(question, rule, period, one.answered, one.unfit, one.unanswered, one.seconds, one.slowest)
            for (period, question, rule), one in told.items()
        ]

    def misfits(self, caller: Caller) -> list[WireMisfit]:
        """The newest fifty things that did not fit, newest first; those of peers that *caller* may see."""
        everybody = caller.may(f"wire.{self.instance}.presence.*")
        return [
            WireMisfit(one.time, one.kind.value, one.name, one.address, one.why, self._text(one.message))
            for one in reversed(self._section.misfits)
            if everybody or (one.name and caller.may(self._subject(one.name)))
        ]

    def _text(self, message: bytes) -> str:
        return without_tokens(message).decode(self._config.encoding, "backslashreplace")

    def send(self, caller: Caller, name: str, text: str) -> Deferred[WireAnswer]:
        """Send a text to a peer.

        :returns: a Deferred of the answer that acknowledges it; empty where none does.
        :raises NoSuchTarget: if there is no such peer.
        :raises OperationFailed: if it is not acknowledged.
        """
        peer = self._peer(caller, name)
        return self._answered(name, lambda report: self._freely(lambda: peer.send(text, report)))

    def ask(self, caller: Caller, name: str, text: str) -> Deferred[WireAnswer]:
        """Say a text to a peer.

        :returns: a Deferred of its next message.
        :raises NoSuchTarget: if there is no such peer.
        :raises OperationFailed: if no answer comes in time.
        """
        peer = self._peer(caller, name)
        return self._answered(name, lambda report: self._freely(lambda: peer.ask(text, report)))

    def tell(self, text: str) -> int:
        """Say a text to all peers. Return how many these are.

        :raises OperationFailed: if it is no single message.
        """
        talkers = self._section.admitted()
        payload = text.encode(self._config.encoding, "replace")
        if any(plan.say.as_one(payload) is None for plan in self._section.plans()):
            raise OperationFailed("the text holds what ends a message here (`say`): tell one message at a time")
        for talker in talkers:
            self._freely(lambda talker=talker: talker.speak(payload))  # type: ignore[misc]
        return len(talkers)

    def close(self, caller: Caller, name: str) -> WirePeer:
        """Close the connection of a peer.

        :raises NoSuchTarget: if there is no such peer.
        """
        self._peer(caller, name).leave(f"closed by {caller.who}")
        return next(described(known) for known in self._section.hub.names if known.name == name)

    def _subject(self, name: str) -> str:
        return f"wire.{self.instance}.presence.{token(name)}"

    def _peer(self, caller: Caller, name: str) -> WireTalker:
        peer = self._section.peer(name)
        if peer is None or not caller.may(self._subject(name)):
            raise NoSuchTarget(f"no peer {name!r} is connected; `wire.peers` lists them")
        return peer

    def _freely(self, do: Callable[[], object]) -> None:
        """Say what a person wants said: by UDP, more than in answer to a datagram."""
        self._section.speaks_freely = True
        try:
            do()
        finally:
            self._section.speaks_freely = False

    @staticmethod
    def _answered(name: str, ask: Callable[[Report], object]) -> Deferred[WireAnswer]:
        answer: Deferred[WireAnswer] = Deferred(lambda _: None)

        def report(text: str | None, error: str) -> None:
            if answer.called:
                return
            if text is None:
                answer.errback(OperationFailed(error))
            else:
                answer.callback(WireAnswer(name, text))

        ask(report)
        return answer
