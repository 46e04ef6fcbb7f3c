"""Tests of ``netd cluster init``: files for each machine, none written over, and the lines to write."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from click.testing import Result

from netd.cli.authority import names_of
from netd.cli.invocation import CliSurroundings
from netd.config import parse
from netd.kinds import find_kinds
from tests.cli.fakes import CommandTests, operation
from tests.cli.test_nodes import HERE


class InitTests(CommandTests):
    def setUp(self) -> None:
        super().setUp()
        folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, folder)
        self.folder = folder / "lab"
        self.numbers = itertools.count(1)

    def _surroundings(self) -> CliSurroundings:
        return replace(super()._surroundings(), random_bytes=lambda size: bytes([next(self.numbers)]) * size)

    def init(self, *arguments: str) -> Result:
        """Run ``netd cluster init`` for a hub at 10.0.0.5."""
        return self.netd("cluster", "init", str(self.folder), "--host", "10.0.0.5", *arguments)

    def text(self, name: str) -> str:
        """What a file holds."""
        return (self.folder / name).read_text()

    def test_two_nodes(self) -> None:
        """Each machine gets a folder; the server's configuration names the nodes, and holds none of their secrets."""
        done = self.init("--node", "a", "--node", "b", "--host", "hub.example.org")
        self.assertEqual(0, done.exit_code, done.output)
        made = [str(path.relative_to(self.folder)) for path in sorted(self.folder.rglob("*")) if path.is_file()]
        nodes = [f"node-{node}/{name}" for node in "ab" for name in ("ca.pem", "netd.ini", "netd.service", "node.nk")]
        hub = [f"hub/{name}" for name in ("nats-server.conf", "nats-server.service", "server-key.pem", "server.pem")]
        self.assertEqual(["ca-key.pem", "ca.pem", *hub, *nodes], made)
        self.assertEqual({*made}, {line.rpartition("/lab/")[2] for line in done.output.splitlines() if line.startswith("made")})
        configuration = self.text("hub/nats-server.conf")
        for node in "ab":
            self.assertRegex(configuration, rf"\{{ nkey: U[A-Z2-7]{{55}} \}}  # {node}\n")
            self.assertNotIn(self.text(f"node-{node}/node.nk").strip(), configuration)
        self.assertNotEqual(self.text("node-a/node.nk"), self.text("node-b/node.nk"))
        names = names_of(self.text("hub/server.pem"))
        self.assertEqual({"10.0.0.5", "hub.example.org", "localhost", "127.0.0.1", "::1"}, set(names))

    def test_lines_to_write(self) -> None:
        """The lines of each node are printed, its name too, and where its files go and whose they are."""
        said = self.init("--node", "a", "--name", "barn", "--port", "4333").output
        lines = [
            "    [netd]",
            "    name = a",
            "",
            "    [cluster]",
            "    servers = tls://10.0.0.5:4333",
            "    name = barn",
            "    credentials = /etc/netd/cluster/node.nk",
            "    tls_ca = /etc/netd/cluster/ca.pem",
        ]
        self.assertIn("\n".join(lines), said)
        self.assertIn(f"On node a, /etc/netd/cluster/ gets node.nk and ca.pem of {self.folder}/node-a/;", said)
        self.assertIn("    chown -R netd: /etc/netd/cluster\n", said)
        self.assertIn(f"On 10.0.0.5, the machine of the NATS server, /etc/netd/nats/ gets what is in {self.folder}/hub/.", said)
        self.assertIn('"netd.barn.>"', self.text("hub/nats-server.conf"))

    def test_first_ini(self) -> None:
        """Each node gets an INI with every option, its own name and the section, and a unit that runs netd with it."""
        self.init("--node", "a", "--leaf", "c", "--name", "barn")
        kinds = {name: kind.config for name, kind in find_kinds().items()}
        for node, servers in (("a", "tls://10.0.0.5:4222"), ("c", "nats://127.0.0.1:4222")):
            text = self.text(f"node-{node}/netd.ini")
            found = parse(text, "netd.ini", kinds, {}, 1000, "other")
            configs: dict[str, Any] = {section.name: section.config for section in found.sections}
            self.assertEqual(node, found.netd.name)
            self.assertLessEqual({"relay", "session", "gateway", "recorder", "cluster"}, set(configs))
            self.assertEqual(("barn", (servers,)), (configs["cluster"].name, configs["cluster"].servers))
            unit = self.text(f"node-{node}/netd.service")
            self.assertIn(f"Description=netd, node {node} of the cluster barn\n", unit)
            self.assertIn("User=netd\n", unit)
            self.assertIn("netd run -c /etc/netd/netd.ini\n", unit)
            self.assertIn("StateDirectory=netd\n", unit)

    def test_program_of_another_machine(self) -> None:
        """Where nats-server is on this machine says nothing about the one where the unit belongs."""
        self.init("--node", "a", "--leaf", "c")
        for name in ("hub", "leaf-c"):
            self.assertIn("ExecStart=/usr/local/bin/nats-server -c", self.text(f"{name}/nats-server.service"))

    def test_modes(self) -> None:
        """Nobody else reads a secret: the folder, the keys, the seeds and the configuration of a leaf node.

        Nor does anybody else write to a file, whatever the umask is.
        """
        self.addCleanup(os.umask, os.umask(0))
        self.init("--node", "a", "--leaf", "c")
        for name in ("ca.pem", "node-a/ca.pem", "hub/nats-server.conf", "leaf-c/nats-server.service"):
            self.assertEqual(0o644, stat.S_IMODE((self.folder / name).stat().st_mode), name)
        self.assertEqual(0o700, stat.S_IMODE(self.folder.stat().st_mode))
        for name in ("ca-key.pem", "hub/server-key.pem", "node-a/node.nk", "node-c/node.nk", "leaf-c/nats-server.conf"):
            self.assertEqual(0o600, stat.S_IMODE((self.folder / name).stat().st_mode), name)

    def test_leaf(self) -> None:
        """A node behind NAT talks to the server beside it, which dials the hub with the key of the node."""
        said = self.netd("cluster", "init", str(self.folder), "--host", "2001:db8::5", "--leaf", "c").output
        leaf = self.text("leaf-c/nats-server.conf")
        self.assertIn(self.text("node-c/node.nk").strip(), leaf)
        self.assertIn('url: "tls://[2001:db8::5]:7422"', leaf)
        self.assertIn('listen: "127.0.0.1:4222"', leaf)
        self.assertIn(
            "    servers = nats://127.0.0.1:4222\n    name = lab\n    credentials = /etc/netd/cluster/node.nk\n\n", said
        )
        self.assertIn(f"/etc/netd/nats/ gets what is in {self.folder}/leaf-c/.", said)

    def test_again(self) -> None:
        """A second run writes over nothing, says the same lines, and tells what to add to the server's configuration."""
        first = self.init("--node", "a").output
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        again = self.init("--node", "a").output
        self.assertEqual(before, {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()})
        self.assertEqual(first.split("\n\n")[1:], again.split("\n\n")[1:])
        self.assertEqual({"kept"}, {line.split()[0] for line in again.split("\n\n", maxsplit=1)[0].splitlines()})
        more = self.init("--node", "a", "--node", "d").output
        self.assertRegex(more, r"these lines belong among the users of NETD:\n    \{ nkey: U[A-Z2-7]{55} \}  # d\n")
        self.assertIn(f"made  {self.folder}/node-d/node.nk", more)

    def test_renewed_certificate(self) -> None:
        """A certificate that was removed is made anew by the same authority, so nodes need no new file."""
        self.init("--node", "a")
        (self.folder / "hub/server.pem").unlink()
        (self.folder / "hub/server-key.pem").unlink()
        authority = self.text("ca.pem")
        self.assertEqual(0, self.init("--node", "a", "--host", "new.example.org").exit_code)
        self.assertEqual(authority, self.text("ca.pem"))
        self.assertIn("new.example.org", names_of(self.text("hub/server.pem")))

    def test_files_that_do_not_fit(self) -> None:
        """A file that was damaged, lost or made for other names is named with the remedy, and nothing is changed."""
        self.init("--node", "a")
        other = self.init("--node", "a", "--host", "other.example.org")
        self.assertIn("server.pem: is not for other.example.org: remove it and hub/server-key.pem", other.output)
        (self.folder / "node-a/node.nk").write_text("hello\n")
        self.assertIn("node.nk: is no seed of a user", self.init("--node", "a").output)
        (self.folder / "hub/server.pem").unlink()
        (self.folder / "ca-key.pem").write_text("hello\n")
        self.assertIn("ca-key.pem: is not the key of ca.pem", self.init("--node", "a").output)
        (self.folder / "ca-key.pem").unlink()
        self.assertIn("ca-key.pem: is missing", self.init("--node", "a").output)
        (self.folder / "hub/server.pem").touch()
        (self.folder / "ca.pem").unlink()
        self.assertIn("ca.pem: is missing, but it has signed hub/server.pem", self.init("--node", "a").output)
        self.assertEqual(1, self.init("--node", "a").exit_code)

    def test_wrong_arguments(self) -> None:
        """No node, a name that no subject can have, and a host that no URL can have are refused before a file is made."""
        for arguments, told in (
            ((), "name each with --node"),
            (("--node", "a.b"), "not a name"),
            (("--host", "a/b"), "not a name"),
        ):
            refused = self.init(*arguments)
            self.assertEqual(2, refused.exit_code, refused.output)
            self.assertIn(told, refused.output)
        self.assertFalse(self.folder.exists())

    def test_folder_that_cannot_be(self) -> None:
        """Where the folder is a file, one line says so."""
        self.folder.touch()
        (self.folder.parent / "file").touch()
        done = self.netd("cluster", "init", str(self.folder.parent / "file" / "lab"), "--host", "a", "--node", "a")
        self.assertEqual(1, done.exit_code)
        self.assertIn("Not a directory", done.output)


class OperationTests(CommandTests):
    def test_operations_of_the_daemon(self) -> None:
        """``netd cluster nodes`` is an operation of the daemon, beside what the command does itself."""
        self.control.answers["system.operations"] = [operation("cluster.nodes", role="viewer")]
        self.control.answers["cluster.nodes"] = [HERE]
        done = self.netd("cluster", "nodes")
        self.assertEqual(0, done.exit_code, done.output)
        self.assertIn("10.0.0.5:4222", done.output)
        self.assertIn("init", self.netd("cluster", "--help").output)
