"""A foreign web page in a real Chromium, which makes it talk to ports of this machine."""

from __future__ import annotations

from tests.browser.chromium import BrowserTestCase
from tests.process import LOOPBACK

FUNCTIONS = """
from pathlib import Path
from netd.command import command

@command("touch")
def touch():
    Path({path!r}).touch()
"""

ASK = """
async (ports) => {
  const body = '{"command_id": "touch"}\\n';
  const ask = (port) => fetch(`http://127.0.0.1:${port}/`, { method: "POST", mode: "no-cors", body });
  return (await Promise.allSettled(ports.map(ask))).length;
}
"""


class ForeignPageTests(BrowserTestCase):
    def test_services(self) -> None:
        """No line in the body of a page's request runs as a command, no bot comes of it, and the log says what it was."""
        functions, proof = self.folder / "functions.py", self.folder / "proof"
        functions.write_text(FUNCTIONS.format(path=str(proof)), encoding="utf-8")
        command = f"[command]\nlisten = {LOOPBACK}\npersistent = yes\nfunctions = {functions}\n"
        daemon = self.start(self.write_ini(f"{command}[room]\nlisten = {LOOPBACK}\n[relay]\nlisten = {LOOPBACK}\n"))
        page = self.browser.new_page()
        page.evaluate(ASK, [daemon.port(kind) for kind in ("command", "room", "relay")])
        for kind in ("command", "room", "relay"):
            daemon.wait_for(rf"{kind}: .*127\.0\.0\.1:\d+ refused \(an HTTP request\): .*POST /")
        self.assertFalse(proof.exists())
        self.assertEqual([], daemon.call("room.list")["rows"])
