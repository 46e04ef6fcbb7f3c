"""``netd client``: a client to be copied to where netd is not installed."""

from __future__ import annotations

from pathlib import Path

import click

from netd.sdk import SDKS

__all__ = ["client"]


@click.command()
@click.argument("kind", type=click.Choice(list(SDKS)), required=False)
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), help="A folder to write all files of the client to.")
def client(kind: str | None, into: Path | None) -> None:
    """Print a client as one file, write it into a folder, or list them.

    A client for Python (`netd client relay > relay.py`) needs Python 3.7 or newer and nothing else: copy it beside your program.
    It is for programs that block and for those that use asyncio. The client for JavaScript is an npm package: `netd client js
    --into netdjs`. A gateway has the same clients: `curl -O http://HOST:8080/clients/relay.py`.
    """
    if kind is None:
        width = max(map(len, SDKS))
        for name, one in SDKS.items():
            click.echo(f"{name:{width}}  {one.summary}")
    elif into is None:
        click.echo(SDKS[kind].text(), nl=False)
    else:
        into.mkdir(parents=True, exist_ok=True)
        for name, make in SDKS[kind].files.items():
            (into / name).write_text(make(), "utf-8")
            click.echo(into / name)
