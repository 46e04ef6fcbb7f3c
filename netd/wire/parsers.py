"""What the options of ``[wire:NAME]`` may be: the parser of each, whose mistakes name the line and the remedy."""

from __future__ import annotations

import attrs

from netd.config import (
    Parser,
    choice,
    duration,
    each_line,
    within,
)
from netd.config.remotes import sources_of_remote
from netd.message import NAME
from netd.spelling import quoted
from netd.wire.checks import Check, parse_check
from netd.wire.framing import Frame, parse_frame, parse_say
from netd.wire.messages import check_encoding
from netd.wire.plan import SaidRegularly, Unmatched
from netd.wire.remotes import check_wire_remote, is_serial, located_wire_remotes, split_remotes
from netd.wire.rules import Rule, check_order, parse_rule, placed_rule
from netd.wire.template import WireTemplate, parse_template

__all__ = [
    "Strays",
    "WireAsked",
    "ack_text",
    "asks_text",
    "channels_text",
    "check_text",
    "encoding_text",
    "frame_text",
    "name_text",
    "remotes_text",
    "rules_text",
    "say_text",
    "sayings_text",
    "strays_text",
    "template_text",
    "templates_text",
]


@attrs.frozen
class WireAsked:
    """A line of ``ask``."""

    period: float
    question: WireTemplate
    rule: Rule


@attrs.frozen
class Strays:
    """The value of ``unmatched``."""

    kind: Unmatched
    reply: WireTemplate | None = None


def _read_asked(line: str, index: int) -> WireAsked:
    period, _, rest = line.partition(" ")
    text, arrow, rule = rest.partition(" => ")
    if not (arrow and text.strip() and rule.strip()):
        raise ValueError(f"{quoted(line)} is no question; write time, question and what the answer is: 1s READ? => sample {{v}}")
    return WireAsked(_period(period, "0s"), parse_template(text.strip()), parse_rule(rule.strip(), index))


def _read_said(line: str, index: int) -> SaidRegularly:
    period, _, text = line.partition(" ")
    if not text.strip():
        raise ValueError(f"{quoted(line)}: write a time and what is said, as in 30s PING")
    return SaidRegularly(_period(period, "10ms"), parse_template(text.strip()), index)


def _period(written: str, least: str) -> float:
    return within(duration, least, "30d")(written)


def _read_ack(line: str, index: int) -> Rule:
    return parse_rule(f"event {line}", index)


def _read_strays(written: str) -> Strays:
    word, _, text = written.partition(" ")
    if word == Unmatched.REPLY.value and text.strip():
        return Strays(Unmatched.REPLY, parse_template(text.strip()))
    return Strays(Unmatched(choice("count", "event", "close", "reply TEXT")(written)))


def _read_name(written: str) -> str:
    if not NAME.fullmatch(written):
        raise ValueError(f"{quoted(written)} is no name; write 1 to 63 letters, digits, _ and -")
    return written


def _read_channels(written: str) -> tuple[tuple[str, str, str], ...]:
    found: dict[str, tuple[str, str, str]] = {}
    for item in (item.strip() for item in written.split(",")):
        name, _, rest = (part.strip() for part in item.partition(":"))
        label, bracket, unit = rest.partition("[")
        if not name or (bracket and not unit.endswith("]")) or not item.isprintable():
            raise ValueError(f"{quoted(item)} is no channel; write a name, or name:Label [unit], as in Ta:Temperature [°C]")
        if name in found:
            raise ValueError(f"channel {name} is given twice")
        found[name] = (name, label.strip(), unit.removesuffix("]").strip())
    return tuple(found.values())


def _read_remotes(written: str) -> tuple[str, ...]:
    found = split_remotes(written)
    for one in found:
        check_wire_remote(one)
    if len(set(found)) < len(found):
        raise ValueError("one remote is given twice")
    return found


rules_text: Parser[tuple[Rule, ...]] = each_line("rules, one a line", parse_rule, check_order, placed_rule)
asks_text: Parser[tuple[WireAsked, ...]] = each_line(
    "questions, one a line: 1s READ? => sample {v}",
    _read_asked,
    placed=lambda asked, lines: attrs.evolve(asked, rule=placed_rule(asked.rule, lines)),
)
sayings_text: Parser[tuple[SaidRegularly, ...]] = each_line("TIME TEXT, one a line: 30s PING", _read_said)
templates_text: Parser[tuple[WireTemplate, ...]] = each_line(
    "text with {fields}, one a line", lambda line, _: parse_template(line)
)
template_text: Parser[WireTemplate] = Parser("text with {fields}", parse_template, is_verbatim=True)
ack_text: Parser[tuple[Rule, ...]] = each_line("pattern", _read_ack)
frame_text: Parser[Frame] = Parser("frame", parse_frame)
say_text: Parser[Frame] = Parser("frame, or raw", parse_say)
check_text: Parser[Check] = Parser("check: xor, sum, modbus, x25, nmea", parse_check)
encoding_text: Parser[str] = Parser("encoding: utf-8, latin-1, cp1252", check_encoding)
strays_text: Parser[Strays] = Parser("count, event, close, or reply TEXT", _read_strays, is_verbatim=True)
name_text: Parser[str] = Parser("letters, digits, _ and -", _read_name)
channels_text: Parser[tuple[tuple[str, str, str], ...]] = Parser(
    "channels, comma-separated: Ta:Temperature [°C], H:Humidity [%]", _read_channels
)
remotes_text: Parser[tuple[str, ...]] = Parser(
    "where to dial: tcp:HOST:PORT, tls:HOST:PORT, unix:PATH or serial:PATH:BAUD, separated by spaces",
    _read_remotes,
    locate=located_wire_remotes,
    sources=lambda remotes: [source for one in remotes if not is_serial(one) for source in sources_of_remote(one)],
)
