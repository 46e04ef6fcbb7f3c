"""The options of ``[bridge:NAME]``."""

from __future__ import annotations

from collections.abc import Container, Iterable
from typing import ClassVar

import attrs

from netd.bridge.grammar import (
    DEFAULT,
    Destination,
    arguments_of,
    causes_of,
    name_of,
    numbers_in,
    read_destinations,
    read_pattern,
    read_when,
    section_of_target,
)
from netd.bridge.template import Template
from netd.bus.subject import split_pattern
from netd.config import REQUIRED, Parser, Reaction, SectionConfig, duration, off_or, option, within
from netd.reaction.actions import Run
from netd.reaction.condition import Judge

__all__ = ["Config"]


def _read_template(written: str) -> str:
    Template.read(written)
    return written


_pattern: Parser[str] = Parser("subject, or a pattern of subjects", read_pattern)
_destinations: Parser[tuple[Destination, ...]] = Parser("targets, one a line or with ` | ` between them", read_destinations)
_judge: Parser[Judge] = Parser("condition", read_when)
_template: Parser[str] = Parser("text with names in braces", _read_template)


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Sends on what the bus carries: to devices, peers of wires, commands and subjects of one's own.

    Each bridge has a section of its own, `[bridge:NAME]`.
    """

    packaged: ClassVar[bool] = False

    from_: str = option(
        _pattern,
        REQUIRED,
        help="The subject that is followed, as `session.main.greenhouse.temp`, or a pattern, as `session.main.*.temp`. "
        "`session.main@north.greenhouse.temp` is that of the node north.",
        live=True,
    )
    to: tuple[Destination, ...] = option(
        _destinations,
        REQUIRED,
        help="Where the message goes: `relay.main.DEVICE`, `wire.SECTION.PEER`, `command.main.COMMAND` or `custom.SUBJECT`. "
        "`{3}` stands for the third word of the subject. Several stand one a line, or with ` | ` between them.",
        live=True,
    )
    template: str = option(
        _template,
        DEFAULT,
        help="The message: `{value}`, `{value:.1f}`, `{subject}`, `{2}` (its second word), `{time}`, `{event}` (all of it, as "
        "JSON) and the members of the event. For a command, its arguments: `speed={value} room={3}`; it has none "
        "unless they are written.",
        live=True,
    )
    when: Judge | None = option(
        off_or(_judge),
        "off",
        help="Only events of which this is true are sent on: `> 30`, `state = firing`, `offline`, `ends`.",
        live=True,
    )
    every: float | None = option(
        off_or(within(duration, "10ms", "30d")),
        "off",
        help="The least time between two messages of one subject. Of what comes meanwhile, the newest is sent when it is over.",
        live=True,
    )

    @property
    def read_template(self) -> Template:
        """The template, for all targets but commands."""
        return Template.read(self.template)

    @property
    def arguments(self) -> dict[str, Template]:
        """The template, as arguments of commands."""
        return arguments_of(self.template)

    @property
    def runs_commands(self) -> bool:
        """Whether there is a command among the targets."""
        return any(isinstance(target, Run) for target in self.to)

    @property
    def needs_values_alone(self) -> bool:
        """Whether bare numbers tell enough of samples."""
        members = {name for name in self.names if not name.isdigit()} - {"subject", "time"}
        return members <= {"value"} and (self.when is None or self.when.member == "value")

    @property
    def names(self) -> frozenset[str]:
        """The parts of an event that the message is made of."""
        return self.read_template.names

    def reaction(self) -> Reaction:
        """See :meth:`SectionConfig.reaction`."""
        causes = (cause for target in self.to for cause in causes_of(target, self.from_))
        needed = (section_of_target(target) for target in self.to)
        sections = tuple(dict.fromkeys(name for name in needed if name is not None))
        return Reaction("to", self.from_, tuple(causes), sections, is_endless=True)

    def mistakes(self, unread: Container[str]) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.mistakes`. Here: words that the subject has not, and a template that a target cannot take."""
        words = split_pattern(self.from_)
        most = 99 if words[-1] == ">" else len(words)
        what = f"{self.from_} has {most} words between dots"
        for target in self.to:
            for number in sorted(numbers_in(target)):
                if int(number) > most:
                    yield "to", f"{name_of(target)}: there is no word {{{number}}}; {what}"
        if "template" in unread:
            return
        for name in sorted(self.names):
            if name.isdigit() and int(name) > most:
                yield "template", f"there is no word {{{name}}}; {what}"
        if self.runs_commands:
            try:
                self.arguments  # noqa: B018 - it is read
            except ValueError as error:
                yield "template", str(error)
