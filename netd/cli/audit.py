"""``netd audit``: who did what, to which device, and what came of it, as the recorder has kept it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from netd.bus.subject import common
from netd.cli.history import tell_missing
from netd.cli.invocation import ControlPort, Failure, Invocation, NetdCommand, NotFound
from netd.cli.text import as_commands
from netd.client.control import ControlError, NoSuchOperation
from netd.codec.words import Words, span

__all__ = ["PATTERNS", "Deed", "audit", "deed_of"]

PATTERNS = ("audit.>", "relay.*.outcome.*", "command.*.run")
"""The subjects that tell who did what."""

PAGE = 1000
"""Events that are asked for at a time."""

_ABOUT = ("target", "device", "agent", "room", "command_id", "subject", "name", "session")
"""The arguments that may say what an operation was about, the best first."""

LONGEST = 80
"""Characters of what an operation was about, at most."""

_TOLD = {"relay.send": "message", "command.run": "command"}
"""Operations of which an event of their own tells what came of it, and how such deeds begin."""

AT_ONCE = 0.1
"""Seconds between the end of such a call and that event, at most. They are published in the same turn."""

Deed = dict[str, Any]
"""``time``, ``who``, ``what``, ``about``, ``outcome``, ``error``, ``seconds``, and ``event``, which is all of it."""


@click.command(cls=NetdCommand, short_help="Show who did what, to which device, and what came of it.")
@click.option("--since", default="1d", show_default=True, metavar="TIME", help="From when on: 8h, 22:00, yesterday 22:00.")
@click.option("--until", default="now", show_default=True, metavar="TIME", help="Until when.")
@click.option("--who", help="Only callers and addresses with this text in them.")
@click.option("--device", help="Only what was about a device, an agent or a command with this text in its name.")
@click.option("--operation", help="Only operations with this text in their names; `message` and `command` are others.")
@click.option("--newest", default=100, show_default=True, type=click.IntRange(1, 100_000), help="So many at most.")
@click.option("--instance", help="Recorder, if several run.")
@click.pass_obj
def audit(
    invocation: Invocation,
    since: str,
    until: str,
    who: str | None,
    device: str | None,
    operation: str | None,
    newest: int,
    instance: str | None,
) -> None:
    """Show who did what, to which device, and what came of it.

    These are calls of operations that change something, messages to devices, and runs of commands, newest first.
    """
    wanted = {"who": who, "about": device, "what": operation}
    asked = {"begin": since, "end": until} | ({} if instance is None else {"instance": instance})
    with invocation.control() as control:
        found = _newest(control, asked, wanted, newest + 1)
        tell_missing(control, asked)
        own = _own_node(control) if any(_node_of(one) for one in found) else None
    has_more = len(found) > newest
    del found[newest:]
    if invocation.as_json:
        invocation.print_json([{"subject": one["subject"], "time": one["time"], **one["event"]} for one in found])
        return
    if not found:
        click.echo(f"nothing is recorded since {since} that is so")
        return
    words = Words(invocation.surroundings.wall_clock())
    where = () if own is None else ("node",)
    rows = [[*_row(one, words), *(() if own is None else (_node_of(one) or own,))] for one in found]
    invocation.show_table(("time", "who", "what", "about", "outcome", "in", *where), rows)
    if has_more:
        click.echo(f"there are older ones: --newest {10 * newest} shows more of them", err=True)


def _node_of(deed: Deed) -> str:
    """The node that tells a deed, by its subject; empty for the node that is asked."""
    tokens = str(deed["subject"]).split(".", 2)
    return tokens[1].partition("@")[2] if len(tokens) > 1 else ""


def _own_node(control: ControlPort) -> str:
    """The name of the node that is asked."""
    try:
        return str(control.call("system.status")["name"])
    except ControlError:
        return "here"  # a confined token may not be told the name


def _newest(control: ControlPort, asked: Mapping[str, str], wanted: Mapping[str, str | None], newest: int) -> list[Deed]:
    found: list[Deed] = []
    for deed in _deeds(control, asked, wanted["who"] or wanted["about"]):
        if all(text is None or text.casefold() in deed[name].casefold() for name, text in wanted.items()):
            found.append(deed)
        if len(found) == newest:
            break
    return found


def _deeds(control: ControlPort, asked: Mapping[str, str], contains: str | None) -> Iterator[Deed]:
    """All that was done, newest first, page by page.

    :param contains: a text that all that is wanted has in it somewhere. The recorder leaves out the rest.
    """
    patterns = _seen(control)
    end: float | str = asked["end"]
    told: set[str] = set()
    while True:
        try:
            page = control.call("history.events", **{**asked, "end": end}, pattern=patterns, contains=contains, newest=PAGE)
        except NoSuchOperation:
            raise NotFound("nothing is recorded here: add a section [recorder] to the configuration of netd") from None
        fresh = [one for one in page if repr(one) not in told]
        yield from once(list(map(deed_of, fresh)))
        if len(page) < PAGE:
            return
        # Events of one moment may stand on both pages; if that moment alone has more than a page, the rest of it is left out.
        last = float(page[-1]["time"])
        end = last + 0.000001 if fresh else last
        told = {repr(one) for one in page if one["time"] <= last}


def _seen(control: ControlPort) -> Sequence[str]:
    """The subjects that the caller may see of those that tell who did what."""
    subjects = control.call("system.whoami").get("subjects")
    if subjects is None:
        return PATTERNS
    seen = [both for own in subjects for pattern in PATTERNS if (both := common(own, pattern)) is not None]
    if not seen:
        raise Failure(f"this token sees none of {', '.join(PATTERNS)}")
    return list(dict.fromkeys(seen))


def once(deeds: Sequence[Deed]) -> list[Deed]:
    """Leave out the calls of which an event of their own, at the same time and by the same caller, tells more."""
    told: dict[tuple[str, str], list[float]] = {}
    for deed in deeds:
        told.setdefault((deed["what"].partition(" ")[0], deed["who"]), []).append(deed["time"])

    def is_told(deed: Deed) -> bool:
        times = told.get((_TOLD.get(deed["what"], ""), deed["who"]), ())
        return any(abs(time - deed["time"]) < AT_ONCE for time in times)

    return [deed for deed in deeds if not is_told(deed)]


def deed_of(past: Mapping[str, Any]) -> Deed:
    """What was done, as one recorded event tells it."""
    subject, event = past["subject"], past["data"]
    kind = subject.partition(".")[0]
    if kind == "audit":
        arguments = event["arguments"]
        about = next((_brief(one) for one in map(arguments.get, _ABOUT) if isinstance(one, (str, int))), "")
        who = ", ".join(filter(None, (event["who"], event["from"])))
        where = f" on {event['node']}" if event.get("node") else ""
        told = (who, f"{event['operation']}{where}", about, event["outcome"])
    elif kind == "relay":
        told = (event["from"], f"message {event['request']}", event["device"], event["status"])
    else:
        told = (event["from"], "command", event["command_id"], event["outcome"])
    who, what, about, outcome = told
    known = {"subject": subject, "time": past["time"], "event": event}
    return {"who": who, "what": what, "about": about, "outcome": outcome, **known}


def _brief(value: str | int) -> str:
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _row(deed: Deed, words: Words) -> list[str | tuple[str, str]]:
    event, outcome = deed["event"], deed["outcome"]
    said = f"{outcome}: {as_commands(event['error'])}" if event.get("error") else outcome
    style = "" if outcome in ("done", "sent", "acknowledged", "success") else "red"
    cells: list[str | tuple[str, str]] = [words.moment(deed["time"]), deed["who"], deed["what"], deed["about"]]
    return [*cells, (said, style), span(float(event["seconds"]))]
