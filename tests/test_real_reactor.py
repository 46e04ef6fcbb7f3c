"""The reactor that a real twistd chooses: Twisted's own, or the one on asyncio where a section needs it."""

from __future__ import annotations

import os

from tests.process import CHECKOUT, RealTestCase

PLUGIN = "from netd.kinds import ServiceKind\noven = ServiceKind('oven', 'tests.asyncio_kind')\n"

PROBE = """
import sys
from netd.tap import Options, makeService
options = Options()
options.parseOptions(["-c", sys.argv[1]])
makeService(options)
from twisted.internet import reactor
print(type(reactor).__name__, [name for name in ("nats", "twisted.internet.asyncioreactor") if name in sys.modules])
"""


class ReactorTests(RealTestCase):
    def setUp(self) -> None:
        super().setUp()
        plugins = self.folder / "twisted" / "plugins"
        plugins.mkdir(parents=True)
        (plugins / "oven_plugin.py").write_text(PLUGIN, encoding="utf-8")
        self.env = {"PYTHONPATH": os.pathsep.join(map(str, (self.folder, CHECKOUT)))}

    def test_none_needs_asyncio(self) -> None:
        """Without such a section, the reactor is Twisted's own; neither asyncio's nor the client of NATS is imported."""
        found = self.run_python("-c", PROBE, self.write_ini())
        self.assertEqual(("EPollReactor []\n", ""), (found.stdout, found.stderr))

    def test_a_section_needs_asyncio(self) -> None:
        """With one, its coroutines run beside everything else, in a daemon that starts, answers and stops as ever."""
        daemon = self.start(self.write_ini("[oven]\n"), env=self.env)
        self.assertEqual("baked on _UnixSelectorEventLoop", daemon.call("oven.loop"))
        self.assertEqual(0, daemon.stop())

    def test_reactor_chosen_by_hand(self) -> None:
        """With another reactor on the command line, one line says what to leave out."""
        ini = self.write_ini("[oven]\n")
        refused = self.twistd("-n", "--pidfile=", "--reactor=epoll", "netd", "-c", ini, env=self.env)
        self.assertEqual(78, refused.returncode)
        self.assertIn(f"{ini}:3: [oven] needs the reactor on asyncio, which netd chooses by itself", refused.stderr)
