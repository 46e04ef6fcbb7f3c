"""A real broker, Debian's mosquitto, and a real daemon beside it."""

from __future__ import annotations

import atexit
import functools
import json
import shutil
import signal
import socket
import tempfile
from pathlib import Path

from tests.debian import program
from tests.process import LOOPBACK, Daemon, Program, RealTestCase


def free_port() -> int:
    """A port of loopback on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


class RealBroker:
    """A broker that admits everybody on loopback.

    :ivar port: where it listens.
    """

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="netd-broker-"))
        self.port = free_port()
        (self._place / "mosquitto.conf").write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n")
        self._program = Program([program("mosquitto"), "-c", self._place / "mosquitto.conf"], self._place)
        self._program.wait_for("mosquitto version .* running")

    def end(self) -> None:
        """Leave nothing behind."""
        self._program.end()
        shutil.rmtree(self._place)


@functools.cache
def broker() -> RealBroker:
    """The broker of all tests of this module, started for the first that asks."""
    made = RealBroker()
    atexit.register(made.end)
    return made


class RealMosquittoTests(RealTestCase):
    def start_netd(self, name: str) -> Daemon:
        """A daemon that the broker has let in."""
        mqtt = f"[mqtt]\nbroker = tcp:127.0.0.1:{broker().port}\npublish = custom.>, relay.*.presence.*\ncommands = relay\n"
        sections = f"name = {name}\n[relay]\nlisten = {LOOPBACK}\n{mqtt}discovery = homeassistant\n"
        daemon = self.start(self.write_ini(sections))
        daemon.wait_for("mqtt: connected to")
        return daemon

    def listen(self, *options: str) -> Program:
        """A subscriber that prints topics and payloads, once it has subscribed."""
        command = [program("mosquitto_sub"), "-V", "5", "-p", str(broker().port), "-d", "-v", *options]
        heard = Program(command, self.folder)
        self.addCleanup(heard.end)
        heard.wait_for(r"^Subscribed \(mid")
        return heard

    def tell(self, topic: str, payload: str, *options: str) -> None:
        """Publish something."""
        command = [program("mosquitto_sub").replace("_sub", "_pub"), "-V", "5", "-p", str(broker().port), "-q", "1", *options]
        told = Program([*command, "-t", topic, "-m", payload], self.folder)
        self.addCleanup(told.end)
        self.assertEqual(told.wait(), 0, told.output)

    def test_values_and_messages(self) -> None:
        """A late subscriber sees the last value; a message to a device is answered, and fails with its reason; a stop is told."""
        daemon = self.start_netd("first")
        daemon.call("bus.publish", subject="custom.door", data={"open": True})
        heard = self.listen("-t", "netd/first/#", "-t", "homeassistant/#", "-t", "answers")
        heard.wait_for(r"^netd/first/status online$")
        heard.wait_for(r'^netd/first/custom/door \{"open":true\}$')
        payload = heard.wait_for(r"^homeassistant/device/netd_first/config (.*)$")[1]
        self.assertEqual(json.loads(payload)["dev"]["ids"], ["netd_first"])
        self.tell("netd/first/relay/main/nobody/send", "on", "-D", "publish", "response-topic", "answers")
        answer = json.loads(heard.wait_for(r"^answers (.*)$")[1])
        self.assertEqual((answer["status"], "'nobody' is connected" in answer["error"]), ("failed", True))
        self.assertEqual(daemon.stop(), 0)
        heard.wait_for(r"^netd/first/status offline$")

    def test_killed(self) -> None:
        """A daemon that is killed is offline at the broker at once."""
        daemon = self.start_netd("second")
        heard = self.listen("-t", "netd/second/status")
        heard.wait_for(r"^netd/second/status online$")
        daemon.signal(signal.SIGKILL)
        heard.wait_for(r"^netd/second/status offline$")
