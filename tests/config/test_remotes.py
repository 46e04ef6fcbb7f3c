"""Descriptions of remotes: what is wrong with one, and what was meant."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import attrs
import twisted.plugins
from twisted.trial.unittest import SynchronousTestCase

from netd.config import DialingConfig, Parser, off_or, option, parse, remote
from netd.config.remotes import arguments_of_remote, check_remote, located_remote
from netd.errors import ConfigErrors
from tests.tls import Authority, write_private

SERIAL_PLUGIN = """
from zope.interface import implementer
from twisted.internet.interfaces import IStreamClientEndpointStringParserWithReactor
from twisted.plugin import IPlugin

@implementer(IPlugin, IStreamClientEndpointStringParserWithReactor)
class SerialParser:
    prefix = "serial"

    def parseStreamClient(self, reactor, device):
        if device == "/dev/null":
            raise ValueError("no serial port")
        if device == "later":
            return reactor.callLater

serial_parser = SerialParser()
"""


class CheckTests(SynchronousTestCase):
    def assert_refused(self, description: str, problem: str) -> None:
        """The description is refused for just that."""
        self.assertEqual(str(self.assertRaises(ValueError, check_remote, description)), f"{description}: {problem}")

    def test_good_ones(self) -> None:
        """Names and addresses are taken, in any of their spellings; so are paths, and types of Twisted's own."""
        for description in (
            "tcp:broker.lan:1883",
            "tcp:host=192.168.1.5:port=5025",
            r"tcp:fd00\:\:5:1883",
            r"tcp:fe80\:\:1%eth0:1883",
            "tcp:broker.lan:1883:bindAddress=192.168.1.2",
            "tcp:bücher.example:80",
            "tcp:my_printer:9100",
            "tls:broker.lan:8883",
            "unix:/run/x.sock",
            "unix:path=x.sock",
        ):
            check_remote(description)

    def test_address(self) -> None:
        """A missing or impossible part of an address is named."""
        for description, problem in (
            ("tcp:broker.lan", "port is missing; write tcp:HOST:PORT"),
            ("tls::8883", "host is missing; write tls:HOST:PORT"),
            ("tcp:broker.lan:0", "port '0' is not a number from 1 to 65535"),
            ("tcp:broker.lan:65536", "port '65536' is not a number from 1 to 65535"),
            ("tcp:broker.lan:mqtt", "port 'mqtt' is not a number from 1 to 65535"),
            ("tcp:bro ker:1883", "host 'bro ker' is neither a name nor an address"),
            ("tcp:a..b:1883", "host 'a..b' is neither a name nor an address"),
            ("tcp:b:1:bindAddress=eth0", "bindAddress 'eth0' is not an IP address of this machine"),
            ("tcp:b:1:timeout=5", "unknown argument 'timeout'; tcp takes host, port, bindAddress"),
            ("unix:", "path is missing; write unix:PATH"),
            ("tcp:b:1\\", "ends in a lone backslash"),
        ):
            self.assert_refused(description, problem)

    def test_other_spellings(self) -> None:
        """A URL, or a host and a port, draws the description that was meant, and that is a good one."""
        for written, meant in (
            ("broker.lan:1883", "tcp:broker.lan:1883"),
            ("mqtt://broker.lan:1883", "tcp:broker.lan:1883"),
            ("mqtts://broker.lan:8883/", "tls:broker.lan:8883"),
            ("[fd00::5]:1883", r"tcp:fd00\:\:5:1883"),
        ):
            error = str(self.assertRaises(ValueError, check_remote, written))
            self.assertIn(f"(did you mean {meant}?); types are tcp, tls, unix", error)
            check_remote(meant)
        self.assert_refused("tpc:b:1", "unknown endpoint type 'tpc' (did you mean tcp?); types are tcp, tls, unix")
        self.assert_refused("b:99999", "unknown endpoint type 'b'; types are tcp, tls, unix")

    def test_no_verification(self) -> None:
        """The type that does not look at certificates is refused, with the one that does."""
        self.assert_refused("ssl:b:1", "ssl: does not verify the remote's certificate; write tls:HOST:PORT")

    def test_certificates(self) -> None:
        """Certificates and keys must be there when the configuration is read, and fit together."""
        folder = Path(self.mktemp())
        folder.mkdir()
        authority = Authority()
        key, certificate = authority.issue("netd")
        other, _ = authority.issue("other")
        write_private(folder / "key.pem", key)
        write_private(folder / "other.pem", other)
        write_private(folder / "own.pem", certificate)
        write_private(folder / "ca.crt", authority.pem)
        check_remote(f"tls:b:1:trustRoots={folder / 'ca.crt'}:certificate={folder / 'own.pem'}:privateKey={folder / 'key.pem'}")
        check_remote(f"tls:b:1:trustRoots={folder}")
        for arguments, problem in (
            ("certificate=own.pem", "certificate and privateKey belong together: give both, or neither"),
            ("trustRoots=absent.pem", f"{folder / 'absent.pem'} cannot be read: No such file or directory"),
            ("trustRoots=key.pem", f"{folder / 'key.pem'}: there is no certificate in it"),
            (
                "certificate=own.pem:privateKey=other.pem",
                f"{folder / 'own.pem'}: its first certificate is not that of the key in {folder / 'other.pem'}",
            ),
        ):
            self.assert_refused(located_remote(f"tls:b:1:{arguments}", folder), problem)


class ForeignTests(SynchronousTestCase):
    """A type that another distribution adds to Twisted, as for a serial port."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "serial_endpoint.py").write_text(SERIAL_PLUGIN)
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(folder.absolute())])
        self.addCleanup(sys.modules.pop, "twisted.plugins.serial_endpoint", None)

    def test_taken(self) -> None:
        """It is taken; its arguments are its own."""
        check_remote("serial:/dev/ttyUSB0")
        self.assertEqual(arguments_of_remote("serial:/dev/ttyUSB0"), ("serial", {}))

    def test_refused(self) -> None:
        """What the type itself refuses is an error before the daemon starts; what it lacks without a reactor is none."""
        error = self.assertRaises(ValueError, check_remote, "serial:/dev/null")
        self.assertEqual(str(error), "serial:/dev/null: cannot be used: no serial port")
        check_remote("serial:later")


@attrs.frozen(kw_only=True)
class Config(DialingConfig):
    """A section that dials."""

    remote: str = option(remote, "tcp:localhost:1", help="Where.")


class ParserTests(SynchronousTestCase):
    def read(self, text: str) -> Any:
        """The value of the option in a file of ``/etc/netd``."""
        [section] = parse(f"[b]\nremote = {text}", "b.ini", {"b": Config}, {}, 0, "h", Path("/etc/netd")).sections
        config: Any = section.config
        return config.remote

    def test_paths(self) -> None:
        """A relative path in a remote is relative to the INI file."""
        self.assertEqual(self.read("unix:x.sock"), "unix:/etc/netd/x.sock")
        self.assertEqual(self.read("tcp:b.lan:1"), "tcp:b.lan:1")

    def test_place(self) -> None:
        """A mistake is told with file and line, and what to write."""
        error = str(self.assertRaises(ConfigErrors, self.read, "b.lan:1"))
        self.assertIn("b.ini:2: [b] remote: b.lan:1: unknown endpoint type 'b.lan' (did you mean tcp:b.lan:1?)", error)

    def test_keys(self) -> None:
        """The key of netd is known by the remote that names it, so that a warning can be given of who can read it."""
        for parser in (remote, off_or(remote)):
            self.assertEqual([*parser.sources("tls:b:1"), *parser.sources("tcp:b:1")], [])
            [source] = parser.sources("tls:b:1:certificate=own.pem:privateKey=own.key")
            self.assertEqual(source.files(), [Path("own.key"), Path("own.pem")])
        self.assertEqual(list(off_or(remote).sources(None)), [])

    def test_off(self) -> None:
        """A remote that may be off keeps its paths' place."""
        either: Parser[str | None] = off_or(remote)
        self.assertEqual((either("off"), either("tcp:b:1"), either.locate), (None, "tcp:b:1", remote.locate))
