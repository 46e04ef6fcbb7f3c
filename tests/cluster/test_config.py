"""The options of ``[cluster]``: what is refused, and what is objected to."""

from __future__ import annotations

import base64
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.cluster.config import Config
from netd.cluster.connection import make_client
from netd.cluster.credentials import login_arguments
from netd.config import options_of, parse
from netd.errors import ConfigErrors
from netd.kinds import find_kinds
from netd.secrets.nkeys import UserKey


class ConfigTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)

    def read(self, *lines: str, node: str = "A") -> Config:
        """The section with these lines."""
        text = "\n".join((f"[netd]\nname = {node}", "[cluster]", *lines))
        found = parse(text, "my.ini", {"cluster": Config}, {}, 1000, "localhost", self.folder).sections[0].config
        assert isinstance(found, Config)
        return found

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        """A file with a secret."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        return path


class ClientTests(SynchronousTestCase):
    def test_noise_of_asyncio(self) -> None:
        """A word that asyncio says whenever a server with TLS hangs up is kept out of the log; all others stay."""
        make_client()
        with self.assertLogs("asyncio", "WARNING") as told:
            for text in ("returning true from eof_received() has no effect when using ssl", "something else"):
                logging.getLogger("asyncio").warning(text)
        self.assertEqual(["something else"], [record.getMessage() for record in told.records])


class TogetherTests(ConfigTestCase):
    def test_what_needs_what(self) -> None:
        """History needs a recorder, controllers that reach other nodes need a cluster, and a node is in one cluster."""
        kinds = {name: kind.config for name, kind in find_kinds().items()}
        cluster = "[cluster]\nservers = nats://127.0.0.1\n"
        for text, told in (
            (f"{cluster}history = yes\n", "[cluster] history: does nothing without a section [recorder]"),
            ("[relay]\nremote = yes\n", "[relay] remote: does nothing without a section [cluster]"),
            (cluster + cluster.replace("r]", "r:two]"), "[cluster:two] there is only one [cluster]"),
        ):
            error = self.assertRaises(ConfigErrors, parse, text, "my.ini", kinds, {}, 1000, "a", self.folder)
            self.assertIn(told, str(error))
        parse(f"{cluster}history = yes\n[recorder]\n[relay]\nremote = yes\n", "my.ini", kinds, {}, 1000, "a", self.folder)


class OptionTests(ConfigTestCase):
    def test_servers(self) -> None:
        """Servers are URLs; the port is that of NATS where none is written."""
        config = self.read("servers = nats://10.0.0.5:4223, tls://nats.lab, nats://[::1]")
        self.assertEqual(("nats://10.0.0.5:4223", "tls://nats.lab:4222", "nats://[::1]:4222"), config.servers)

    def test_what_is_no_server(self) -> None:
        """Each mistake in a URL is told with the remedy, and a password in it is not repeated."""
        for written, told in (
            ("10.0.0.5:4222", "is no URL; write nats://HOST:PORT"),
            ("http://10.0.0.5", "the scheme is http"),
            ("nats://ada:secret@10.0.0.5", "10.0.0.5: a URL holds no password or token here"),
            ("nats://10.0.0.5:99999", "the port is not a number from 1 to 65535"),
            ("nats://10.0.0.5/x", "is not of the form"),
            ("nats://a, nats://a:4222", "nats://a:4222 is given twice"),
        ):
            error = self.assertRaises(ConfigErrors, self.read, f"servers = {written}")
            self.assertIn(told, str(error))
            self.assertNotIn("secret", str(error))

    def test_name_and_patterns(self) -> None:
        """The name of the cluster is a token of a subject, and patterns are those of subjects."""
        config = self.read("servers = nats://localhost", "publish = session.>, relay.*.presence.>")
        self.assertEqual(
            ("lab", ("session.>", "relay.*.presence.>"), ("custom.>",)), (config.name, config.publish, config.accept)
        )
        error = self.assertRaises(ConfigErrors, self.read, "servers = nats://x", "name = my lab", "accept = custom.a b!.>")
        self.assertIn("'my lab' is not a name; write 1 to 63 letters", str(error))
        self.assertIn("accept", str(error))

    def test_secrets_are_paths(self) -> None:
        """What `netd config` shows of secrets is where they are."""
        described = {name: option.parser.describes for name, option in options_of(Config).items()}
        for name in ("credentials", "tls_certificate"):
            self.assertEqual("path of a file that holds a secret; or off", described[name])


class ObjectionTests(ConfigTestCase):
    def objections(self, *lines: str, node: str = "A") -> list[str]:
        return [f"{option}: {why}" for option, why in self.read(*lines, node=node).objections()]

    def test_on_this_machine(self) -> None:
        """A server on loopback needs neither credentials nor TLS."""
        for server in ("localhost", "127.0.0.2", "[::1]"):
            self.assertEqual([], self.objections(f"servers = nats://{server}"))

    def test_on_the_network(self) -> None:
        """One beyond needs both."""
        login, nobody = self.write("login", "lab:secret\n"), "servers = nats://127.0.0.1, nats://10.0.0.5"
        no_credentials = "servers: nats://10.0.0.5:4222 is on the network, where anyone could join; write credentials = FILE"
        no_tls = "servers: nats://10.0.0.5:4222 is on the network, where anyone could listen; write tls_ca = FILE, or tls:// for nats://"
        self.assertEqual([no_credentials, no_tls], self.objections(nobody))
        self.assertEqual([no_tls], self.objections(nobody, f"credentials = {login}"))
        self.assertEqual([], self.objections("servers = tls://10.0.0.5", f"credentials = {login}"))

    def test_no_name(self) -> None:
        """Nodes that are all called localhost would be one."""
        (told,) = self.objections("servers = nats://localhost", node="auto")
        self.assertIn("each node needs a name of its own, and this host's is localhost; write `name = …` in [netd]", told)

    def test_files(self) -> None:
        """Files that cannot be used are named, each with its option."""
        open_to_all = self.write("login", "lab:secret\n", 0o644)
        told = self.objections(
            "servers = nats://localhost", f"credentials = {open_to_all}", "tls_ca = ca.pem", "tls_certificate = own.pem"
        )
        self.assertEqual(f"credentials: {open_to_all}: is open to other users: run `chmod 600 {open_to_all}`", told[0])
        for name, file, line in (("tls_ca", "ca.pem", told[1]), ("tls_certificate", "own.pem", told[2])):
            self.assertEqual(f"{name}: {self.folder / file}: cannot be used: No such file or directory", line)

    def test_no_client(self) -> None:
        """Without nats-py, one line says what to install."""
        folder = os.fspath(self.folder)
        self.patch(sys, "path", [folder])
        self.patch(sys, "path_importer_cache", {})
        for name in [name for name in sys.modules if name == "nats" or name.startswith("nats.")]:
            self.addCleanup(sys.modules.__setitem__, name, sys.modules.pop(name))
        self.assertEqual(
            [f": needs the client of NATS, which is not installed: {sys.executable} -m pip install nats-py"],
            self.objections("servers = nats://localhost"),
        )


class LoginTests(ConfigTestCase):
    def arguments(self, text: str, check: Callable[[], None] = lambda: None) -> dict[str, Any]:
        """What nats-py is given for a file with this text."""
        return login_arguments(self.read("servers = nats://x", f"credentials = {self.write('x', text)}").read_login(), check)

    def test_forms(self) -> None:
        """A user has a password, an nkey signs, and its JWT goes along; without a file, the server is told nothing."""
        key, jwt = UserKey(bytes(range(32))), "eyJ0eXAi.eyJqdGki.c2ln"
        creds = f"-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n*** secret ***\n{key.seed}\n"
        self.assertEqual({"user": "lab", "password": "se:cret"}, {n: give() for n, give in self.arguments("lab:se:cret").items()})
        self.assertEqual(["signature_cb"], list(self.arguments(key.seed)))
        full = self.arguments(creds)
        self.assertEqual(jwt.encode(), full["user_jwt_cb"]())
        self.assertEqual(key.sign(b"nonce"), base64.b64decode(full["signature_cb"]("nonce")))
        self.assertEqual({}, login_arguments(self.read("servers = nats://x").read_login(), lambda: None))

    def test_asks_first(self) -> None:
        """Nothing is given away where it must not be: the check comes before each secret."""

        def refuse() -> None:
            raise PermissionError

        self.assertRaises(PermissionError, self.arguments("lab:secret", refuse)["password"])
        self.assertRaises(PermissionError, self.arguments(UserKey(bytes(32)).seed, refuse)["signature_cb"], "nonce")
