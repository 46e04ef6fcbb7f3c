"""A daemon on a machine whose wall clock is set while it runs, an hour back and an hour forth: nothing waits longer, or shorter.

The clock is set for the daemon alone: ``time.time`` of its process is another. Its monotonic clock goes on, as it does when NTP
sets the time.
"""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from netd.client.websocket import FrameDecoder
from tests.feed.bench import request
from tests.process import CHECKOUT, LOOPBACK, PATIENCE, RealTestCase, frame, read_frame

HOUR = 3600

SITE = """
import time

_time = time.time


def _shown():
    try:
        with open({path!r}) as shift:
            return _time() + float(shift.read())
    except (OSError, ValueError):
        return _time()


time.time = _shown
"""

SECTIONS = f"""
[relay]
listen = {LOOPBACK}
[feed]
listen = {LOOPBACK}
locales = en_US
interval = 100ms
[room]
listen = {LOOPBACK}
size = 1
start_delay = 1s
reply_timeout = 1s
[command]
listen = {LOOPBACK}
functions = {CHECKOUT / "etc" / "commands.py"}
"""


class ClockThatIsSetTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        site = self.folder / "site"
        site.mkdir()
        self.shift = site / "shift"
        self.set_clock(0)
        (site / "sitecustomize.py").write_text(SITE.format(path=str(self.shift)), encoding="utf-8")
        path = os.pathsep.join([str(site), str(CHECKOUT)])
        self.daemon = self.start(self.write_ini(SECTIONS), env={"PYTHONPATH": path})

    def set_clock(self, seconds: float) -> None:
        """Let the daemon's wall clock be so far off the machine's."""
        following = Path(f"{self.shift}.following")
        following.write_text(str(seconds), encoding="utf-8")
        following.replace(self.shift)

    def device(self, port: int, name: str) -> socket.socket:
        """A newer device, welcomed."""
        device = self.connect(port)
        device.sendall(frame(b'device {"name": "%b"}' % name.encode()))
        read_frame(device), read_frame(device)
        return device

    def told(self, controller: socket.socket) -> dict[str, Any]:
        """What a newer controller is told next."""
        envelope: dict[str, Any] = json.loads(read_frame(controller))
        read_frame(controller)
        return envelope

    def rounds(self, client: socket.socket, decoder: FrameDecoder, count: int) -> None:
        """Wait for *count* rounds of eight values, from now on."""
        while decoder.next_message() is not None:
            pass
        heard = 0
        while heard < 8 * count:
            decoder.feed(client.recv(1 << 16))
            while decoder.next_message() is not None:
                heard += 1

    def test_back_and_forth(self) -> None:
        """Rounds, deadlines, rooms and commands take the seconds that they take; what people read shows the clock as it is."""
        ports = {service: self.daemon.port(service) for service in ("relay", "feed", "room", "command")}
        client, decoder = self.connect(ports["feed"]), FrameDecoder()
        client.sendall(request())
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(1 << 16)
        decoder.feed(received.partition(b"\r\n\r\n")[2])
        self.device(ports["relay"], "valve")
        controller = self.connect(ports["relay"])
        controller.sendall(frame(b"controller {}"))
        self.told(controller)
        for number, offset in enumerate((-HOUR, HOUR)):
            bot, caller = self.connect(ports["room"]), self.connect(ports["command"])
            caller.sendall(b'{"command_id": "wait", "seconds": 0.3}\n')
            bot.sendall(b"bot%d\n" % number)
            self.assertIn(b"sucessfully", bot.recv(500))
            controller.sendall(frame(b'{"id": %d, "to": "valve", "deadline": 0.5}' % number) + frame(b"open"))
            self.assertEqual(self.told(controller)["status"], "sent")
            began = time.monotonic()
            self.set_clock(offset)
            self.rounds(client, decoder, 3)
            self.assertEqual(self.told(controller)["status"], "expired")
            self.assertIn(b'"success"', caller.recv(500))
            self.assertIn(b"Batman", bot.recv(500))
            self.assertEqual(bot.recv(500), b"")
            self.assertLess(time.monotonic() - began, PATIENCE / 2)
            self.device(ports["relay"], f"device{number}")
            [seen] = [one["last_seen"] for one in self.daemon.call("relay.devices")["rows"] if one["name"] == f"device{number}"]
            self.assertLess(abs(seen - time.time() - offset), 60)
        self.assertLess(self.daemon.call("system.status")["uptime"], 2 * PATIENCE)
        self.assertEqual(self.daemon.stop(), 0)
