"""``netd client``: a client as one file, to be copied to where netd is not installed."""

from __future__ import annotations

import click

from netd.onefile import CLIENTS, make_client

__all__ = ["client"]


@click.command()
@click.argument("kind", type=click.Choice(list(CLIENTS)), required=False)
def client(kind: str | None) -> None:
    """Print a client as one file, or list them.

    The file (`netd client relay > relay.py`) needs Python 3.7 or newer and nothing else: copy it beside your program. It is for
    programs that block and for those that use asyncio. A gateway has the same: `curl -O http://HOST:8080/clients/relay.py`.
    """
    if kind is None:
        width = max(map(len, CLIENTS))
        for name, one in CLIENTS.items():
            click.echo(f"{name:{width}}  {one.summary}")
    else:
        click.echo(make_client(kind), nl=False)
