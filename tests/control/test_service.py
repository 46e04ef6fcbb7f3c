"""Where the control socket is, who may open it, and whose state directory it is in; no socket is opened here."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.console.dispatch import Dispatcher
from netd.control.directory import LONGEST_PATH, StateDirectoryUnusable, objection
from netd.control.protocol import ControlFactory
from netd.control.service import LOCK, ControlService, make_control_service
from netd.listening import make_context
from netd.operations import OperationTable
from netd.paths import CONTROL_SOCKET
from netd.testing import RecordingBus, result_of

OWN = 47_110
"""A user whom nobody knows."""


class ServiceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="netd-"))
        self.addCleanup(shutil.rmtree, self.folder)
        self.state = self.folder / "var" / "state"
        self.reactor = MemoryReactorClock()

    def start(self, state: Path | None = None) -> ControlService:
        """A control socket, stopped when the test ends."""
        service = make_control_service(state or self.state, self.reactor, OperationTable(), RecordingBus())
        service.privilegedStartService()
        service.startService()
        self.addCleanup(service.stopService)
        return service

    def refusal(self, state: Path | None = None) -> str:
        """What a person is told when it cannot start."""
        return str(self.assertRaises(StateDirectoryUnusable, self.start, state))

    def test_socket(self) -> None:
        """The socket is where the command line looks for it, and open to the daemon's own user only."""
        self.start()
        ((path, _factory, _backlog, mode, _want_pid),) = self.reactor.unixServers
        self.assertEqual((str(self.state / CONTROL_SOCKET), 0o600), (path, mode))

    def test_directory(self) -> None:
        """A missing state directory is made for the daemon's own user only; nothing happens before the start."""
        make_control_service(self.state, self.reactor, OperationTable(), RecordingBus())
        self.assertFalse(self.state.exists())
        self.start()
        self.assertEqual(0o700, stat.S_IMODE(self.state.stat().st_mode))

    def test_foreseen(self) -> None:
        """What keeps it from starting can be told before, without making anything."""
        uid = os.geteuid()
        self.assertEqual("", objection(self.state, uid))
        self.assertEqual([], list(self.folder.iterdir()))
        (self.folder / "file").write_text("")
        self.assertIn("it is no directory; choose another", objection(self.folder / "file", uid))
        self.assertIn(f"cannot be made in {self.folder / 'file'}", objection(self.folder / "file" / "state", uid))
        (self.folder / "link").symlink_to("nowhere")
        self.assertIn("it is no directory", objection(self.folder / "link", uid))
        self.assertIn("longer than a unix socket's path", objection(self.folder / ("x" * LONGEST_PATH), uid))
        self.state.mkdir(parents=True)
        self.state.chmod(0o770)
        self.assertIn("other users may write", objection(self.state, uid))
        self.state.chmod(0o700)
        self.assertEqual("", objection(self.state, uid))

    def test_foreseen_owner(self) -> None:
        """That the directory is another user's is told, but not to root, who may check what that user runs."""
        owner = self.owned_by_other()
        self.assertIn(f"belongs to another user (uid {owner}; this is {owner + 7})", objection(self.state, owner + 7))
        self.assertEqual("", objection(self.state, 0))

    def test_directory_that_is_there(self) -> None:
        """A state directory that somebody made, as systemd does, keeps its mode."""
        self.state.mkdir(parents=True)
        self.state.chmod(0o755)
        self.start()
        self.assertEqual(0o755, stat.S_IMODE(self.state.stat().st_mode))

    def test_directory_that_others_may_write_in(self) -> None:
        """A directory in which others could put a socket of theirs is refused, with the command that mends it; untouched."""
        self.state.mkdir(parents=True)
        for mode in (0o770, 0o702, 0o1777, 0o777):
            self.state.chmod(mode)
            self.assertEqual(
                f"other users may write in the state directory {self.state}; run `chmod go-w {self.state}`, "
                "or choose another with `state_directory` in [netd] or NETD_STATE_DIRECTORY",
                self.refusal(),
            )
        self.assertEqual([], list(self.state.iterdir()))
        self.state.chmod(0o777 & ~0o022)
        self.start()

    def test_directory_of_somebody_else(self) -> None:
        """A directory that another user owns, who could change everything in it, is refused with both users and the remedy."""
        owner = self.owned_by_other()
        self.assertEqual(
            f"the state directory {self.state} belongs to another user (uid {owner}; this is {OWN}); run "
            f"`chown {OWN} {self.state}`, or choose another with `state_directory` in [netd] or NETD_STATE_DIRECTORY",
            str(self.assertRaises(StateDirectoryUnusable, self.service(OWN).privilegedStartService)),
        )
        self.assertEqual([], list(self.state.iterdir()))
        own = self.service(owner)
        own.privilegedStartService()
        self.addCleanup(own.stopService)

    def test_directory_of_root(self) -> None:
        """A directory that root made is as good as one's own."""
        self.state.mkdir(parents=True)
        if os.geteuid() == 0:
            service = self.service(OWN)
            self.addCleanup(service.stopService)
            service.privilegedStartService()
        else:
            service = make_control_service(Path("/"), self.reactor, OperationTable(), RecordingBus())
            refusal = str(self.assertRaises(StateDirectoryUnusable, service.privilegedStartService))
            self.assertIn("cannot use the state directory /: Permission denied", refusal)

    def test_planted_link(self) -> None:
        """A symbolic link in place of the lock makes no file where it points, and is told by name."""
        self.state.mkdir(parents=True)
        victim = self.folder / "victim"
        (self.state / LOCK).symlink_to(victim)
        self.assertEqual(
            f"{self.state / LOCK} is a symbolic link, which netd never makes; see who made it, and remove it", self.refusal()
        )
        self.assertFalse(victim.exists())

    def test_link_to_the_directory(self) -> None:
        """The directory itself may be reached by a link, as systemd makes them."""
        target = self.folder / "private"
        target.mkdir(mode=0o700)
        self.state.parent.mkdir()
        self.state.symlink_to(target)
        self.start()
        self.assertTrue((target / LOCK).is_file())

    def service(self, uid: int) -> ControlService:
        """A control socket for a daemon of the user *uid*."""
        factory = ControlFactory(
            "control", make_context(self.reactor, 30.0), Dispatcher(OperationTable(), self.reactor.seconds, RecordingBus())
        )
        return ControlService(self.state, factory, self.reactor, lambda: uid)

    def owned_by_other(self) -> int:
        """A state directory that neither root nor the user :data:`OWN` has; who has it. Only root can give one away."""
        self.state.mkdir(parents=True)
        if os.geteuid() == 0:
            os.chown(self.state, OWN + 1, -1)
        return self.state.stat().st_uid

    def test_odd_names(self) -> None:
        """A state directory may have spaces and colons in its name."""
        state = self.folder / "a b:mode=666"
        self.start(state)
        self.assertEqual(str(state / CONTROL_SOCKET), self.reactor.unixServers[0][0])
        self.assertEqual(0o600, self.reactor.unixServers[0][3])

    def test_second_daemon(self) -> None:
        """A second daemon on the same directory is told of the first, and does not take its socket away."""
        self.start()
        self.leave_socket()
        self.assertEqual(
            f"another netd runs with the state directory {self.state}; stop it with `netd stop --state {self.state}`, "
            "or give this one a `state_directory` of its own in [netd]",
            self.refusal(),
        )
        self.assertTrue((self.state / CONTROL_SOCKET).is_socket())
        self.assertEqual(1, len(self.reactor.unixServers))

    def test_after_the_end(self) -> None:
        """Once a daemon has stopped, the next one gets its directory."""
        result_of(self.start().stopService())
        self.start()
        self.assertEqual(2, len(self.reactor.unixServers))

    def test_stopped_before_it_started(self) -> None:
        """A control socket that never came up can be stopped."""
        result_of(make_control_service(self.state, self.reactor, OperationTable(), RecordingBus()).stopService())

    def test_killed_daemon(self) -> None:
        """What a killed daemon left, socket and lock file, is taken over; whoever has its old pid now does not matter."""
        self.state.mkdir(parents=True)
        self.leave_socket()
        (self.state / LOCK).write_text(str(os.getpid()), encoding="ascii")
        self.start()
        self.assertFalse((self.state / CONTROL_SOCKET).exists(), "the stale socket would be in the way of the new one")

    def test_something_else_in_the_way(self) -> None:
        """What is no socket is not removed."""
        self.state.mkdir(parents=True)
        (self.state / CONTROL_SOCKET).write_text("precious", encoding="ascii")
        self.start()
        self.assertEqual("precious", (self.state / CONTROL_SOCKET).read_text(encoding="ascii"))

    def test_not_a_directory(self) -> None:
        """A state directory that is a file, or below one, is refused with the reason and the remedy."""
        file = self.folder / "file"
        file.touch()
        self.assertEqual(
            f"cannot use the state directory {file}/state: Not a directory; choose another with `state_directory` in [netd] "
            "or NETD_STATE_DIRECTORY",
            self.refusal(file / "state"),
        )
        self.assertIn(f"cannot use the state directory {file}: File exists", self.refusal(file))

    def test_directory_that_cannot_be_written(self) -> None:
        """A state directory in which the daemon cannot write is refused with the reason."""
        (self.state / LOCK).mkdir(parents=True)
        self.assertIn(f"cannot use the state directory {self.state}: Is a directory; choose another", self.refusal())

    def test_long_path(self) -> None:
        """A path that is too long for a unix socket is refused before the operating system does, with the remedy."""
        longest = self.folder / ("x" * (LONGEST_PATH - len(f"{self.folder}//{CONTROL_SOCKET}")))
        self.start(longest)
        state = longest.with_name(longest.name + "x")
        self.assertEqual(
            f"{state / CONTROL_SOCKET}: longer than a unix socket's path may be; choose a shorter `state_directory`",
            self.refusal(state),
        )
        self.assertFalse(state.exists())

    def leave_socket(self) -> None:
        """A socket to which nobody listens, as a killed daemon leaves it."""
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(self.state / CONTROL_SOCKET))
