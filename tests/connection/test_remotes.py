"""Endpoints of remotes: what their descriptions make the reactor do."""

from __future__ import annotations

import sys
from pathlib import Path

import twisted.plugins
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.connection.remotes import Remote

PLUGIN = """
from zope.interface import implementer
from twisted.internet.endpoints import UNIXClientEndpoint
from twisted.internet.interfaces import IStreamClientEndpointStringParserWithReactor
from twisted.plugin import IPlugin

@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class SerialParser:
    prefix = "wire"

    def parseStreamClient(self, reactor, device):
        return UNIXClientEndpoint(reactor, device)

wire_parser = SerialParser()
"""


class RemoteTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactorClock()

    def dial(self, description: str) -> None:
        """Try to connect."""
        Remote(description, self.reactor, 7.0).connect(Factory.forProtocol(Protocol)).addErrback(lambda _: None)

    def test_tcp(self) -> None:
        """Addresses are dialled as they are, names as what they resolve to; each within the time, and from where it says."""
        for description, dialled in (
            ("tcp:10.0.0.7:5025", ("10.0.0.7", 5025, 7.0, None)),
            (r"tcp:fd00\:\:5:5025", ("fd00::5", 5025, 7.0, None)),
            ("tcp:broker.lan:1883:bindAddress=10.0.0.1", ("127.0.0.1", 1883, 7.0, ("10.0.0.1", 0))),
            ("tls:broker.lan:8883", ("127.0.0.1", 8883, 7.0, None)),
        ):
            self.dial(description)
            host, port, _, seconds, source = self.reactor.tcpClients[-1]
            self.assertEqual((host, port, seconds, source), dialled)

    def test_unix(self) -> None:
        """The socket file is opened."""
        self.dial("unix:/run/x.sock")
        self.assertEqual(self.reactor.unixClients[-1][0], "/run/x.sock")

    def test_other_distributions(self) -> None:
        """A type that another distribution adds is dialled as that wants."""
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "wire_endpoint.py").write_text(PLUGIN)
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(folder.absolute())])
        self.addCleanup(sys.modules.pop, "twisted.plugins.wire_endpoint", None)
        self.dial("wire:/dev/ttyUSB0")
        self.assertEqual(self.reactor.unixClients[-1][0], "/dev/ttyUSB0")
