"""Two real daemons after each other: last night is still there, under the names that it had."""

from __future__ import annotations

import json
import stat
import time

from tests.process import LOOPBACK, PATIENCE, Daemon, RealTestCase

SECTIONS = f"[session]\nlisten = {LOOPBACK}\naccept_unsolicited = yes\nsessions_per_host = 9\n[recorder]\nflush = 100ms\n"


class RestartTests(RealTestCase):
    def stream(self, daemon: Daemon, name: str, *values: float) -> None:
        """Be an agent that comes unasked, says its name, and streams *values*; return when netd has them."""
        hello = {"name": name, "channels": {"temp": {"label": "Temperature", "unit": "K"}}}
        agent = self.connect(daemon.port("session"))
        agent.sendall(json.dumps(hello).encode() + b"\n" + b"".join(b"temp %r\n" % value for value in values))
        subject = f"session.main.{name}.temp"

        def has_all() -> bool:
            found = daemon.call("history.query", pattern=subject, end="+1h", points=10)["series"]
            return bool(found) and found[0]["max"][-1] == values[-1]

        deadline = time.monotonic() + PATIENCE
        while not has_all():
            self.assertLess(time.monotonic(), deadline, f"{daemon.call('session.list')}")
        agent.close()

    def test_restart(self) -> None:
        """A series goes on under the name of its agent, whatever numbers sessions have, and the time between is a gap."""
        ini = self.write_ini(SECTIONS)
        first = self.start(ini)
        self.stream(first, "greenhouse", 1.0, 2.0)
        run = first.call("history.begin", name="night")
        first.call("history.annotate", text="door open", subject="session.main.greenhouse.>")
        self.assertEqual(first.stop(), 0)
        second = self.start(ini)
        self.stream(second, "cellar", 5.0)  # the session that has the number of the one before
        self.stream(second, "greenhouse", 3.0)
        answer = second.call("history.query", pattern="session.>", end="+1h", points=10)
        values = {(one["subject"], one["unit"], one["label"]): (sum(one["count"]), one["max"][-1]) for one in answer["series"]}
        expected = {
            ("session.main.cellar.temp", "K", "Temperature"): (1, 5.0),
            ("session.main.greenhouse.temp", "K", "Temperature"): (3, 3.0),
        }
        self.assertEqual(values, expected)
        self.assertEqual([gap["reason"] for gap in answer["gaps"]], ["netd was stopped"])
        self.assertEqual([note["text"] for note in answer["notes"]], ["door open"])
        self.assertEqual(second.call("history.runs")[0], run)
        ended = second.call("history.events", pattern="session.main.greenhouse", contains="ended")
        self.assertTrue(ended, "the last words of the first daemon's sessions are recorded")
        places = [self.state / "recorder", *(self.state / "recorder").rglob("*")]
        for place in places:
            self.assertEqual(stat.S_IMODE(place.stat().st_mode), 0o700 if place.is_dir() else 0o600, place)
        self.assertEqual(second.stop(), 0)
