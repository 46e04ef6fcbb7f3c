"""The options of ``[manhole]``: off unless asked for, on loopback unless insisted on."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.config import Configuration, parse
from netd.config.descriptions import is_loopback
from netd.errors import ConfigErrors
from netd.manhole.config import Config
from netd.secrets.ssh_keys import KEYS


def read(text: str) -> Configuration:
    """The configuration of an INI with this text."""
    return parse(text, "netd.ini", {"manhole": Config}, {"NETD_STATE_DIRECTORY": "/var/lib/netd"}, 1000, "lab")


class ConfigTests(SynchronousTestCase):
    def config(self, *lines: str) -> Any:
        """The options that these lines give."""
        (section,) = read("\n".join(("[manhole]", *lines))).sections
        return section.config

    def test_off_by_default(self) -> None:
        """The packaged INI carries the section commented out: nobody runs a manhole without knowing."""
        self.assertFalse(Config.packaged)

    def test_one_line_switches_it_on(self) -> None:
        """The section's header alone is enough: loopback, the password file beside the rest of the state, no Python."""
        config = self.config()
        self.assertEqual(("loopback:6023",), config.listen)
        self.assertEqual(Path("/var/lib/netd/manhole.passwd"), config.passwords)
        self.assertFalse(config.python)
        self.assertEqual((30.0, 900.0, 8), (config.login_timeout, config.idle_timeout, config.max_sessions))

    def test_named_password_file(self) -> None:
        """Another file can be named."""
        self.assertEqual(Path("/etc/netd/passwd"), self.config("password_file = /etc/netd/passwd").passwords)

    def test_exposed_addresses(self) -> None:
        """An address that other machines reach is refused, with what to write instead, among any number of good ones."""
        for endpoint in ("tcp:6023", "tcp:6023:interface=192.0.2.1", "tcp6:6023", "tcp6:6023:interface=2001\\:db8\\:\\:1"):
            error = self.assertRaises(ConfigErrors, self.config, f"listen = tcp:6024:interface=127.0.0.1 {endpoint}")
            self.assertIn(
                f"[manhole] listen: other machines reach {endpoint}, and telnet sends passwords unencrypted", str(error)
            )
            self.assertIn("let other machines log in by `ssh = …`; or write tls = yes", str(error))

    def test_exposed_ssh(self) -> None:
        """SSH may be opened to other machines, if it is said to whom; tokens are no way in."""
        ssh = "ssh = tcp:6022"
        told = str(self.assertRaises(ConfigErrors, self.config, ssh))
        self.assertIn("[manhole] ssh: other machines reach tcp:6022: write who may connect: `access = peers`", told)
        for words in (("access = anyone",), ("access = loopback peers", "peers = 192.168.1.0/24")):
            self.assertTrue(self.config(ssh, *words))
        told = str(self.assertRaises(ConfigErrors, self.config, ssh, "access = tokens"))
        self.assertIn("access: tokens do not open the manhole, but keys and passwords", told)

    def test_neither(self) -> None:
        """A manhole that listens nowhere is a mistake; one for SSH alone is none."""
        self.assertIn("nobody could connect", str(self.assertRaises(ConfigErrors, self.config, "listen = off")))
        self.assertEqual(self.config("listen = off", "ssh = tcp:6022:interface=127.0.0.1").listen, None)

    def test_doors(self) -> None:
        """Telnet needs a password, SSH a password or a key: `netd check` says what is missing, and where a line is wrong."""
        state = Path(self.mktemp()).absolute()
        state.mkdir(mode=0o700)
        only = Config(state_directory=state, listen=None, ssh=("tcp:6022:interface=127.0.0.1",))
        both = Config(state_directory=state, ssh=("tcp:6022:interface=127.0.0.1",))
        [(option, why)] = only.objections()
        self.assertEqual(
            (option, why.partition("; ")[2]), ("ssh", f"or let a key in: `netd key add NAME FILE.pub --state {state}`")
        )
        blob = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + b"\0\0\0\x20" + bytes(32)).decode()
        key = f"ssh-ed25519 {blob} ops\n"
        (state / KEYS).write_text(key)
        (state / KEYS).chmod(0o600)
        self.assertEqual([*only.objections()], [])
        [(option, why)] = both.objections()
        self.assertEqual((option, why.partition("; ")[2]), ("password_file", "or log in with a key, and write `listen = off`"))
        (state / KEYS).write_text(f"command=ls {key}")
        self.assertEqual([option for option, _ in only.objections()], ["ssh", "ssh"])

    def test_private_addresses(self) -> None:
        """Loopback in both families, and unix sockets wherever they are, need no further word."""
        for endpoint in (
            "tcp:6023:interface=127.0.0.1",
            "tcp:6023:interface=localhost",
            "tcp6:6023:interface=\\:\\:1",
            "unix:/run/netd/manhole.sock:mode=600",
            "unix:manhole.sock",
        ):
            self.assertEqual((endpoint,), self.config(f"listen = {endpoint}").listen)

    def test_limits(self) -> None:
        """No option takes a value that would make the manhole useless or unbounded."""
        for line in ("login_timeout = 0s", "login_timeout = 1h", "idle_timeout = 8d", "max_sessions = 0", "max_sessions = 1000"):
            self.assertIn("is out of range", str(self.assertRaises(ConfigErrors, self.config, line)))

    def test_loopback(self) -> None:
        """Addresses that only this machine reaches, and those that look like it."""
        for host in ("127.0.0.1", "127.255.0.1", "::1", "::1%lo", "::ffff:127.0.0.1", "localhost"):
            self.assertTrue(is_loopback(host), host)
        for host in ("0.0.0.0", "::", "192.0.2.1", "::ffff:192.0.2.1", "128.0.0.1", "localhost.example.org", ""):
            self.assertFalse(is_loopback(host), host)
