"""``netd history``: what was recorded, as a table or as curves."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from typing import Any

import click

from netd.cli.invocation import ControlPort, Invocation, NetdCommand, UnknownForm
from netd.cli.plot import curve_lines
from netd.cli.text import escaped
from netd.client.control import RemoteError
from netd.codec.words import Words

__all__ = ["history", "tell_missing"]

ROWS = 24
"""Points of a series in a table, unless ``--points`` says otherwise: they fit on a screen."""

FEWEST, MOST = 10, 10_000
"""Bounds of the points of one series."""

HEIGHT = 8
"""Rows of a curve."""

DOTS = 2
"""Points beside each other in one character of a curve."""

Answer = Mapping[str, Any]


@click.command(cls=NetdCommand, short_help="Show what was recorded, as a table or as curves.")
@click.argument("subject", nargs=-1)
@click.option("--since", default="1h", show_default=True, help="From when on: 8h, 22:00, yesterday 22:00, 2026-11-28T22:00.")
@click.option("--until", default="now", show_default=True, help="Until when.")
@click.option("--run", type=int, help="The time and the subjects of the run of this number.")
@click.option("--points", type=click.IntRange(FEWEST, MOST), help="Points of each series.")
@click.option("--plot", is_flag=True, help="Draw curves.")
@click.option("--instance", help="Recorder, if several run.")
@click.pass_obj
def history(
    invocation: Invocation,
    subject: tuple[str, ...],
    since: str,
    until: str,
    run: int | None,
    points: int | None,
    plot: bool,
    instance: str | None,
) -> None:
    """Show what was recorded of each SUBJECT, or pattern such as 'session.main.*.temp'; without one, list what there is.

    Numbers are shown as mean, least and greatest value of each stretch of time, with its begin; other events one by one. Further
    operations are `netd history VERB`, such as `netd history runs`.
    """
    common: dict[str, Any] = {} if instance is None else {"instance": instance}
    with invocation.control() as control:
        if not subject:
            _list(invocation, control, common)
            return
        columns = shutil.get_terminal_size().columns
        wanted = points or (min(MOST, max(FEWEST, columns * DOTS)) if plot else ROWS)
        asked = {"pattern": list(subject), "begin": since, "end": until, **common}
        asked |= {} if run is None else {"run": run}
        answer = control.call("history.query", points=wanted, **asked)
        if invocation.as_json:
            invocation.print_json(answer)
            return
        words = Words(invocation.surroundings.wall_clock())
        try:
            if answer["series"]:
                for one in answer["series"]:
                    (_draw if plot else _show_table)(invocation, words, one, answer, columns)
            else:
                _show_events(control, words, asked, bool(answer["gaps"]))
            _show_asides(words, answer)
        except (KeyError, TypeError, ValueError) as error:
            raise UnknownForm("the history") from error


_SUBJECTS: Mapping[str, Any] = {"properties": {"first": {"format": "epoch"}, "last": {"format": "epoch"}}}


def _list(invocation: Invocation, control: ControlPort, common: Mapping[str, Any]) -> None:
    """List what is recorded, of that which the caller may see."""
    own = control.call("system.whoami").get("subjects")
    pattern = ">" if own is None else own
    invocation.show(control.call("history.subjects", pattern=pattern, **common), {"items": _SUBJECTS})
    tell_missing(control, common)


def tell_missing(control: ControlPort, asked: Mapping[str, Any]) -> None:
    """Name the nodes whose recorders have not answered, so that their past is missing in a list; none where one was *asked*."""
    if "instance" in asked:
        return
    try:
        nodes = control.call("history.nodes")
    except RemoteError:  # this daemon is in no cluster with other recorders
        return
    for one in nodes:
        if one["answers"] is False:
            click.echo(escaped(f"netd: the past of node {one['node'] or 'asked'} is missing: {one['why']}"), err=True)


def _title(one: Answer) -> str:
    described = ", ".join(filter(None, (str(one["label"]), str(one["unit"]))))
    return escaped(f"{one['subject']} ({described})" if described else str(one["subject"]))


def _show_table(invocation: Invocation, words: Words, one: Answer, _answer: Answer, _columns: int) -> None:
    click.echo(_title(one))
    numbers = zip(one["times"], one["mean"], one["min"], one["max"], one["count"], strict=True)
    rows = [[words.moment(time), *(f"{value:.6g}" for value in three), f"{count:,}"] for time, *three, count in numbers]
    invocation.show_table(("from", "mean", "least", "greatest", "samples"), rows)
    click.echo()


def _draw(_invocation: Invocation, words: Words, one: Answer, answer: Answer, columns: int) -> None:
    window = float(answer["begin"]), float(answer["end"])
    points = list(zip(one["times"], one["mean"], strict=True))
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    for line, _role in curve_lines(_title(one), points, window, (columns, HEIGHT), is_unicode):
        click.echo(line)
    left, right = (words.moment(time) for time in window)
    click.echo(f"{'':10}{left}{right:>{max(len(right) + 1, columns - 10 - len(left))}}")
    click.echo()


def _show_events(control: ControlPort, words: Words, asked: Mapping[str, Any], has_gaps: bool) -> None:
    """Write the events of the time, oldest first; if there are none, say what could be asked instead."""
    found = control.call("history.events", **asked)
    for one in reversed(found):
        click.echo(escaped(f"{words.moment(one['time'])}  {one['subject']}  {json.dumps(one['data'], ensure_ascii=False)}"))
    if not found and has_gaps:
        click.echo("nothing is known of that in this time, outside of these gaps; `netd history` lists what there is")
    elif not found:
        click.echo("nothing was recorded of that in this time; `netd history` lists what there is, and since when")


def _show_asides(words: Words, answer: Answer) -> None:
    """Write the notes and the gaps of the time."""
    for note in answer["notes"]:
        click.echo(escaped(f"note  {words.moment(note['time'])}  {note['text']}"))
    for gap in answer["gaps"]:
        until = "now" if gap["end"] is None else words.moment(gap["end"])
        click.echo(escaped(f"gap   {words.moment(gap['begin'])} to {until}: {gap['reason']}"))
