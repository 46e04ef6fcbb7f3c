"""Tests of :mod:`netd.cli.contexts`, :mod:`netd.cli.context` and :mod:`netd.cli.remote`: commands for daemons elsewhere."""

from __future__ import annotations

import json
import shutil
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.cli.contexts import Context, ContextError, Contexts, contexts_file, read_contexts, write_contexts
from netd.cli.remote import GatewayControl, GatewayPorts
from netd.client.control import ControlError, ControlTimeout, Lost, NotPermitted, NotRunning
from netd.client.events import Wish
from netd.client.gateway import Gateway
from netd.client.subscription import Hooks, Subscription
from tests.cli.fakes import CommandTests, operation

LAB = Context("lab", "https://lab:8443", "/secret/lab.token", "/ca.pem")


class FolderTests(CommandTests):
    """Commands of a user whose configuration is in a folder of the test."""

    def setUp(self) -> None:
        super().setUp()
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.environ["XDG_CONFIG_HOME"] = str(self.folder)
        self.path = self.folder / "netd" / "contexts.json"


class StoreTests(FolderTests):
    def test_path(self) -> None:
        """The file is where programs of this desktop keep their configuration."""
        self.assertEqual(contexts_file(self.environ), self.path)
        self.assertEqual(contexts_file({"HOME": "/home/ada"}), Path("/home/ada/.config/netd/contexts.json"))

    def test_kept(self) -> None:
        """What is written is read again; only the user may read it."""
        self.assertEqual(read_contexts(self.path), Contexts())
        contexts = Contexts().with_context(LAB).with_context(Context("b", "http://b")).using("lab")
        write_contexts(self.path, contexts)
        self.assertEqual(read_contexts(self.path), contexts)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        self.assertEqual(read_contexts(self.path / "below"), Contexts())

    def test_spoiled(self) -> None:
        """A file that is none of ours is an error that names it, and says what to do."""
        self.path.parent.mkdir()
        for text in (b"", b"[]", b"{}", b"\xff", b'{"contexts": {"a": {}}}', b'{"contexts": {"a": {"url": 5}}}', b"[" * 100_000):
            self.path.write_bytes(text)
            with self.assertRaisesRegex(ContextError, "contexts.json: not a file of contexts; mend it or remove it"):
                read_contexts(self.path)
        self.path.write_text('{"used": "gone", "contexts": {}}', "utf-8")
        self.assertEqual(read_contexts(self.path).used, None)
        with self.assertRaisesRegex(ContextError, "cannot read .*: Is a directory"):
            read_contexts(self.folder)

    def test_open_token(self) -> None:
        """A token that others can read is not taken, as ssh takes no such key; the remedy can be typed."""
        token = self.folder / "my lab.token"
        token.touch()
        token.chmod(0o644)
        add = ("context", "add", "lab", "--url", "https://lab:8443", "--token-file", str(token))
        result = self.netd(*add)
        self.assertEqual((result.exit_code, f"run `chmod 600 '{token}'`" in result.stderr), (1, True), result.output)
        self.assertFalse(self.path.exists())
        token.chmod(0o600)
        self.assertEqual(self.netd(*add).exit_code, 0)

    def test_confined(self) -> None:
        """What a token may not see is not said to be absent."""
        write_contexts(self.path, Contexts().with_context(LAB))
        self.control.answers["system.operations"] = [operation("session.list")]
        for words in (["devices"], ["send", "gh", "x"], ["room", "list"]):
            result = self.netd("--context", "lab", *words)
            self.assertEqual((result.exit_code, "this token" in result.stderr), (3, True), result.output)

    def test_unwritable(self) -> None:
        """A folder that cannot be made, or written, is named; what was there stays."""
        blocked = self.folder / "file"
        blocked.write_text("")
        with self.assertRaisesRegex(ContextError, "cannot write .*: Not a directory"):
            write_contexts(blocked / "netd" / "contexts.json", Contexts())
        self.path.mkdir(parents=True)
        with self.assertRaisesRegex(ContextError, "cannot write"):
            write_contexts(self.path, Contexts())
        self.assertEqual([one.name for one in self.path.parent.iterdir()], ["contexts.json"])

    @given(st.binary(max_size=60))
    def test_any_bytes(self, text: bytes) -> None:
        """Whatever is in the file, it is contexts or one clear error."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(text)
            file.flush()
            self.assertRaises(ContextError, read_contexts, Path(file.name))


class CommandContextTests(FolderTests):
    def test_life(self) -> None:
        """A context is added, listed, used, and removed; the commands between go where it says."""
        token = self.folder / "lab.token"
        token.touch(mode=0o600)
        token.write_text("T0k3n")
        added = self.netd("context", "add", "lab", "--url", "https://lab:8443", "--token-file", str(token))
        self.assertEqual(added.exit_code, 0, added.output)
        self.control.answers["system.drain"] = {"status": "draining"}
        self.netd("drain")
        self.assertEqual((len(self.control.opened), self.gateways), (1, []))
        self.netd("--context", "lab", "drain", "--timeout", "5")
        self.assertEqual(self.gateways, [(Context("lab", "https://lab:8443", str(token)), 5.0)])
        self.assertEqual(self.netd("context", "use", "lab").exit_code, 0)
        self.netd("drain")
        self.assertEqual(len(self.gateways), 2)
        listed = self.netd("context", "list").stdout.splitlines()
        self.assertIn("local", listed[1])
        self.assertTrue(listed[2].startswith("*  lab"), listed)
        self.assertNotIn("T0k3n", "".join(listed) + self.path.read_text())
        refused = self.netd("context", "remove", "lab")
        self.assertEqual((refused.exit_code, "`netd context use local`" in refused.stderr), (1, True), refused.output)
        self.netd("drain")
        self.assertEqual(len(self.gateways), 3)  # a stop does not go to another daemon than before
        self.assertEqual(self.netd("context", "use", "local").exit_code, 0)
        self.assertEqual(self.netd("context", "remove", "lab").exit_code, 0)
        self.netd("drain")
        self.assertEqual(len(self.control.opened), 2)

    def test_json(self) -> None:
        """A script can read the list, and what became of a change."""
        write_contexts(self.path, Contexts().with_context(LAB))
        for arguments, status in (
            (["add", "b", "--url", "http://b"], "added"),
            (["use", "b"], "used"),
            (["use", "lab"], "used"),
            (["remove", "b"], "removed"),
        ):
            changed = self.netd("context", *arguments, "--json")
            self.assertEqual(json.loads(changed.stdout), {"name": arguments[1], "status": status})
        self.assertIn("the daemon of this machine", self.netd("context", "use", "local").stdout)
        listed = json.loads(self.netd("context", "list", "--json").stdout)
        self.assertEqual(
            [(one["name"], one["used"], one["cafile"]) for one in listed], [("local", True, None), ("lab", False, "/ca.pem")]
        )

    def test_certificate(self) -> None:
        """A gateway that asks for certificates is shown that of the context."""
        folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, folder)
        files = {"--cafile": folder / "ca.pem", "--certificate": folder / "ada.pem", "--key": folder / "ada.key"}
        for file in files.values():
            file.touch()
        words = [word for option, file in files.items() for word in (option, str(file))]
        added = self.netd("context", "add", "c", "--url", "https://c", *words)
        self.assertEqual(0, added.exit_code, added.output)
        found = read_contexts(self.path).find("c")
        self.assertEqual(
            ["ca.pem", "ada.pem", "ada.key"], [Path(str(one)).name for one in (found.cafile, found.certificate, found.key)]
        )

    def test_which(self) -> None:
        """What is said on the line wins over the environment, and that over what is used; --state is this machine."""
        contexts = Contexts().with_context(LAB).with_context(Context("b", "http://b")).using("lab")
        write_contexts(self.path, contexts)
        self.control.answers["system.drain"] = {}
        for arguments, environ, where in (
            ([], None, "lab"),
            ([], "b", "b"),
            (["--context", "lab"], "b", "lab"),
            (["--context", "local"], "b", None),
            ([], "local", None),
            (["--state", "/there"], "b", None),
            (["--state", "/there", "--context", "local"], None, None),
        ):
            self.gateways.clear()
            self.environ.pop("NETD_CONTEXT", None)
            if environ is not None:
                self.environ["NETD_CONTEXT"] = environ
            result = self.netd("drain", *arguments)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertEqual([context.name for context, _ in self.gateways], [] if where is None else [where])

    def test_wrong(self) -> None:
        """A context that is not there is 3, one that cannot be is 2; what is in the way is named."""
        write_contexts(self.path, Contexts().with_context(LAB))
        for arguments, code, said in (
            (["--context", "lob", "drain"], 3, "no context 'lob'; `netd context list` lists them"),
            (["--context", "lab", "--state", "/x", "drain"], 2, "give one of the two"),
            (["context", "use", "lob"], 3, "no context 'lob'"),
            (["context", "remove", "\x1b[2J"], 3, "no context '\\x1b[2J'"),
            (["context", "add", "lab", "--url", "http://lab"], 2, "there is a context lab already"),
            (["context", "add", "local", "--url", "http://lab"], 2, "choose another name"),
            (["context", "add", "a b", "--url", "http://lab"], 2, "no name for a context"),
            (["context", "add", "x", "--url", "lab:8080"], 2, "write http://HOST:PORT or https://HOST:PORT"),
            (["context", "add", "x", "--url", "http://lab", "--token-file", "/nowhere/t"], 2, "does not exist"),
            (["context", "add", "x", "--url", "http://ada:secret@lab"], 2, "give the token as such"),
        ):
            result = self.netd(*arguments)
            self.assertEqual(result.exit_code, code, result.output)
            self.assertIn(said, " ".join(result.stderr.split()))
            self.assertNotIn("ada:secret", result.stderr)
        self.path.write_text("spoiled")
        for arguments in (["drain"], ["context", "list"], ["status"]):
            result = self.netd(*arguments)
            self.assertEqual((result.exit_code, "not a file of contexts" in result.stderr), (1, True))
        self.control.answers["system.drain"] = {}
        self.assertEqual(self.netd("drain", "--state", "/x").exit_code, 0)  # this needs no contexts

    def test_unwritable(self) -> None:
        """A folder that cannot be written is an error that names it."""
        self.path.parent.write_text("")
        result = self.netd("context", "add", "x", "--url", "http://lab")
        self.assertEqual((result.exit_code, "cannot write" in result.stderr), (1, True))

    def test_status(self) -> None:
        """The status of a daemon elsewhere says where that is, and names no socket of this machine."""
        write_contexts(self.path, Contexts().with_context(LAB).using("lab"))
        self.control.answers["system.status"] = {"version": "1", "name": "lab", "services": []}
        shown = self.netd("status").stdout
        self.assertIn("netd 1 as lab at https://lab:8443", shown)
        self.assertNotIn("unix:", shown)

    def test_demo_is_local(self) -> None:
        """The demo plays to the daemon of this machine, whatever context is used."""
        write_contexts(self.path, Contexts().with_context(LAB).using("lab"))
        self.control.broken = NotRunning("not here")
        self.assertEqual(self.netd("demo").exit_code, 1)
        self.assertEqual((self.gateways, len(self.control.opened)), ([], 1))


class FakeGateway:
    """A gateway that answers as the script says."""

    def __init__(self, *script: Any) -> None:
        self.script = list(script)
        self.timeout = 10.0
        self.is_closed = False

    def call(self, method: str, /, **params: Any) -> Any:
        """The next answer."""
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return said, method, params

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


class GatewayControlTests(SynchronousTestCase):
    def control(self, *script: Any) -> GatewayControl:
        """A control over a gateway with a clock of its own."""
        self.now = 0.0
        self.gateway = FakeGateway(*script)

        def sleep(seconds: float) -> None:
            self.now += seconds

        return GatewayControl(cast("Gateway", self.gateway), lambda: self.now, sleep)

    def test_call(self) -> None:
        """Calls are passed on; leaving closes."""
        with self.control(5) as control:
            self.assertEqual(control.call("relay.send", method=1), (5, "relay.send", {"method": 1}))
        self.assertTrue(self.gateway.is_closed)

    def test_stopped(self) -> None:
        """A daemon has stopped when nobody answers there any more, and not before."""
        self.control({}, Lost("lost"), NotPermitted("no", -32002), NotRunning("gone")).wait_closed()
        self.assertEqual(self.gateway.script, [])
        self.assertRaises(ControlTimeout, self.control(*[{}] * 100).wait_closed)


class RealPortTests(SynchronousTestCase):
    def test_ports(self) -> None:
        """The ports are the SDK's own; nothing is connected before it is needed."""
        ports = GatewayPorts()
        here = Context("here", "http://127.0.0.1:1")
        ports.check(here)
        self.assertRaises(ValueError, ports.check, Context("x", "nowhere"))
        with ports.open_control(here, 1.0) as control:
            self.assertRaises(NotRunning, control.call, "x")
        with tempfile.NamedTemporaryFile() as token:
            lab = Context("lab", "http://127.0.0.1:1", token.name)
            with ports.open_control(lab, 1.0):
                Path(token.name).chmod(0o640)
            for opens_one in (lambda: ports.open_control(lab, 1.0), lambda: ports.subscribe(lab, Wish(">"), 1.0, Hooks())):
                self.assertRaisesRegex(ControlError, "context lab is not used: .* `chmod 600 ", opens_one)
        self.assertRaisesRegex(ControlError, "is gone: .* `netd context remove lab`", ports.open_control, lab, 1.0)
        with self.assertRaisesRegex(ControlError, "the context x cannot be used: the address of the gateway"):
            ports.open_control(Context("x", "nowhere"), 1.0)
        opens: list[Callable[[], Any]] = [
            lambda: ports.subscribe(here, Wish(">"), 1.0, Hooks()),
            lambda: ports.subscribe_locally(Path("/nowhere/control.sock"), Wish(">"), 1.0, Hooks()),
        ]
        for opened in opens:
            subscription = opened()
            self.assertIsInstance(subscription, Subscription)
            self.assertRaises(NotRunning, subscription.take, 1.0)
            subscription.close()
