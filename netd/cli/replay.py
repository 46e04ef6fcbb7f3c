"""``netd replay``: the past, published again."""

from __future__ import annotations

from typing import Any

import click

from netd.cli.invocation import Invocation, NetdCommand

__all__ = ["replay"]


@click.command(cls=NetdCommand, short_help="Publish the past again, under subjects of its own.")
@click.argument("subject", nargs=-1)
@click.option("--since", default="1h", show_default=True, help="From when on: 8h, 22:00, yesterday 22:00, 2026-11-28T22:00.")
@click.option("--until", default="now", show_default=True, help="Until when.")
@click.option("--run", type=int, help="The time and the subjects of the run of this number.")
@click.option("--speed", default=1.0, show_default=True, help="2 halves the times between events; 0: as fast as netd can.")
@click.option("--max-gap", type=float, metavar="SECONDS", help="Shorten longer silences to this.")
@click.option("--loop", is_flag=True, help="Begin again at the end.")
@click.option("--prefix", default="replay", show_default=True, help="The first token of the new subjects.")
@click.option("--instance", help="Recorder, if several run.")
@click.pass_obj
def replay(  # noqa: PLR0913, PLR0917 - one for each option
    invocation: Invocation,
    subject: tuple[str, ...],
    since: str,
    until: str,
    run: int | None,
    speed: float,
    max_gap: float | None,
    loop: bool,
    prefix: str,
    instance: str | None,
) -> None:
    """Publish what was recorded of each SUBJECT or pattern again, of everything by default.

    The events come under 'replay.NUMBER.SUBJECT', so that nothing takes yesterday for now.
    """
    asked: dict[str, Any] = {"pattern": list(subject) or ">", "begin": since, "end": until}
    chosen = {"run": run, "max_gap": max_gap, "instance": instance}
    asked |= {"speed": speed, "prefix": prefix, "loop": loop} | {name: one for name, one in chosen.items() if one is not None}
    with invocation.control() as control:
        found = control.call("history.replay", **asked)
    if invocation.as_json:
        invocation.print_json(found)
        return
    number, subjects = found["number"], found["subjects"]
    click.echo(f"replay {number} runs: `netd tail '{subjects}'` shows it, `netd history halt {number}` ends it")
