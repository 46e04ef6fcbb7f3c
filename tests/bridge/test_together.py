"""Bridges in a whole daemon: the operations that they call are those that there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from twisted.internet.testing import MemoryReactorClock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.config import parse
from netd.daemon import assemble
from netd.doctor.inside import examine_services
from netd.kinds import find_kinds
from netd.message import Message
from netd.testing import run_now

INI = """
[netd]
state_directory = {folder}
[relay]
[command]
functions = {folder}/commands.py
[bridge:all]
from = session.main.greenhouse.temp
to = custom.{{3}} | relay.main.fan | command.main.spin | wire.shed.pump
template = speed={{value}}
[wire:shed]
listen = loopback:9000
rules = sample T={{temp}}
[bridge:fast]
from = custom.greenhouse
to = relay.main.{{2}}
template = {{value}}
"""

FUNCTIONS = """
from netd.command import command

@command("spin")
def spin(speed: float): return speed
"""


class TogetherTests(SynchronousTestCase):
    def test_all_targets(self) -> None:
        """A subject, a device that is not there, and a command, called with what their operations take; the doctor tells."""
        folder = Path(self.mktemp()).resolve()
        folder.mkdir(mode=0o700)
        (folder / "commands.py").write_text(FUNCTIONS)
        kinds = find_kinds()
        configuration = parse(
            INI.format(folder=folder), "n.ini", {name: kind.config for name, kind in kinds.items()}, {}, 0, "lab"
        )
        daemon: Any = assemble(configuration, kinds, MemoryReactorClock(), lambda: 1_800_000_000.0, run=run_now)
        services = daemon.sections.by_name
        failed: list[Any] = []
        daemon.sections._bus.subscribe("bridge.*.failed", lambda message: failed.append(to_plain(message.event)))
        for name in ("bridge:all", "bridge:fast"):
            services[name].startService()
            self.addCleanup(services[name].stopService)
        with capturedLogs():
            daemon.sections._bus.publish(Message("session.main.greenhouse.temp", 31.5))
        self.assertEqual([one.event for one in daemon.sections._bus.last("custom.>")], ["speed=31.5"])
        why = [(one["bridge"], one["to"], one["why"]) for one in failed]
        device = "no device {!r} is connected; `relay.devices` lists them"
        self.assertIn(("all", "relay.main.fan", device.format("fan")), why)
        self.assertIn(("all", "wire.shed.pump", "no peer 'pump' is connected; `wire.peers` lists them"), why)
        self.assertIn(("fast", "relay.main.greenhouse", device.format("greenhouse")), why)
        told = services["bridge:all"].list()
        self.assertEqual((told.counts["failed"], told.to[0]), (len([one for one in why if one[0] == "all"]), "custom.{3}"))
        found = {one.section: one.text for one in examine_services([to_plain(services["bridge:fast"].status())])}
        self.assertIn("[bridge:fast] could not send 1 messages", found["bridge:fast"])
