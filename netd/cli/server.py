"""``--server HOST:PORT``: commands that go over the relay's own port instead of the control socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

from netd.cli.invocation import Failure, Invocation, TimedOut
from netd.cli.relay import ControllerPort, Place, place

__all__ = ["controller", "server_option"]

server_option = click.option(
    "--server",
    type=place,
    metavar="HOST[:PORT]",
    help="Go over the port of a relay: from another machine, or to a server that is older than netd.",
)
"""Adds ``--server``."""


@contextmanager
def controller(invocation: Invocation, where: Place) -> Iterator[tuple[ControllerPort, Callable[[], bool]]]:
    """A controller of the relay at *where*, and whether ``--timeout`` has ended it; closed in the end at the latest.

    :raises Failure: for whatever goes wrong with it inside the ``with``.
    """
    from netd.client.relay import NotInTime, RelayError  # noqa: PLC0415 - only few commands need it, and all must start fast

    relay = invocation.surroundings.relay
    opened = relay.open_controller(where)
    late = threading.Event()

    def give_up() -> None:
        late.set()
        opened.close()

    call_off = relay.start_alarm(invocation.timeout, give_up) if invocation.timeout is not None else opened.close
    try:
        yield opened, late.is_set
    except NotInTime as error:
        raise TimedOut(str(error)) from error
    except (RelayError, ValueError) as error:
        if late.is_set():
            raise TimedOut(f"the relay at {where.host}:{where.port} did not answer within {invocation.timeout:g} s") from error
        raise Failure(str(error)) from error
    finally:
        call_off()
        opened.close()
