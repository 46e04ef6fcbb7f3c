"""The options of ``[wire:NAME]``, and the plan that the machines of its connections go by."""

from __future__ import annotations

import sys
from collections.abc import Container, Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import ClassVar

import attrs

from netd.access.rules import AccessWord
from netd.config import (
    ListeningConfig,
    auto_or,
    choice,
    duration,
    integer,
    off_or,
    option,
    parse,
    size,
    sockets,
    unlimited_or,
    within,
)
from netd.config.descriptions import is_for_datagrams
from netd.config.dialing import first_delay, longest_delay
from netd.config.hosts import named_hosts
from netd.errors import LineError
from netd.wire.blocks import block_reader
from netd.wire.checks import Check
from netd.wire.framing import Frame, parse_frame
from netd.wire.parsers import (
    Strays,
    WireAsked,
    ack_text,
    asks_text,
    channels_text,
    check_text,
    encoding_text,
    frame_text,
    name_text,
    remotes_text,
    rules_text,
    say_text,
    sayings_text,
    strays_text,
    template_text,
    templates_text,
)
from netd.wire.plan import AskedRegularly, SaidRegularly, WirePlan
from netd.wire.remotes import is_serial
from netd.wire.rules import Rule, RuleSet, Verb
from netd.wire.sieve import sieve_of
from netd.wire.template import WireTemplate

__all__ = ["EACH", "STAY", "Config", "read_section"]

STAY = "stay"
EACH = "each"
"""The values of ``dial``."""

PYSERIAL = "serial"
"""The module that opens serial ports; the extra `netd[serial]` installs it."""


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """A home-made protocol, described by rules: what a program or a device says becomes samples, events and presence.

    Each protocol has a section of its own, `[wire:NAME]`.
    """

    packaged: ClassVar[bool] = False
    choices: ClassVar[str] = "`access = peers`, with `peers = 192.168.1.0/24`; or `access = tokens`; or `access = anyone`"

    listen: tuple[str, ...] | None = option(
        off_or(sockets),
        "off",
        help="Where programs connect, as in `tcp:9000`, or send datagrams, as in `udp:9999`. A section has this or `connect`.",
        live=True,
    )
    connect: tuple[str, ...] | None = option(
        off_or(remotes_text),
        "off",
        help="What netd connects to: `serial:/dev/ttyACM0:115200`, `serial:/dev/ttyUSB0:9600:7E1`, `tcp:192.168.1.7:5025`, "
        "`tls:…`, `unix:…`; several are separated by spaces.",
        live=True,
    )
    dial: str = option(
        choice(STAY, EACH),
        STAY,
        help="`stay`: a connection is kept up. `each`: each question, and each thing said or sent, has one of its own, for "
        "remotes that serve one message a connection.",
        live=True,
    )
    frame: Frame | None = option(
        auto_or(frame_text),
        "auto",
        help=r"How bytes become messages: `lines`, `lines:\r`, `until:;`, `between:\x02:\x03`, `length:64`, "
        r"`length:4:big`, `bytes:20`, "
        "`json`, `silence:50ms`, `datagram`. `auto`: `datagram` by UDP, else `lines`.",
        live=True,
    )
    say: Frame | None = option(
        auto_or(say_text),
        "auto",
        help="How what netd says is framed, or `raw`: as written. `auto`: as `frame`.",
        live=True,
    )
    encoding: str = option(
        encoding_text, "utf-8", help="Encoding of the texts. Bytes that are no such text count as U+FFFD.", live=True
    )
    check: Check | None = option(
        off_or(check_text),
        "off",
        help="The sum within each message: `xor`, `sum`, `modbus`, `x25`, `nmea`; over a part of it as in "
        "`x25:2..-4`. Messages in "
        "which it is wrong are counted and dropped.",
        live=True,
    )
    greeting: tuple[WireTemplate, ...] | None = option(
        off_or(templates_text), "off", help="What netd says when a connection is made, one message a line.", live=True
    )
    rules: tuple[Rule, ...] | None = option(
        off_or(rules_text),
        "off",
        help="What messages are, a rule a line, tried in order: `VERB PATTERN`, or `VERB PATTERN => REPLY`. Verbs "
        "are sample, event, "
        "name, bye, tell, tell-all, call, send and ignore; docs/wires.md has examples.",
        live=True,
    )
    ask: tuple[WireAsked, ...] | None = option(
        off_or(asks_text),
        "off",
        help="What netd asks, a question a line: `1s MEAS:VOLT? => sample {voltage V}`. The next message is the "
        "answer. `0s` asks "
        "once after connecting.",
        live=True,
    )
    answer_timeout: float = option(
        within(duration, "10ms", "1h"),
        "2s",
        help="How long an answer may take. Then the question is given up, and what comes until a second of silence answers none.",
        live=True,
    )
    every: tuple[SaidRegularly, ...] | None = option(
        off_or(sayings_text), "off", help="What netd says again and again, one message a line: `30s PING`.", live=True
    )
    send: WireTemplate = option(
        template_text, "{text}", help="What the operation `wire.send` says to a peer; `{text}` is its text.", live=True
    )
    ack: tuple[Rule, ...] | None = option(
        off_or(ack_text),
        "off",
        help="The message that acknowledges what was sent, as a pattern: `OK {answer}`. `off`: what is sent counts as done.",
        live=True,
    )
    name: str | None = option(
        auto_or(name_text),
        "auto",
        help="What a peer is called until it says a name. `auto`: its address in `names`, else its address; for "
        "`connect`, the name "
        "of the section.",
        live=True,
    )
    names: tuple[tuple[str, str], ...] | None = option(
        off_or(named_hosts), "off", help="Names by address: cellar=192.168.1.20, attic=192.168.1.21.", live=True
    )
    channels: tuple[tuple[str, str, str], ...] | None = option(
        off_or(channels_text),
        "off",
        help="Labels and units of channels: Ta:Temperature [°C], H:Humidity [%]. These units win over those in rules.",
        live=True,
    )
    unmatched: Strays = option(
        strays_text,
        "count",
        help="What becomes of messages that no rule takes: `count`; `event`; `close` the connection; or `reply TEXT`.",
        live=True,
    )
    max_message: int = option(
        within(size, "16", "1MiB"), "4KiB", help="Longest message. A longer one ends the connection.", live=True
    )
    max_connections: int | None = option(
        unlimited_or(integer(1, 1_000_000)),
        "100",
        help="Most connections at a time; by UDP, most addresses. Above, netd closes a connection that has not "
        "said yet what it is, "
        "or else refuses the new one.",
        live=True,
    )
    max_names: int = option(
        integer(1, 100_000), "1000", help="Most names of which samples are taken; new ones are ignored then.", live=True
    )
    max_channels: int = option(integer(1, 10_000), "256", help="Most channels of a name; new ones are ignored then.", live=True)
    rate: int = option(
        integer(1, 1_000_000),
        "10000",
        help="Most messages a second of one connection. Those above are counted and dropped.",
        live=True,
    )
    idle_timeout: float | None = option(
        auto_or(off_or(within(duration, "100ms", "30d"))),
        "auto",
        help="Silence after which a peer is away, and its connection is closed. `auto`: 60s by UDP, else off.",
        live=True,
    )
    dial_timeout: float = option(
        within(duration, "10ms", "1h"), "10s", help="How long one attempt to connect may take.", live=True
    )
    reconnect_delay: float = first_delay()
    max_reconnect_delay: float = longest_delay()

    @property
    def endpoints(self) -> dict[str, tuple[str, ...]]:
        """See :class:`netd.config.AdmittingConfig`."""
        return {"listen": self.listen or ()}

    @property
    def streams(self) -> tuple[str, ...]:
        """The endpoints at which programs connect."""
        return tuple(one for one in self.listen or () if not is_for_datagrams(one))

    @property
    def datagrams(self) -> tuple[str, ...]:
        """The endpoints to which programs send datagrams."""
        return tuple(one for one in self.listen or () if is_for_datagrams(one))

    @property
    def takes_proofs(self) -> bool:
        """Whether a rule takes a token."""
        return any(
            rule.verb is Verb.NAME and any(field.name == "token" for field in rule.pattern.fields) for rule in self.rules or ()
        )

    def plan(self, is_dialled: bool, is_datagram: bool) -> WirePlan:
        """Return what the machines of one kind of connection go by."""
        default = "datagram" if is_datagram else "lines"
        plain = self.frame or parse_frame(default)
        frame = attrs.evolve(plain, check=self.check)
        rules = RuleSet(self.rules or (), self.encoding)
        return WirePlan(
            frame=frame,
            say=self.say or plain,
            encoding=self.encoding,
            greeting=tuple(one.encoded(self.encoding) for one in self.greeting or ()),
            rules=rules,
            blocks=block_reader(rules, frame, self.max_message),
            sieve=sieve_of(rules),
            asks=tuple(self._asked(one) for one in self.ask or ()),
            every=tuple(SaidRegularly(one.period, one.text.encoded(self.encoding)) for one in self.every or ()),
            send=self.send.encoded(self.encoding),
            ack=None if self.ack is None else RuleSet(self.ack, self.encoding),
            answer_timeout=self.answer_timeout,
            unmatched=self.unmatched.kind,
            unmatched_reply=None if self.unmatched.reply is None else self.unmatched.reply.encoded(self.encoding),
            max_message=self.max_message,
            rate=self.rate,
            idle_timeout=self.idle_timeout if self.idle_timeout is not None or not is_datagram else IDLE_BY_UDP,
            is_dialled=is_dialled,
            is_datagram=is_datagram,
        )

    def _asked(self, one: WireAsked) -> AskedRegularly:
        return AskedRegularly(one.period, one.question.encoded(self.encoding), RuleSet((one.rule,), self.encoding))

    def mistakes(self, unread: Container[str]) -> Iterator[tuple[str, str | LineError]]:
        """See :meth:`SectionConfig.mistakes`. Here: options that contradict each other, or that a transport cannot have."""
        yield from super().mistakes(unread)
        if not ("listen" in unread or "connect" in unread):
            yield from self._about_transports()
        if not ("rules" in unread or "ask" in unread) and self.rules is None and self.ask is None:
            yield "rules", "says nothing: write what messages are, as in sample {*}, or ask"
        for option_name, problem in self._contradictions(unread):
            if option_name not in unread:
                yield option_name, problem

    def _about_transports(self) -> Iterator[tuple[str, str | LineError]]:
        if self.listen is None and self.connect is None:
            yield "listen", "write listen = tcp:PORT where programs connect, or connect = … where netd is to connect"
        elif self.listen is not None and self.connect is not None:
            yield "connect", "a section has listen or connect; give the other its own section [wire:NAME]"
        if self.dial == EACH and self.connect is None:
            yield "dial", "is about connections that netd makes; take it out, or write connect"
        elif self.dial == EACH and any(map(is_serial, self.connect or ())):
            yield "dial", "a serial port stays open: many boards begin anew whenever it is opened; take it out"
        if self.name is not None and len(self.connect or ()) > 1:
            yield "name", "there are several remotes: write names = NAME=ADDRESS, …, or a section for each"

    def _contradictions(self, unread: Container[str]) -> Iterator[tuple[str, str | LineError]]:
        if self.ack is not None and len(self.ack) > 1:
            yield "ack", LineError(self.ack[1].line, "is one pattern, on one line")
        yield from self._about_silence()
        if self.datagrams:
            yield from self._about_datagrams()
        if self.streams or self.connect:
            for name, one in (("frame", self.frame), ("say", self.say)):
                if one is not None and one.text == "datagram":
                    yield name, "datagram is for udp: alone; connections have no datagrams: write lines, or silence:50ms"
        if "rules" not in unread and AccessWord.TOKENS in (self.access or ()) and not (self.takes_proofs or self.tls):
            yield "access", "no rule takes a token: write one, as in name HELLO {name} {token}, or tls = yes for certificates"

    def _about_silence(self) -> Iterator[tuple[str, str | LineError]]:
        silence = None if self.frame is None else self.frame.silence
        if silence is not None:
            for one in self.every or ():
                if one.period <= silence:
                    problem = f"{one.period:g}s is no longer than the silence that ends a message; write a longer time"
                    yield "every", LineError(one.line, problem)

    def _about_datagrams(self) -> Iterator[tuple[str, str | LineError]]:
        words = {AccessWord.TOKENS, AccessWord.ANYONE} & set(self.access or ())
        if words:
            yield (
                "access",
                (
                    f"{' and '.join(sorted(word.value for word in words))} cannot be by UDP, where anybody can forge an "
                    f"address and "
                    "nobody can prove one: write `access = peers`, with `peers = 192.168.1.0/24`"
                ),
            )
        for rule in self.rules or ():
            if rule.verb in (Verb.TELL, Verb.TELL_ALL):
                problem = "tell cannot be by UDP: the address of a datagram can be forged, and all others would be told"
                yield "rules", LineError(rule.line, problem)
        for name, value in (("ask", self.ask), ("every", self.every), ("greeting", self.greeting)):
            if value is not None:
                yield name, "cannot be by UDP: nobody is connected, and addresses can be forged; only replies are said"

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here also: what opens serial ports is not installed."""
        yield from super().objections()
        if any(map(is_serial, self.connect or ())) and find_spec(PYSERIAL) is None:
            yield "connect", f"serial ports need pyserial, which is not installed: {sys.executable} -m pip install pyserial"


IDLE_BY_UDP = 60.0
"""Seconds of silence after which an address that sends datagrams is away, where nothing is written."""


def read_section(text: str, directory: Path = Path(), origin: str = "the section") -> Config:
    """Return the one section ``[wire:NAME]`` in *text*, for tools that try it out.

    :param origin: what mistakes name as the file.
    :raises netd.errors.ConfigErrors: with all mistakes.
    :raises ValueError: if there is none, or another section as well.
    """
    configuration = parse(text, origin, {"wire": Config}, {}, 1, "here", directory)
    if len(configuration.sections) != 1:
        raise ValueError(f"{len(configuration.sections)} sections [wire:NAME] are there, and one is wanted")
    found = configuration.sections[0].config
    assert isinstance(found, Config), "there are no other kinds"
    return found
