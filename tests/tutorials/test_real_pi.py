"""The tutorial of a Raspberry Pi, with stand-ins for sudo and for what systemd does with two units."""

from __future__ import annotations

import shutil

from tests.process import CHECKOUT, Program
from tests.tutorials.reader import TutorialTestCase

SYSTEMCTL = """\
cd "{home}"
case "$*" in
"enable --now netd") setsid netd run -c "{home}/netd.ini" >netd.log 2>&1 & until netd status >/dev/null 2>&1; do sleep 0.1; done;;
"enable --now shed") setsid python3 shed.py >shed.log 2>&1 & echo $! >shed.pid
    until grep -q ':2711 00000000:0000 0A' /proc/net/tcp; do sleep 0.1; done;;
stop) kill "$(cat shed.pid)"; netd stop;;
esac
"""


class PiTests(TutorialTestCase):
    def stop(self) -> None:
        """End both services."""
        program = Program([self.bin / "systemctl", "stop"], self.home, self.env)
        program.wait()
        program.end()

    def test_page(self) -> None:
        """Both netd and a sensor's script run as services, the dashboard answers by TLS to a token, and the night is there."""
        (self.home / "cpu").write_text("42500\n")
        shutil.copytree(CHECKOUT / "contrib", self.home / "contrib")
        self.add_program("sudo", 'exec "$@"')
        self.add_program("systemctl", SYSTEMCTL.format(home=self.home))
        self.addCleanup(self.stop)
        self.follow(
            "raspberry-pi.md",
            {
                "/etc/netd": str(self.home),
                "/etc/systemd/system": str(self.home),
                "/home/pi": str(self.home),
                "/var/lib/netd": str(self.state),
                "/sys/class/thermal/thermal_zone0/temp": str(self.home / "cpu"),
                "192.168.1.20": "127.0.0.1",
            },
        )
