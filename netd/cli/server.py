"""``--server HOST:PORT``: for commands that use the relay's own port instead of the control socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import click

from netd.cli.invocation import AnswerTimedOut, Failure, Invocation
from netd.cli.old_servers import OldServers
from netd.cli.relay import ControllerPort, RelayPlace, place

__all__ = ["controller", "dialect_option", "server_option"]

server_option = click.option(
    "--server",
    type=place,
    metavar="HOST[:PORT]",
    help="Use the port of a relay: from another machine, or for a legacy server.",
)
"""Adds ``--server``."""

dialect_option = click.option(
    "--dialect",
    type=click.Choice(["auto", "netd", "old"]),
    default="auto",
    show_default=True,
    help="Dialect with --server; auto detects it, and remembers legacy servers for an hour.",
)
"""Adds ``--dialect``."""


@contextmanager
def controller(
    invocation: Invocation, where: RelayPlace, dialect: str, proof: Mapping[str, str]
) -> Iterator[tuple[ControllerPort, Callable[[], bool]]]:
    """A controller of the relay at *where*, which is closed at the end or after ``--timeout``.

    :param proof: see :func:`netd.cli.proof.read_proof`.

    :raises Failure: for each error of the connection inside the ``with``.
    """
    from netd.client.relay import NotInTime, RelayError  # noqa: PLC0415 - only few commands need it, and all must start fast

    relay = invocation.surroundings.relay
    old_servers = OldServers(invocation.surroundings.environ, invocation.surroundings.wall_clock)
    finds_out = dialect == "auto" and (bool(proof) or where not in old_servers)
    opened = relay.open_controller(where, "auto" if finds_out else "old" if dialect == "auto" else dialect, **proof)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        opened.close()

    call_off = relay.start_alarm(invocation.timeout, give_up) if invocation.timeout is not None else opened.close
    try:
        yield opened, late.is_set
        if finds_out and opened.dialect:
            old_servers.note(where, opened.dialect == "old")
    except NotInTime as error:
        raise AnswerTimedOut(str(error)) from error
    except (RelayError, ValueError) as error:
        if late.is_set():
            raise AnswerTimedOut(
                f"the relay at {where.host}:{where.port} did not answer within {invocation.timeout:g} s"
            ) from error
        raise Failure(str(error)) from error
    finally:
        call_off()
        opened.close()
