"""A real broker, Debian's mosquitto, and a real daemon beside it."""

from __future__ import annotations

import atexit
import functools
import json
import os
import pwd
import shutil
import signal
import socket
import tempfile
import time
from pathlib import Path

from netd.cli.cert_files import CertificateFiles
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
    :ivar secure: where it listens with TLS.
    :ivar misnamed: the same, at an address that its certificate does not name.
    :ivar authority: the certificate of the authority that has signed its own.
    :ivar stranger: another authority's.
    """

    def __init__(self) -> None:
        self._place = Path(tempfile.mkdtemp(prefix="netd-broker-"))
        self.port, secure_port, misnamed_port = free_port(), free_port(), free_port()
        self.secure, self.misnamed = f"tls:127.0.0.1:{secure_port}", f"tls:127.0.0.2:{misnamed_port}"
        self.authority, self.stranger = self._make_authority("own"), self._make_authority("other")
        both = self.authority.with_name("broker.pem")
        pair = f"certfile {both}\nkeyfile {both}\n"
        plain = f"per_listener_settings false\nallow_anonymous true\nlistener {self.port} 127.0.0.1\n"
        encrypted = f"listener {secure_port} 127.0.0.1\n{pair}listener {misnamed_port} 127.0.0.2\n{pair}"
        user = f"user {pwd.getpwuid(os.geteuid()).pw_name}\n"  # as root, it would become a user who may not read the key
        (self._place / "mosquitto.conf").write_text(user + plain + encrypted)
        self._program = Program([program("mosquitto"), "-c", self._place / "mosquitto.conf"], self._place)
        self._program.wait_for("mosquitto version .* running")

    def _make_authority(self, name: str) -> Path:
        """Make what `netd cert init` and `netd cert issue` make. Return the authority's certificate."""
        files = CertificateFiles(self._place / name, time.time())
        files.make_authority(name)
        files.issue([], "broker", 30, is_renewed=False)
        return files.folder / "ca.pem"

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
    def start_netd(self, name: str, where: str, more: str = "") -> Daemon:
        """A daemon that the broker at *where* has let in."""
        mqtt = f"[mqtt]\nbroker = {where}\npublish = custom.>, relay.*.presence.*\ncommands = relay\n"
        sections = f"name = {name}\n[relay]\nlisten = {LOOPBACK}\n{mqtt}discovery = homeassistant\n{more}"
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
        daemon = self.start_netd("first", f"tcp:127.0.0.1:{broker().port}")
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

    def test_secure(self) -> None:
        """With TLS, a broker of another authority or another name is refused in words; a daemon that is killed is offline."""
        own = f":trustRoots={broker().authority}"
        stranger = f"[mqtt:stranger]\nbroker = {broker().secure}:trustRoots={broker().stranger}\n"
        misnamed = f"[mqtt:misnamed]\nbroker = {broker().misnamed}{own}\n"
        daemon = self.start_netd("second", broker().secure + own, stranger + misnamed)
        daemon.wait_for("mqtt:stranger: cannot reach tls:.*`trustRoots` lacks the certificate that it is signed with")
        daemon.wait_for("mqtt:misnamed: cannot reach tls:.*the certificate is for other names: dial one of those")
        heard = self.listen("-t", "netd/second/status")
        heard.wait_for(r"^netd/second/status online$")
        daemon.signal(signal.SIGKILL)
        heard.wait_for(r"^netd/second/status offline$")
