"""The actors of ``netd demo``: programs of all five kinds, built from netd's own clients alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from errno import EADDRINUSE
from typing import Any, Protocol, TypeVar

from netd.cli.relay import RelayPlace
from netd.cli.signals import Signals
from netd.cli.stage import Tell
from netd.client.command import Caller
from netd.client.control import Control, ControlError, OperationFailed
from netd.client.feed import Feed
from netd.client.relay import Controller as RelayController
from netd.client.relay import Device as RelayDevice
from netd.client.room import CHARACTERS, Bot, Heard
from netd.client.session import Agent as SessionAgent
from netd.client.session import Channel, Hooks

__all__ = ["DEVICE", "AbsentPart", "AgentPart", "BotPart", "CommandsPart", "ControllerPart", "DevicePart", "FeedPart", "Part"]

DEVICE = "demo-device"

HOST = "127.0.0.1"
"""Where netd dials the agent."""

REQUESTS = ("light on", "temperature?", "light off", "open the window")

SHOWN = 60
"""Characters of a value."""

REQUEST_PAUSE, COMMAND_PAUSE, THINKING = 3.0, 4.0, 0.7
"""Seconds."""


class Closable(Protocol):
    """An object that another thread can close."""

    def close(self) -> None: ...


C = TypeVar("C", bound=Closable)


class Part:
    """The common base of all parts: it holds one client at a time, and closes it when the part has to end."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.over = threading.Event()
        self._lock = threading.Lock()
        self._client: Closable | None = None

    def hold(self, client: C) -> C:
        """Keep *client*, and close it with the part; if the part has ended already, close it at once."""
        with self._lock:
            self._client = client
        if self.over.is_set():
            client.close()
        return client

    def close(self) -> None:
        """End the part soon."""
        self.over.set()
        with self._lock:
            client = self._client
        if client is not None:
            client.close()


class AbsentPart(Part):
    """Stands in for a part whose service does not run."""

    def __init__(self, name: str, section: str) -> None:
        super().__init__(name)
        self._section = section

    def run(self, tell: Tell) -> None:
        """Show that the service does not run."""
        tell(f"this netd has no [{self._section}] that a program on this machine reaches over TCP")
        self.over.wait()


class DevicePart(Part):
    """A device that answers every message.

    :param device: its name.
    """

    def __init__(self, device: str, place: RelayPlace, open_device: Callable[..., Any] = RelayDevice) -> None:
        super().__init__("device")
        self._device = device
        self._place = place
        self._open = open_device
        self._answered = 0

    def run(self, tell: Tell) -> None:
        """Answer every message."""
        with self.hold(self._open(self._place.host, self._place.port, self._device)) as device:
            tell(f"{self._device} waits for requests")
            for message in device:
                request = message.payload.decode("utf-8", "replace")
                answer = f"{20 + self._answered % 5}.5 °C" if request.endswith("?") else f"done: {request}"
                message.answer(answer)
                self._answered += 1
                tell(f"{self._answered} requests answered; {request} → {answer}")


class ControllerPart(Part):
    """A controller that sends to the device and shows the outcome.

    :param device: the name of the device.
    """

    def __init__(
        self, device: str, place: RelayPlace, open_controller: Callable[..., Any] = RelayController, pause: float = REQUEST_PAUSE
    ) -> None:
        super().__init__("controller")
        self._device = device
        self._pause = pause
        self._place = place
        self._open = open_controller

    def run(self, tell: Tell) -> None:
        """Send one request after the other."""
        with self.hold(self._open(self._place.host, self._place.port)) as controller:
            number = 0
            while not self.over.wait(self._pause):
                request = REQUESTS[number % len(REQUESTS)]
                outcome = controller.send(self._device, request, deadline=2.0)
                tell(f"{request}: {outcome.status} {outcome.answer.decode('utf-8', 'replace')}{outcome.error}")
                number += 1


class AgentPart(Part):
    """An agent with three signals. It also asks the daemon to dial it.

    :param port: where netd dials agents.
    :param control: opens the daemon's control socket.
    """

    EVERY = 0.2

    def __init__(
        self,
        place: RelayPlace,
        port: int,
        control: Callable[[], Control],
        chance: Callable[[], float],
        open_agent: Callable[..., Any] = SessionAgent,
    ) -> None:
        super().__init__("agent")
        self._place = place
        self._port = port
        self._control = control
        self._signals = Signals(chance, self.EVERY)
        self._open = open_agent
        self._last: dict[str, float] = {}

    def run(self, tell: Tell) -> None:
        """Listen, have netd dial, and stream until the session ends."""
        agent: Any = None
        session = ""

        def started(number: int, _host: str) -> None:
            nonlocal session
            session = f"session {number}: "

        def stopped(reason: str) -> None:
            tell(reason)
            agent.close()  # begins anew, with a session of its own

        def pull(name: str, source: Callable[[], float]) -> Callable[[], float]:
            def value() -> float:
                self._last[name] = source()
                tell(session + ", ".join(f"{one} {self._last[one]:g}" for one in self._last))
                return self._last[name]

            return value

        signals = self._signals
        channels = {
            "heart": Channel(pull("heart", signals.heart), "Heart rate", "bpm"),
            "breathing": Channel(pull("breathing", signals.breathing), "Breathing", "l"),
            "movement": Channel(pull("movement", signals.movement), "Movement", "g"),
        }
        hooks = Hooks(started=started, stopped=stopped)
        agent = self.hold(self._open(channels, port=self._port, server_port=self._place.port, every=self.EVERY, hooks=hooks))
        try:
            self._listen(agent)
            begun = self._begin()
            try:
                agent.run()
            finally:
                agent.close()
                self._stop(begun)
        finally:
            agent.close()

    def _begin(self) -> int:
        """Have netd dial the agent. Return its session, which netd may have begun again already: one of an earlier demo."""
        with self._control() as control:
            try:
                begun: int = control.call("session.start", host=HOST, wait=False)["session"]
            except OperationFailed:
                live = [row["session"] for row in control.call("session.list", contains=HOST)["rows"] if row["state"] != "ended"]
                if not live:
                    raise
                begun = live[0]
        return begun

    def _stop(self, session: int) -> None:
        """End the session. Otherwise netd would keep dialling the agent, and would refuse this host another session."""
        with suppress(ControlError), self._control() as control:  # it has ended already, or netd has
            control.call("session.stop", session=session)

    def _listen(self, agent: Any) -> None:
        try:
            agent.listen()
        except OSError as error:
            if error.errno == EADDRINUSE:
                raise OSError(f"port {self._port} is taken: end the other demo, or `netd agent`, that has it") from error
            raise OSError(f"cannot listen on port {self._port}, where netd dials agents: {error.strerror or error}") from error


class FeedPart(Part):
    """A client of the feed that collects one type of value in blocks.

    :param size: samples in a block.
    """

    def __init__(self, kind: str, size: int, dialect: str, place: RelayPlace, open_feed: Callable[..., Any] = Feed) -> None:
        super().__init__(f"feed {kind}")
        self._kind = kind
        self._size = size
        self._dialect = dialect
        self._place = place
        self._open = open_feed

    def run(self, tell: Tell) -> None:
        """Collect, report, and show the last of each block."""
        name = f"client-{self._kind}"
        feed = self.hold(self._open(self._place.host, self._place.port, (self._kind,), name, dialect=self._dialect))
        with feed:
            for block in feed.blocks(self._size):
                last = str(block.samples[-1].value)[:SHOWN]
                samples = "1 sample" if self._size == 1 else f"{self._size} samples"
                tell(f"block {block.number}: {samples} in {block.seconds:.1f} s, the last one: {last}")


class CommandsPart(Part):
    """Runs a command every few seconds."""

    def __init__(self, place: RelayPlace, open_caller: Callable[..., Any] = Caller) -> None:
        super().__init__("command")
        self._place = place
        self._open = open_caller
        self._number = 0

    def run(self, tell: Tell) -> None:
        """Call the command ``add``."""
        with self.hold(self._open(self._place.host, self._place.port)) as caller:
            while not self.over.is_set():
                self._number += 1
                total = caller.call("add", first=self._number, second=2 * self._number)
                tell(f"add {self._number} + {2 * self._number} = {total:g}")
                self.over.wait(COMMAND_PAUSE)


class BotPart(Part):
    """A bot that goes from room to room.

    :param dialect: ``old`` or ``netd``.
    """

    def __init__(self, name: str, character: str, dialect: str, place: RelayPlace, open_bot: Callable[..., Any] = Bot) -> None:
        super().__init__(f"bot {name}")
        self._place = place
        self._name = name
        self._character = CHARACTERS[character]
        self._dialect = dialect
        self._open = open_bot

    def run(self, tell: Tell) -> None:
        """Stay in one room until it is over."""
        bot = self.hold(self._open(self._place.host, self._place.port, self._name, self._think, dialect=self._dialect))
        tell("waits for a room to fill")
        for exchange in bot.exchanges():
            tell(exchange.reply.partition(": ")[2])

    def _think(self, name: str, heard: Heard) -> str:
        """Answer in character, at a pace that a person can follow."""
        self.over.wait(THINKING)
        return self._character(name, heard)
