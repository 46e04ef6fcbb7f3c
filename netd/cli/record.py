"""``netd record``: runs and notes, by which last night is found again."""

from __future__ import annotations

from typing import Any

import click

from netd.cli.history import tell_missing
from netd.cli.invocation import Invocation, NetdCommand, UnknownForm
from netd.cli.text import escaped
from netd.codec.words import Words

__all__ = ["record"]


@click.group()
def record() -> None:
    """Begin and finish runs, write notes, list runs. All of it is kept with what netd records."""


def _fact(written: str) -> tuple[str, str]:
    name, equals, value = written.partition("=")
    if not (name and equals):
        raise click.BadParameter(f"{written!r} is not NAME=VALUE.")
    return name, value


_instance = click.option("--instance", help="Recorder, if several run.")


def _given(**arguments: Any) -> dict[str, Any]:
    """The arguments that were given."""
    return {name: value for name, value in arguments.items() if value not in (None, "", [], {})}


@record.command(cls=NetdCommand)
@click.argument("name", default="")
@click.option("--subject", "patterns", multiple=True, help="A subject or a pattern that belongs to the run; all, by default.")
@click.option("--fact", "facts", multiple=True, type=_fact, metavar="NAME=VALUE", help="Something to be kept with the run.")
@_instance
@click.pass_obj
def begin(
    invocation: Invocation, name: str, patterns: tuple[str, ...], facts: tuple[tuple[str, str], ...], instance: str | None
) -> None:
    """Begin a run, a time with a number and a NAME."""
    with invocation.control() as control:
        asked = _given(name=name, patterns=list(patterns), facts=dict(facts), instance=instance)
        run = control.call("history.begin", **asked)
    _tell(invocation, run, "run {run} has begun; `netd record finish` ends it")


@record.command(cls=NetdCommand)
@click.argument("number", type=int, required=False)
@_instance
@click.pass_obj
def finish(invocation: Invocation, number: int | None, instance: str | None) -> None:
    """End the run NUMBER; without it, the only one that goes on."""
    with invocation.control() as control:
        run = control.call("history.finish", **_given(number=number, instance=instance))
    _tell(invocation, run, "run {run} has ended; `netd history --run {run} '>'` shows it")


@record.command(cls=NetdCommand)
@click.argument("text")
@click.option("--time", help="When it was: 22:15, yesterday 22:15, 2026-11-28T22:15, 10m ago as 10m. [default: now]")
@click.option("--until", help="The end of the time that the note is about.")
@click.option("--subject", help="The subject, or a pattern of subjects, that it is about.")
@click.option("--run", type=int, help="The run that it belongs to.")
@_instance
@click.pass_obj
def note(
    invocation: Invocation,
    text: str,
    time: str | None,
    until: str | None,
    subject: str | None,
    run: int | None,
    instance: str | None,
) -> None:
    """Write a note: what was seen, what was changed."""
    with invocation.control() as control:
        asked = _given(text=text, time=time, until=until, subject=subject, run=run, instance=instance)
        written = control.call("history.annotate", **asked)
    _tell(invocation, written, "note {note} is written")


@record.command("list", cls=NetdCommand)
@click.argument("contains", required=False)
@click.option("--newest", type=int, help="How many runs at most.")
@_instance
@click.pass_obj
def list_runs(invocation: Invocation, contains: str | None, newest: int | None, instance: str | None) -> None:
    """List the runs, newest first: those with the text CONTAINS in their name or facts, or all."""
    with invocation.control() as control:
        found = control.call("history.runs", **_given(contains=contains, newest=newest, instance=instance))
        tell_missing(control, _given(instance=instance))
    if invocation.as_json:
        invocation.print_json(found)
        return
    if not found:
        click.echo("no runs" if contains is None else f"no run with {escaped(contains)!r}")
        return
    words = Words(invocation.surroundings.wall_clock())
    try:
        rows = [
            [
                f"{run['run']}{' on ' + run['instance'].partition('@')[2] if run.get('instance') else ''}",
                str(run["name"]),
                words.moment(run["begin"]),
                "goes on" if run["end"] is None else words.moment(run["end"]),
                ", ".join(map(str, run["patterns"])),
                ", ".join(f"{name}={value}" for name, value in run["facts"].items()),
            ]
            for run in found
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnknownForm("the list of runs") from error
    invocation.show_table(("run", "name", "begin", "end", "subjects", "facts"), rows)


def _tell(invocation: Invocation, answer: dict[str, Any], text: str) -> None:
    if invocation.as_json:
        invocation.print_json(answer)
        return
    try:
        click.echo(text.format(**answer))
    except (KeyError, TypeError) as error:
        raise UnknownForm("the answer") from error
