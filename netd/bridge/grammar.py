"""The texts of ``from``, ``to`` and ``when``: what a bridge follows, where it sends, and which events it takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence

from attrs import evolve

from netd.bridge.template import Template
from netd.bus.subject import split_pattern, token
from netd.operations import MAIN
from netd.reaction.actions import Publish, Run, Send
from netd.reaction.condition import Judge
from netd.reaction.grammar import read_judge, read_lines, read_publish
from netd.reaction.sending import SENDING

__all__ = [
    "DEFAULT",
    "OWN",
    "Destination",
    "arguments_of",
    "causes_of",
    "name_of",
    "numbers_in",
    "read_destinations",
    "read_pattern",
    "read_when",
    "resolved",
    "section_of_target",
]

OWN = ("bridge.", "audit.")
"""How the subjects begin that bridges publish with each message, and follow never."""

DEFAULT = "{value}"
"""The template of bridges that say nothing else."""

Destination = Publish | Send | Run

_EXAMPLES = "write as in `> 30`, `state = firing`, `offline` or `ends`"
_TARGETS = "write relay.main.DEVICE, wire.SECTION.PEER, command.main.COMMAND or custom.SUBJECT"
_NUMBER = re.compile(r"\{([1-9][0-9]?)\}")
_INSTANCE = re.compile(r"[A-Za-z0-9_-]{1,63}(?:@[A-Za-z0-9_-]{1,63})?")
_NAME = re.compile(r"[A-Za-z0-9_.:@+-]{1,128}")

_ANSWERS = {"relay": ("sent.{}", "outcome.{}", "said.{}"), "wire": ("said.{}", "sample.{}.*")}
"""The events of a device that a message to it sets off, or that its answer is."""

_NOT_THERE = {
    "room": "bots hear each other alone; a program with a place in the room can speak there",
    "session": "agents send, and take nothing but their start and stop",
    "feed": "write a custom subject, and `source` in [feed] for it",
    "webhook": "alerts post webhooks: `then` in [alert:NAME]",
    "exec": "alerts run programs: `then` in [alert:NAME]; or write command.main.COMMAND",
    "mail": "alerts send mails: `then` in [alert:NAME]",
}


def read_pattern(written: str) -> str:
    """Read ``from``.

    :raises ValueError: saying what is wrong.
    """
    split_pattern(written)
    if written.startswith(OWN):
        raise ValueError(f"a bridge cannot follow {written.partition('.')[0]}.…, which it publishes itself; name another subject")
    return written


def read_when(written: str) -> Judge:
    """Read ``when``.

    :raises ValueError: saying what is wrong, and what to write.
    """
    return read_judge(written.split(), _EXAMPLES)


def read_destinations(written: str) -> tuple[Destination, ...]:
    """Read ``to``: targets, one a line, or with `` | `` between them.

    :raises ValueError: saying what is wrong, and what to write.
    """
    found = tuple(_destination(line) for line in read_lines(written))
    if not found:
        raise ValueError(f"names no target; {_TARGETS}")
    return found


def _destination(line: str) -> Destination:
    plain = _NUMBER.sub("x", line)
    kind, _, rest = plain.partition(".")
    if kind == "custom":
        read_publish(plain)
        return Publish(line)
    if kind not in ("command", *SENDING):
        word = re.split(r"[.\s]", line)[0]
        raise ValueError(f"{line!r:.80} is no target; {_NOT_THERE.get(word, _TARGETS)}")
    instance, _, name = rest.partition(".")
    example = "shed" if kind == "wire" else MAIN
    if not (_INSTANCE.fullmatch(instance) and _NAME.fullmatch(name)):
        raise ValueError(
            f"{line!r:.80} is no target; write {kind}.{example}.NAME, or {kind}.{example}@NODE.NAME for another node"
        )
    if "{" in line.split(".")[1]:
        raise ValueError(f"{line!r:.80}: the instance is written out, as in {kind}.{example}.{{3}}")
    _, _, name = line.split(".", 2)
    return Run(instance, name) if kind == "command" else Send(kind, instance, name)


def name_of(target: Destination) -> str:
    """Return *target* as ``to`` has it."""
    return target.subject if isinstance(target, Publish) else target.label


def numbers_in(target: Destination) -> set[str]:
    """Return the numbers of a subject's words that *target* names."""
    return set(_NUMBER.findall(_written(target)))


def resolved(target: Destination, words: Sequence[str]) -> Destination:
    """Return *target* with the *words* of a subject in the places of their numbers.

    A word that names another node becomes one that may stand anywhere: ``main-north`` for ``main@north``.
    """
    if "{" not in _written(target):
        return target
    return _with(target, _NUMBER.sub(lambda found: token(words[int(found[1]) - 1]), _written(target)))


def _written(target: Destination) -> str:
    return target.subject if isinstance(target, Publish) else target.device if isinstance(target, Send) else target.command


def _with(target: Destination, text: str) -> Destination:
    if isinstance(target, Publish):
        return evolve(target, subject=text)
    return evolve(target, device=text) if isinstance(target, Send) else evolve(target, command=text)


def section_of_target(target: Destination) -> str | None:
    """Return the section that *target* needs; None where this node's configuration does not show it."""
    if isinstance(target, Publish) or "@" in target.instance:
        return None
    kind = target.kind if isinstance(target, Send) else "command"
    return kind if target.instance == MAIN else f"{kind}:{target.instance}"


def causes_of(target: Destination, pattern: str) -> Iterable[str]:
    """Yield the patterns of the events that a message to *target* sets off at least, for a bridge that follows *pattern*."""
    words = [word for word in split_pattern(pattern) if word != ">"]
    words += ["*"] * 99
    text = _NUMBER.sub(lambda found: words[int(found[1]) - 1].replace("@", "-"), _written(target))
    if isinstance(target, Publish):
        yield text
    elif isinstance(target, Send):
        name = text.partition("@")[0] if target.kind == "relay" else text  # behind the sign, a relay has a node
        device = text if text == "*" else token(name)
        yield from (f"{target.kind}.{target.instance}.{answer.format(device)}" for answer in _ANSWERS[target.kind])
    else:
        yield f"command.{target.instance}.run"


def arguments_of(template: str) -> dict[str, Template]:
    """Read a template as the arguments of a command: ``speed={value} "note=at {time}"``, in quotes as in a shell.

    Without a template of its own, there are none.

    :raises ValueError: saying what is wrong, and what to write.
    """
    found: dict[str, Template] = {}
    if template == DEFAULT:
        return found
    for word in shlex.split(template):
        name, sign, value = word.partition("=")
        if not sign or not name.isidentifier():
            raise ValueError(f"{word!r:.40} is no argument of a command; write as in speed={{value}}")
        found[name] = Template.read(value)
    return found
