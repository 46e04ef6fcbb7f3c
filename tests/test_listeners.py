"""The endpoints of one service, exchanged in a reload: what stays, what opens, what closes, and when."""

from __future__ import annotations

from typing import Any

from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.change import Change
from netd.listener import CannotListen, HeldByNetd
from netd.listeners import Listeners


class FakeListener:
    """A listener of one description; *machine* says whether it opens."""

    def __init__(self, description: str, machine: Machine) -> None:
        self.description = description
        self._machine = machine

    def open(self) -> None:
        """Open, or raise what the machine says."""
        trouble = self._machine.troubles.get(self.description)
        if trouble is not None:
            raise trouble
        self._machine.did.append(f"open {self.description}")

    def close(self) -> list[Any]:
        """Close; what has to be waited for."""
        self._machine.did.append(f"close {self.description}")
        return [f"free {self.description}"]


class Machine:
    """Where listeners open.

    :ivar troubles: what happens when a description is opened.
    :ivar did: what was done, in order.
    """

    def __init__(self) -> None:
        self.troubles: dict[str, CannotListen] = {}
        self.did: list[str] = []

    def make(self, description: str) -> Any:
        """A listener that is not open yet."""
        return FakeListener(description, self)

    def give_up(self, listener: Any) -> list[Any]:
        """Accept what waits, and close."""
        self.did.append(f"accept {listener.description}")
        closed: list[Any] = listener.close()
        return closed


class ExchangeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.machine = Machine()
        self.listeners = Listeners(self.machine.make, self.machine.give_up)
        self.listeners.open(["tcp:1", "tcp:2"])
        self.machine.did.clear()

    def prepare(self, *descriptions: str) -> Change:
        """A change to these endpoints."""
        change = Change()
        self.listeners.prepare(descriptions, change)
        return change

    def open(self) -> list[str]:
        """What is open, in the order of the configuration."""
        return [listener.description for listener in self.listeners]

    def test_the_same(self) -> None:
        """Endpoints that are described as before stay open, in whatever order."""
        change = self.prepare("tcp:2", "tcp:1")
        change.apply()
        change.finish()
        self.assertEqual((self.machine.did, change.released, self.open()), ([], [], ["tcp:2", "tcp:1"]))

    def test_moved(self) -> None:
        """The new port opens before the old one is closed, and what the old one still has is accepted first."""
        change = self.prepare("tcp:1", "tcp:3")
        self.assertEqual((self.machine.did, self.open()), (["open tcp:3"], ["tcp:1", "tcp:2"]))
        change.apply()
        self.assertEqual(self.machine.did, ["open tcp:3", "accept tcp:2", "close tcp:2"])
        self.assertEqual((self.open(), change.released), (["tcp:1", "tcp:3"], ["free tcp:2"]))

    def test_taken(self) -> None:
        """A port of somebody else's is a mistake of the option; what was opened for the refused change is closed again."""
        self.machine.troubles["tcp:4"] = CannotListen("relay", "cannot listen on tcp:4: it is taken")
        change = self.prepare("tcp:3", "tcp:4")
        self.assertEqual(change.mistakes, [("listen", "cannot listen on tcp:4: it is taken")])
        change.discard()
        self.assertEqual(self.machine.did, ["open tcp:3", "close tcp:4", "close tcp:3"])
        self.assertEqual(self.open(), ["tcp:1", "tcp:2"])

    def test_fault(self) -> None:
        """A fault half-way leaves nothing open: what was opened before it is closed when the change is discarded."""
        self.machine.troubles["tcp:4"] = ZeroDivisionError()  # type: ignore[assignment]
        change = Change()
        self.assertRaises(ZeroDivisionError, self.listeners.prepare, ("tcp:3", "tcp:4"), change)
        change.discard()
        self.assertEqual(self.machine.did, ["open tcp:3", "close tcp:3"])

    def test_more_than_one_reason(self) -> None:
        """A port of another program's is told, although an address before it is netd's own, and may become free."""
        held, taken = HeldByNetd("relay", "netd has it"), CannotListen("relay", "it is taken")
        self.machine.troubles = {"tcp:3": held, "tcp:4": taken}
        listeners = Listeners(self.machine.make, self.machine.give_up)
        self.assertIs(self.assertRaises(CannotListen, listeners.open, ["tcp:3", "tcp:4"]), taken)
        self.assertIs(self.assertRaises(HeldByNetd, listeners.open, ["tcp:3", "tcp:5"]), held)

    def test_held_by_netd(self) -> None:
        """An address that netd itself gives up in this reload is opened when it is free."""
        self.machine.troubles["systemd:domain=INET:name=new"] = HeldByNetd("relay", "cannot listen: netd does")
        change = self.prepare("systemd:domain=INET:name=new", "tcp:2")
        self.assertEqual(change.mistakes, [])
        change.apply()
        self.assertEqual(self.open(), ["tcp:2"])
        del self.machine.troubles["systemd:domain=INET:name=new"]
        change.finish()
        self.assertEqual((self.open(), change.failures), (["tcp:2", "systemd:domain=INET:name=new"], []))

    def test_not_free_in_the_end(self) -> None:
        """If it is not free even then, that is told and logged, and the next reload tries again."""
        self.machine.troubles["tcp:3"] = HeldByNetd("relay", "cannot listen on tcp:3: netd does")
        change = self.prepare("tcp:3")
        change.apply()
        with capturedLogs() as logged:
            change.finish()
        self.assertEqual(change.failures, ["[relay] cannot listen on tcp:3: netd does"])
        self.assertEqual(len(logged), 1)
        self.assertEqual(self.open(), [])
        del self.machine.troubles["tcp:3"]
        self.prepare("tcp:3").apply()
        self.assertEqual(self.open(), ["tcp:3"])
