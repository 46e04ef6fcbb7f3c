"""Endpoint descriptions: what is wrong with one, and which two cannot both be listened on."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import twisted.plugins
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet import endpoints as twisted_endpoints
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.config.descriptions import (
    DATAGRAMS,
    LOOPBACK,
    PARAMETERS,
    ListenAddress,
    addresses,
    arguments_of,
    check_description,
    is_exposed,
    located,
    split_descriptions,
    unix_address,
)

PIGEON_PLUGIN = """
from zope.interface import implementer
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin

@implementer(IPlugin, IStreamServerEndpointStringParser)
class PigeonParser:
    prefix = "pigeon"

    def parseStreamServer(self, reactor, breed):
        if breed == "penguin":
            raise ValueError("penguins do not fly")
        return reactor.callLater

pigeon_parser = PigeonParser()
"""
CERTIFICATE_OF_NOTHING = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"


VALUES = st.sampled_from(["80", "0", "127.0.0.1", r"\:\:1", "", "660", "/x/y", "a", r"\=", "-1"])
FIELDS = VALUES | st.builds(
    "{}={}".format, st.sampled_from(["port", "interface", "backlog", "address", "mode", "lockfile"]), VALUES
)
"""Arguments of endpoints, good and bad."""


class CheckTests(SynchronousTestCase):
    def assert_refused(self, description: str, problem: str) -> None:
        error = self.assertRaises(ValueError, check_description, description)
        self.assertEqual(str(error), f"{description}: {problem}")

    def test_good_ones(self) -> None:
        """What Twisted listens on is taken: every type, positional and named arguments, escapes, wrappers."""
        directory = Path(self.mktemp())
        directory.mkdir()
        for description in (
            "loopback:5050",
            "loopback:port=0:backlog=10",
            "haproxy:loopback:5050",
            "tcp:5050",
            "tcp:0:127.0.0.1:10",
            "tcp:backlog=5:80",
            "tcp:port=80:interface=\\:\\:1",
            "tcp6:80:backlog=5:interface=\\:\\:1",
            "unix:/run/x:mode=660:lockfile=0",
            "unix:C\\:/x",
            "systemd:domain=INET:index=0",
            "systemd:INET6:name=relay",
            "haproxy:tcp:80",
            "haproxy:systemd:domain=UNIX:name=x",
            f"tls:{directory}:443",
            "stdio:",
        ):
            check_description(description)

    def test_named_before_unnamed(self) -> None:
        """Arguments without names stand for the parameters in their order, whatever has been named before them."""
        self.assertEqual(("tcp", {"backlog": "5", "port": "80", "interface": "0.0.0.0"}), arguments_of("tcp:backlog=5:80"))
        self.assert_refused("tcp:port=80:80", "port is given twice")

    @given(st.sampled_from(["tcp", "tcp6", "unix"]), st.lists(FIELDS, max_size=4))
    def test_good_for_twisted(self, kind: str, fields: list[str]) -> None:
        """What is taken, Twisted takes, too: it is not asked about its own types."""
        description = ":".join([kind, *fields])
        try:
            check_description(description)
        except ValueError:
            return
        twisted_endpoints.serverFromString(object(), description)

    def test_unknown_type(self) -> None:
        """A type that does not exist draws the nearest, and all that exist."""
        types = "types are haproxy, loopback, ssl, systemd, tcp, tcp6, tls, unix"
        self.assert_refused("tpc:80", f"unknown endpoint type 'tpc' (did you mean tcp?); {types}")
        self.assert_refused("carrier-pigeon:80", f"unknown endpoint type 'carrier-pigeon'; {types}")
        self.assert_refused("tcp=80", f"unknown endpoint type 'tcp=80' (did you mean tcp?); {types}")
        self.assert_refused("t\\cp:99999", f"unknown endpoint type 't\\\\cp' (did you mean tcp?); {types}")

    def test_bare_port(self) -> None:
        """A bare port number draws the endpoint that was meant."""
        error = self.assertRaises(ValueError, check_description, "5050")
        self.assertIn("(did you mean tcp:5050?)", str(error))

    def test_address_and_port(self) -> None:
        """An address and a port, as other programs take them, draw the endpoint that was meant, and that is a good one."""
        for written, meant in (
            ("0.0.0.0:5050", "tcp:5050"),
            ("*:5050", "tcp:5050"),
            (":5050", "tcp:5050"),
            ("192.168.1.5:5050", "tcp:5050:interface=192.168.1.5"),
            ("lab.example:5050", "tcp:5050:interface=lab.example"),
            ("[::]:5050", "tcp6:5050"),
            (":::5050", "tcp6:5050"),
            ("[fd00::5]:5050", "tcp6:5050:interface=fd00\\:\\:5"),
            ("localhost:5050", "loopback:5050"),
            ("127.0.0.1:5050", "loopback:5050"),
            ("[::1]:5050", "loopback:5050"),
        ):
            check_description(meant)
            for description in (written, f"haproxy:{written}"):
                self.assertIn(f"(did you mean {meant}?)", str(self.assertRaises(ValueError, check_description, description)))
        for kind in ("tcp", "tcp6", "loopback", "haproxy:tcp"):
            error = str(self.assertRaises(ValueError, check_description, f"{kind}:0.0.0.0:5050"))
            self.assertTrue(error.endswith("port '0.0.0.0' is not a number from 0 to 65535 (did you mean tcp:5050?)"), error)

    def test_no_address(self) -> None:
        """Neither a word nor a port that there is not is taken for an address."""
        for description in ("lab:5050", "0.0.0.0:65536", "[x]:80", "256.0.0.1:"):
            self.assertNotIn("did you mean", str(self.assertRaises(ValueError, check_description, description)))

    def test_bad_port(self) -> None:
        """A port that is no number, or none that there is, is named."""
        for port in ("abc", "65536", "-5", "1_0", "\N{FULLWIDTH DIGIT ONE}"):
            self.assert_refused(f"tcp:{port}", f"port {port!r} is not a number from 0 to 65535")
            self.assert_refused(f"haproxy:tcp6:{port}", f"port {port!r} is not a number from 0 to 65535")

    def test_missing_argument(self) -> None:
        """An endpoint without its port or path draws the form that it has."""
        self.assert_refused("tcp", "port is missing; write tcp:PORT")
        self.assert_refused("tcp:", "port is missing; write tcp:PORT")
        self.assert_refused("ssl:privateKey=x", "port is missing; write ssl:PORT")
        self.assert_refused("unix", "address is missing; write unix:ADDRESS")
        self.assert_refused("haproxy", "haproxy wraps another endpoint; write haproxy:tcp:PORT")

    def test_wrong_arguments(self) -> None:
        """Arguments that the type does not take are named, with those that it does."""
        takes = "tcp takes port, interface, backlog"
        self.assert_refused("tcp:80:iface=lo", f"unknown argument 'iface' (did you mean interface?); {takes}")
        self.assert_refused("tcp:80:a:1:2", f"too many arguments; {takes}")
        self.assert_refused("tcp:80:port=81", "port is given twice")

    def test_wrong_values(self) -> None:
        """A backlog, mode or lockfile that is none is named."""
        self.assert_refused("tcp:80:backlog=x", "backlog 'x' is not a number")
        self.assert_refused("unix:/x:mode=9", "mode '9' is not octal")
        self.assert_refused("unix:/x:lockfile=maybe", "lockfile 'maybe' is not 0 or 1")

    def test_lone_backslash(self) -> None:
        """A backslash that escapes nothing is an error, with any type."""
        for description in ("tcp:80\\", "other\\", "unix:/x\\\\\\"):
            self.assert_refused(description, "ends in a lone backslash")

    def test_systemd(self) -> None:
        """A socket from systemd is checked for its form only: it exists when systemd starts the daemon."""
        self.assert_refused("systemd:domain=INET", "give either index=NUMBER or name=NAME")
        self.assert_refused("systemd:domain=INET:index=0:name=x", "give either index=NUMBER or name=NAME")
        self.assert_refused("systemd:domain=IPX:index=0", "domain 'IPX' is not one of INET, INET6, UNIX")
        self.assert_refused("systemd:domain=INET:index=x", "index 'x' is not a number")

    def test_missing_certificate(self) -> None:
        """A key file that is not there is found before the daemon starts."""
        self.assert_refused("ssl:443:privateKey=/nonexistent/key", "/nonexistent/key cannot be read: No such file or directory")

    def test_bad_certificate(self) -> None:
        """A file that holds no certificate is found before the daemon starts."""
        path = Path(self.mktemp())
        path.write_text(CERTIFICATE_OF_NOTHING)
        error = self.assertRaises(ValueError, check_description, f"ssl:443:privateKey={path}")
        self.assertIn("cannot be used: ", str(error))

    def test_bad_method(self) -> None:
        """What only Twisted knows to be wrong is passed on as an error of that endpoint."""
        error = self.assertRaises(ValueError, check_description, "ssl:443:sslmethod=ROT13")
        self.assertIn("ssl:443:sslmethod=ROT13: cannot be used: ", str(error))

    def test_tls_wants_a_directory(self) -> None:
        """`tls:443`, which Twisted takes for a path, is asked for its directory."""
        self.assert_refused("tls:443", "'443' is not a directory of PEM files; write tls:DIRECTORY:PORT")
        self.assertRaisesRegex(ValueError, "is not a directory of PEM files", check_description, f"tls:{'a' * 300}:443")

    @given(st.lists(st.sampled_from(["tcp", "unix", "systemd", ":", "=", "\\", "80", "port", "a", "haproxy:", " "]), max_size=9))
    def test_any_description(self, pieces: list[str]) -> None:
        """Any description is taken or refused by name; what is taken has addresses that can be compared."""
        for description in split_descriptions("".join(pieces)):
            try:
                check_description(description)
            except ValueError as error:
                self.assertTrue(str(error).startswith(f"{description}: "))
            else:
                addresses((description,))


class TwistedTests(SynchronousTestCase):
    def test_parameters_are_those_of_twisted(self) -> None:
        """A parameter that a new Twisted adds to an endpoint type is noticed here, not by a user who may not write it."""
        functions: dict[str, Callable[..., Any]] = {
            "tcp": twisted_endpoints._parseTCP,
            "ssl": twisted_endpoints._parseSSL,
            "unix": twisted_endpoints._parseUNIX,
            "tcp6": twisted_endpoints._TCP6ServerParser()._parseServer,
            "tls": twisted_endpoints._TLSServerEndpointParser()._actualParseStreamServer,
            "systemd": twisted_endpoints._SystemdParser()._parseServer,
        }
        self.assertEqual({*functions, LOOPBACK, DATAGRAMS}, set(PARAMETERS))
        for kind, function in functions.items():
            taken = [name for name in inspect.signature(function).parameters if name not in ("factory", "reactor")]
            self.assertEqual(tuple(taken), PARAMETERS[kind], kind)


class ForeignTypeTests(SynchronousTestCase):
    """With another distribution installed that brings the endpoint type ``pigeon``."""

    def setUp(self) -> None:
        folder = Path(self.mktemp())
        folder.mkdir()
        (folder / "pigeon_endpoint.py").write_text(PIGEON_PLUGIN)
        self.patch(twisted.plugins, "__path__", [*twisted.plugins.__path__, str(folder.absolute())])
        self.addCleanup(sys.modules.pop, "twisted.plugins.pigeon_endpoint", None)

    def test_taken(self) -> None:
        """Its endpoints are taken, though they cannot be tried without a reactor; they collide with nothing."""
        check_description("pigeon:grey")
        self.assertEqual(addresses(("pigeon:grey",)), ())

    def test_refused(self) -> None:
        """What the type itself refuses is an error before the daemon starts."""
        error = self.assertRaises(ValueError, check_description, "pigeon:penguin")
        self.assertEqual(str(error), "pigeon:penguin: cannot be used: penguins do not fly")
        error = self.assertRaises(ValueError, check_description, "pigeon")
        self.assertIn("pigeon: cannot be used: ", str(error))


class CollisionTests(SynchronousTestCase):
    def collide(self, one: str, other: str, takes_ipv4: bool = True) -> bool:
        (_, first), (_, second) = addresses((one, other), takes_ipv4)
        self.assertEqual(first.collides_with(second), second.collides_with(first))
        return first.collides_with(second)

    def test_same_address(self) -> None:
        """Two that name the same interface and port collide, however they are spelled."""
        self.assertTrue(self.collide("tcp:80:interface=127.0.0.1", "haproxy:tcp:port=80:interface=127.0.0.1"))
        self.assertTrue(self.collide("tcp6:80:interface=\\:\\:1", "tcp:80:interface=0\\:0\\:0\\:0\\:0\\:0\\:0\\:1"))
        self.assertTrue(self.collide("tcp:80:localhost", "tcp:80:localhost"))
        self.assertTrue(self.collide("tcp:80:interface=127.0.0.1", "tcp6:80:interface=\\:\\:ffff\\:127.0.0.1"))
        self.assertTrue(self.collide("unix:/run/x", "unix:address=/run/x"))
        self.assertTrue(self.collide("unix:/run/x", "haproxy:unix:/run/y/..//x"))
        self.assertTrue(addresses(("unix:/run/x",))[0][1].collides_with(unix_address(Path("/run/x"))))

    def test_every_interface(self) -> None:
        """A port that is taken on every interface is taken on each one of that family."""
        self.assertTrue(self.collide("tcp:80", "tcp:80:interface=127.0.0.1"))
        self.assertTrue(self.collide("tcp6:80", "tcp6:80:interface=\\:\\:1"))
        self.assertTrue(self.collide("tcp:80:interface=0.0.0.0", "ssl:80"))

    def test_ipv6_takes_ipv4(self) -> None:
        """A port that is taken on every address of IPv6 is taken for IPv4 as well, where the system does so: not only there."""
        for other in ("tcp:80", "tcp:80:interface=127.0.0.1", "ssl:80", "tcp:80:localhost"):
            self.assertTrue(self.collide("tcp6:80", other), other)
            self.assertFalse(self.collide("tcp6:80", other, takes_ipv4=False), other)
            self.assertFalse(self.collide("tcp6:80:interface=\\:\\:1", other), other)
        self.assertTrue(self.collide("tcp6:80", "tcp6:80:interface=\\:\\:1", takes_ipv4=False))

    def test_one_socket_by_two_ways(self) -> None:
        """Symbolic links hide no collision: it would be the same socket."""
        folder = Path(self.mktemp()).absolute()
        folder.mkdir()
        (folder / "link").symlink_to(folder)
        (folder / "loop").symlink_to("loop")
        self.assertTrue(self.collide(f"unix:{folder}/x", f"unix:{folder}/link/x"))
        self.assertFalse(self.collide(f"unix:{folder}/x", f"unix:{folder}/loop/x"))

    def test_loopback(self) -> None:
        """All of this machine's loopback addresses are one place: no other endpoint can have one of them."""
        for other in (
            "loopback:80",
            "haproxy:loopback:80",
            "tcp:80",
            "tcp:80:interface=127.0.0.1",
            "tcp:80:interface=127.0.1.1",
            "tcp6:80",
            r"tcp6:80:interface=\:\:1",
        ):
            found = addresses(("loopback:80", other))
            first = [address for description, address in found if description == "loopback:80"][:3]
            second = [address for _, address in found[3:]]
            self.assertTrue(any(one.collides_with(another) for one in first for another in second), other)
        for other in ("loopback:81", "tcp:80:interface=10.0.0.1", "loopback:0"):
            found = addresses(("loopback:80", other))
            self.assertFalse(any(one.collides_with(another) for _, one in found[:3] for _, another in found[3:]), other)

    def test_apart(self) -> None:
        """Other ports, other interfaces, other families and other paths do not collide."""
        self.assertFalse(self.collide("tcp:80", "tcp:81"))
        self.assertFalse(self.collide("tcp:80:interface=127.0.0.1", "tcp:80:interface=127.0.0.2"))
        self.assertFalse(self.collide("tcp:80", "tcp6:81"))
        self.assertFalse(self.collide("unix:/run/x", "unix:/run/y"))
        self.assertFalse(self.collide("unix:/run/x", "tcp:80"))

    def test_tls_port_by_default(self) -> None:
        """`tls:` listens on 443 when no port is given."""
        self.assertEqual(addresses(("tls:/etc/pem",)), (("tls:/etc/pem", ListenAddress("::", 443, True, True)),))

    def test_no_fixed_address(self) -> None:
        """A port that the system chooses, and sockets that come from elsewhere, collide with nothing."""
        self.assertEqual(addresses(("tcp:0", "systemd:domain=INET:index=0", "stdio:")), ())


class ExposureTests(SynchronousTestCase):
    """Who reaches what is listened on, as far as that can be told beforehand."""

    def test_exposed(self) -> None:
        """An address of another kind than loopback is reached by others; through a proxy, every one is."""
        for description in (
            "tcp:8080",
            "tcp:0",
            "tcp:8080:interface=",
            "tcp:8080:interface=10.0.0.1",
            "tcp:8080:interface=lab.local",
            "tcp6:8080",
            r"tcp6:8080:interface=\:\:",
            "ssl:8080:interface=0.0.0.0",
            "haproxy:loopback:8080",
            "haproxy:tcp:8080:interface=127.0.0.1",
            "haproxy:unix:/run/x.sock",
        ):
            self.assertIs(is_exposed(description), True, description)

    def test_not_exposed(self) -> None:
        """Loopback and sockets in the file system are this machine's own."""
        for description in (
            "loopback:8080",
            "tcp:8080:interface=127.0.0.1",
            "tcp:8080:interface=127.9.9.9",
            "tcp:8080:interface=localhost",
            r"tcp6:8080:interface=\:\:1",
            r"tcp6:8080:interface=\:\:ffff\:127.0.0.1",
            "unix:/run/x.sock:mode=666",
        ):
            self.assertIs(is_exposed(description), False, description)

    def test_not_known(self) -> None:
        """What systemd hands over, and what others have made, shows its address only when it listens."""
        for description in ("systemd:domain=INET:index=0", "onion:80"):
            self.assertIsNone(is_exposed(description), description)


class LocatedTests(SynchronousTestCase):
    HERE = Path("/etc/a b:c=d")
    WRITTEN = r"/etc/a\ b\:c\=d"

    def test_relative_paths(self) -> None:
        """Sockets, keys and certificates are looked for beside the file that names them; all else stays as it is written."""
        for written, found in (
            ("unix:x.sock", "unix:@/x.sock"),
            ("unix:run/x.sock:600", "unix:@/run/x.sock:600"),
            ("unix:mode=660:address=x", "unix:mode=660:address=@/x"),
            (r"unix:a\ b\\c", r"unix:@/a\ b\\c"),
            ("haproxy:unix:x", "haproxy:unix:@/x"),
            ("ssl:443:key.pem:certKey=cert.pem", "ssl:443:@/key.pem:certKey=@/cert.pem"),
            (
                "ssl:443:privateKey=/k:extraCertChain=chain:dhParameters=dh:interface=\\:\\:1",
                "ssl:443:privateKey=/k:extraCertChain=@/chain:dhParameters=@/dh:interface=\\:\\:1",
            ),
            ("tls:pem:443", "tls:@/pem:443"),
            ("tcp:80\n  unix:x  tcp:81", "tcp:80\n  unix:@/x  tcp:81"),
        ):
            self.assertEqual(found.replace("@", self.WRITTEN), located(written, self.HERE))

    def test_nothing_relative(self) -> None:
        """What names no relative path, and what cannot be read, is not touched: the check says what was written."""
        for written in (
            "tcp:80:interface=127.0.0.1",
            "unix:/run/x:mode=600",
            "systemd:domain=UNIX:index=0",
            "stdio:",
            "off",
            "",
            "unix:",
            "unix",
            "unix:x:colour=red",
            "unix:x\\",
            "ssl:443",
            "haproxy",
        ):
            self.assertEqual(written, located(written, self.HERE))

    def test_twisted_finds_the_path(self) -> None:
        """The path that comes out is the one that Twisted listens on, whatever characters the directory has."""
        ((_, address),) = addresses(split_descriptions(located("unix:x.sock:mode=600", self.HERE)))
        self.assertEqual(unix_address(self.HERE / "x.sock"), address)
        reactor = MemoryReactorClock()
        twisted_endpoints.serverFromString(reactor, located("unix:x.sock:mode=600", self.HERE)).listen(Factory())
        self.assertEqual(str(self.HERE / "x.sock"), reactor.unixServers[0][0])

    @given(
        st.lists(
            st.sampled_from(["tcp", "unix", "ssl", ":", "=", "\\", "80", "/x", "address", "haproxy:", " ", "\n"]), max_size=9
        )
    )
    def test_any_text(self, pieces: list[str]) -> None:
        """Any text comes out with as many descriptions, good ones as good as before; a second time changes nothing."""
        text = "".join(pieces)
        once = located(text, self.HERE)
        self.assertEqual(once, located(once, self.HERE))
        before, after = split_descriptions(text), split_descriptions(once)
        self.assertEqual(len(before), len(after))
        for written, found in zip(before, after, strict=True):
            if _is_good(written):
                self.assertTrue(_is_good(found), found)


def _is_good(description: str) -> bool:
    try:
        check_description(description)
    except ValueError:
        return False
    return True
