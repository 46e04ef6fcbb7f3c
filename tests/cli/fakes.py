"""A world for the command line: a daemon, a relay and a clock that are not there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from click.testing import CliRunner, Result
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.contexts import Context
from netd.cli.invocation import CliSurroundings, Invocation
from netd.cli.main import netd
from netd.cli.relay import Completed, ControllerPort, RelayMessagePort, RelayPlace, RelayPorts
from netd.cli.remote import GatewayControl, GatewayPorts, SubscriptionPort
from netd.client.control import ControlError, NoSuchOperation
from netd.client.events import Item, Wish
from netd.client.relay import DeviceInfo, Outcome, RelayError, Welcome
from netd.client.subscription import Hooks

NOW = 1_700_000_000.0


def argument(name: str, schema: dict[str, Any], **default: Any) -> dict[str, Any]:
    """One argument in ``system.operations``; required when no default is given."""
    return {"name": name, "required": not default, "schema": schema, **default}


def operation(
    name: str, *arguments: dict[str, Any], role: str = "operator", instances: Sequence[str] = ("main",)
) -> dict[str, Any]:
    """One entry of ``system.operations``."""
    summary = f"What {name} does"
    return {"name": name, "role": role, "summary": summary, "instances": list(instances), "arguments": list(arguments)}


TEXT = {"type": "string"}
MAYBE_NUMBER = {"anyOf": [{"type": "number"}, {"type": "null"}]}

TABLE = [
    operation("relay.devices", role="viewer"),
    operation("relay.send", argument("target", TEXT), argument("deadline", MAYBE_NUMBER, default=None)),
    operation("room.end", argument("room", TEXT), argument("max_count", {"type": "integer"}, default=3)),
    operation("system.operations", role="viewer"),
]


def page(rows: list[dict[str, Any]], after: str | None = None) -> dict[str, Any]:
    """A page of a list."""
    return {"rows": rows, "counts": {"online": len(rows)}, "matching": len(rows), "after": after}


class FakeControl:
    """A daemon that answers each operation with what the test has put in."""

    def __init__(self) -> None:
        self.answers: dict[str, Any] = {
            "system.operations": TABLE,
            "system.status": {"name": "lab", "version": "1.0", "services": []},
            "history.nodes": NoSuchOperation("no operation 'history.nodes'", -32601),
        }
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.opened: list[tuple[Path, float]] = []
        self.broken: ControlError | None = None
        self.closing: ControlError | None = None
        self.waited = False

    def open(self, path: Path, timeout: float) -> FakeControl:
        """Stands in for :class:`netd.client.control.Control`."""
        self.opened.append((path, timeout))
        return self

    def __enter__(self) -> FakeControl:
        return self

    def __exit__(self, *raised: object) -> None:
        pass

    def call(self, method: str, /, **params: Any) -> Any:
        """Answer, or raise, as the test says."""
        self.calls.append((method, params))
        if self.broken is not None:
            raise self.broken
        answer = self.answers[method]
        if isinstance(answer, ControlError):
            raise answer
        return answer(**params) if callable(answer) else answer

    def wait_closed(self) -> None:
        """The daemon ends at once, unless the test says otherwise."""
        self.waited = True
        if self.closing is not None:
            raise self.closing


class FakeEvents:
    """A subscription over which the test's items come: None is a silence, an error is raised; then Ctrl-C is pressed.

    A function among them is called with the subscription's hooks.
    """

    def __init__(self) -> None:
        self.script: list[Item | ControlError | Callable[[Hooks], object] | None] = []
        self.opened: list[tuple[Context | Path, Wish, float]] = []
        self.hooks = Hooks()
        self.is_closed = False

    def open(self, where: Context | Path, wish: Wish, timeout: float, hooks: Hooks) -> SubscriptionPort:
        """Stands in for a subscription, at a gateway or over the control socket."""
        self.opened.append((where, wish, timeout))
        self.hooks = hooks
        return self

    def __iter__(self) -> Iterator[Item]:
        while True:
            item = self.take(86400.0)
            if item is not None:
                yield item

    def take(self, seconds: float) -> Item | None:
        """The next of the script."""
        if not self.script:
            raise KeyboardInterrupt
        said = self.script.pop(0)
        if isinstance(said, ControlError):
            raise said
        if said is None or isinstance(said, tuple):
            return said
        said(self.hooks)
        return self.take(seconds)

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


class FakeController:
    """A relay's port, answering as the test says."""

    def __init__(self) -> None:
        self.place: RelayPlace | None = None
        self.outcome: Outcome | RelayError | ValueError = Outcome("sent")
        self.listed: list[DeviceInfo] = []
        self.sent: list[tuple[str, bytes, float | None]] = []
        self.closed = 0
        self.before: Callable[[], object] = lambda: None
        self.dialects: list[str] = []
        self.dialect = "netd"

    def open(self, place: RelayPlace, dialect: str) -> ControllerPort:
        """Stands in for :class:`netd.client.relay.Controller`."""
        self.place = place
        self.dialects.append(dialect)
        return self

    def close(self) -> None:
        """Count it."""
        self.closed += 1

    def devices(self) -> list[DeviceInfo]:
        """What the test has listed."""
        self.before()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.listed

    def send(self, target: str, payload: bytes, deadline: float | None = None) -> Outcome:
        """The outcome that the test wants."""
        self.before()
        self.sent.append((target, payload, deadline))
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


class FakeMessage:
    """One message to the device, and what it said to it."""

    def __init__(self, payload: bytes, sender: str | None = None, deadline: float | None = 2.5) -> None:
        self.payload = payload
        self.sender = sender
        self.deadline = deadline
        self.replies: list[tuple[str, bytes]] = []
        self.greatest = 100

    def answer(self, payload: bytes = b"") -> bool:
        """Keep it, unless it is longer than a frame is here."""
        if len(payload) > self.greatest:
            raise ValueError("too long")
        self.replies.append(("acknowledged", payload))
        return True

    def fail(self, error: str, payload: bytes = b"") -> bool:
        """Likewise."""
        if len(payload) > self.greatest:
            raise ValueError("too long")
        self.replies.append((error, payload))
        return True


class FakeDevice:
    """A device's connection over which the test's messages come; then Ctrl-C is pressed."""

    def __init__(self) -> None:
        self.messages: list[FakeMessage] = []
        self.opened_with: tuple[Any, ...] = ()
        self.welcome = Welcome("netd", "greenhouse", "('127.0.0.1', 50412)", 7)
        self.refuses: ValueError | None = None
        self.closed = False

    def open(self, *arguments: Any) -> FakeDevice:
        """Stands in for :class:`netd.client.relay.Device`."""
        if self.refuses is not None:
            raise self.refuses
        *self.opened_with, self.on_connect, self.on_disconnect = arguments  # type: ignore[assignment]
        return self

    def __iter__(self) -> Iterator[RelayMessagePort]:
        self.on_connect(self.welcome)
        yield from cast("list[RelayMessagePort]", self.messages)
        self.on_disconnect("the relay closed the connection", 0.5)
        raise KeyboardInterrupt

    def close(self) -> None:
        """Note it."""
        self.closed = True


class CommandTests(SynchronousTestCase):
    """Runs ``netd`` in a world of fakes."""

    def setUp(self) -> None:
        """Build the world anew."""
        self.control = FakeControl()
        self.events = FakeEvents()
        self.gateways: list[tuple[Context, float]] = []
        self.controller = FakeController()
        self.device = FakeDevice()
        self.naps: list[float] = []
        self.alarms: list[tuple[float, Callable[[], object]]] = []
        self.alarms_off = 0
        self.programs: list[tuple[list[str], bytes, float | None]] = []
        self.completed: Completed | Exception = Completed(0, b"")
        self.executed: list[tuple[list[str], Mapping[str, str]]] = []
        self.ran: list[tuple[Sequence[str], Mapping[str, str]]] = []
        self.written: bytes | dict[str, bytes | Exception] = b""
        self.environ = {"HOME": "/home/ada", "PATH": "/nowhere"}
        self.python = Path("/nowhere/python")
        self.service_state = Path("/nowhere/netd")

    def netd(self, *arguments: str, **options: Any) -> Result:
        """Run ``netd ARGUMENTS``; an exception that is no proper end of a command fails the test."""
        return CliRunner().invoke(netd, arguments, obj=self.invocation(), prog_name="netd", catch_exceptions=False, **options)

    def invocation(self) -> Invocation:
        """A run of ``netd`` in this world."""
        return Invocation(self._surroundings())

    def _surroundings(self) -> CliSurroundings:
        relay = RelayPorts(self.controller.open, self.device.open, self._start_alarm, self._run_program)
        return CliSurroundings(
            self.environ,
            1000,
            self.python,
            open_control=self.control.open,
            gateway=GatewayPorts(open_control=self._open_gateway, subscribe=self.events.open, subscribe_locally=self.events.open),
            relay=relay,
            replace_process=lambda arguments, environ: self.executed.append((arguments, environ)),
            run_program=self._look,
            wall_clock=lambda: NOW,
            sleep=self.naps.append,
            random_bytes=bytes,
            service_state=self.service_state,
        )

    def _look(self, arguments: Sequence[str], environ: Mapping[str, str], timeout: float, stdin: bytes = b"") -> bytes:
        self.ran.append((arguments, environ))
        if isinstance(self.written, dict):
            written = next((written for word, written in self.written.items() if word in arguments), b"")
            if isinstance(written, Exception):
                raise written
            return written
        return self.written

    def _open_gateway(self, context: Context, timeout: float) -> GatewayControl:
        self.gateways.append((context, timeout))
        return cast("GatewayControl", self.control)

    def _start_alarm(self, delay: float, ring: Callable[[], object]) -> Callable[[], object]:
        self.alarms.append((delay, ring))

        def call_off() -> None:
            self.alarms_off += 1

        return call_off

    def _run_program(self, arguments: Sequence[str], stdin: bytes, timeout: float | None) -> Completed:
        self.programs.append((list(arguments), stdin, timeout))
        if isinstance(self.completed, Exception):
            raise self.completed
        return self.completed
