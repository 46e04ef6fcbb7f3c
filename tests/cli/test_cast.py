"""Tests of :mod:`netd.cli.cast`."""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.cli.actors import AbsentPart, BotPart
from netd.cli.cast import BOTS, cast, read_device, read_places
from netd.cli.relay import RelayPlace

PLACE = RelayPlace("127.0.0.1", 7)


class CastTests(SynchronousTestCase):
    def test_places(self) -> None:
        """Each kind is found at its first TCP port; one that listens everywhere is on this machine, too."""
        status = {
            "services": [
                {"kind": "relay", "listening": [{"address": "unix:/x"}, {"address": "0.0.0.0:1"}, {"address": "1.2.3.4:2"}]},
                {"kind": "relay", "listening": [{"address": "127.0.0.1:3"}]},
                {"kind": "room", "listening": [{"address": "[::]:4"}]},
                {"kind": "feed", "listening": []},
                {"kind": "instrument", "dialling": [{"remote": "tcp:127.0.0.1:5"}]},
            ]
        }
        self.assertEqual(read_places(status), {"relay": RelayPlace("127.0.0.1", 1), "room": RelayPlace("::1", 4)})

    def test_everybody(self) -> None:
        """One line for each actor, whether its service runs or not."""
        kinds = ("relay", "session", "feed", "command", "room")
        control: Any = None
        listening = [{"address": "127.0.0.1:7"}]
        services = [{"kind": kind, "listening": listening, "agent_port": 10001} for kind in kinds]
        players = cast({"services": services}, control, lambda: 0.5)
        understudies = cast({"services": []}, control, lambda: 0.5)
        names = [actor.name for actor in players]
        self.assertEqual(names, [actor.name for actor in understudies])
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(sum(isinstance(actor, BotPart) for actor in players), len(BOTS))
        self.assertTrue(all(isinstance(actor, AbsentPart) for actor in understudies))

    def test_device_of_a_node(self) -> None:
        """In a cluster, each node's demo has a device of another name: one name on three nodes could not be reached."""
        kinds = [{"kind": "relay"}, {"kind": "cluster"}]
        self.assertEqual("demo-device-b", read_device({"name": "b", "services": kinds}))
        self.assertEqual("demo-device", read_device({"name": "b", "services": kinds[:1]}))
