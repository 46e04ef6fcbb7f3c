"""Tests of ``netd.doctor``: what is told of disks, certificates, ports, the clock and the configuration."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.config import Configuration, load
from netd.doctor.clock import BUILT, TIMESYNCD_IS_RIGHT, examine_clock, is_synchronised
from netd.doctor.findings import Diagnosis, Level
from netd.doctor.machine import (
    examine_certificates,
    examine_configuration,
    examine_disks,
    examine_exposures,
    folders_of,
    installed_versions,
)
from netd.doctor.ports import examine_ports
from netd.holders import Holder
from netd.kinds import find_kinds
from tests.tls import Authority, write_private

NOW = BUILT + 1e7


def levels(found: Any) -> list[Level]:
    """The levels of diagnoses."""
    return [one.level for one in found]


class MachineBench(SynchronousTestCase):
    def setUp(self) -> None:
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()

    def configure(self, text: str) -> tuple[Configuration | None, list[Diagnosis]]:
        """The configuration with this text, and what is told of it."""
        path = self.folder / "netd.ini"
        path.write_text(f"[netd]\nstate_directory = {self.folder}\n{text}")
        configs = {name: kind.config for name, kind in find_kinds().items()}
        return examine_configuration(lambda: load(path, configs, {}, 1000, "lab"), str(path))


class ConfigurationTests(MachineBench):
    def test_good(self) -> None:
        """A good configuration is told with its sections, and the directories that it writes to are known."""
        configuration, [found] = self.configure("[relay]\n[recorder]\n")
        assert configuration is not None
        self.assertEqual((found.level, found.text.partition(" is good; ")[2]), ("ok", "it runs relay, recorder"))
        folders = folders_of(configuration)
        self.assertEqual(folders, {"state directory": self.folder, "[recorder]": self.folder / "recorder" / "main"})

    def test_exposed(self) -> None:
        """What other machines reach with little protection is a standing warning; on loopback, the same options are none."""
        for listen, count in (("tcp:5050", 1), ("loopback:5050", 0)):
            for access, told in (("anyone", "admits anyone on"), ("tokens", "takes tokens on")):
                configuration, _ = self.configure(f"[relay]\nlisten = {listen}\naccess = {access}\n")
                assert configuration is not None
                found = [*examine_exposures(configuration)]
                self.assertEqual([one.section for one in found], ["relay"] * count)
                self.assertTrue(all(one.level == "warning" and told in one.text for one in found))

    def test_mistakes(self) -> None:
        """Each mistake is a problem of its section: netd would not start again."""
        configuration, found = self.configure("[relay]\nlissten = 1\n[feed]\nblock = x\n")
        self.assertEqual([(one.level, one.section) for one in found], [("problem", "relay"), ("problem", "feed")])
        self.assertIn("netd.ini:4", found[0].text)
        self.assertIsNotNone(configuration)

    def test_ports(self) -> None:
        """A port that another program has is told with that program; one that is free is well."""
        configuration, _ = self.configure("[relay]\nlisten = loopback:5050\n[feed]\nlisten = unix:/tmp/feed.sock\n[room]\n")
        assert configuration is not None
        held = {5050: [Holder(True, "nc (pid 7)")], 4242: [Holder(False, None)]}
        found = list(examine_ports(configuration, lambda _host, port: held.get(port, [])))
        self.assertEqual(found[0].text, "port 5050 of [relay] is held by nc (pid 7)")
        self.assertEqual((found[1].level, found[1].remedy), ("problem", "wait a minute"))
        self.assertEqual(levels(examine_ports(configuration, lambda _host, _port: [])), ["ok", "ok"])
        self.assertEqual(levels(examine_ports(configuration, lambda _host, _port: None)), [])


class DiskTests(MachineBench):
    def test_there_and_not_there(self) -> None:
        """The disk of a directory that is still to be made is that of its parent."""
        self.assertEqual(levels(examine_disks({"state directory": self.folder / "not" / "there"})), ["ok"])

    def test_gone(self) -> None:
        """A directory that was removed from under a daemon is a problem, whose remedy is the backup."""
        there = {"state directory": self.folder}
        self.assertEqual(levels(examine_disks(there, is_running=True)), ["ok"])
        [found] = examine_disks({"state directory": self.folder / "gone"}, is_running=True)
        self.assertEqual((found.level, "is not there" in found.text, "netd restore" in found.remedy), ("problem", True, True))

    def test_read_only(self) -> None:
        """A file system that cannot be written to is a problem."""
        [found] = examine_disks({"state directory": Path("/proc")})
        self.assertEqual((found.level, "/proc" in found.text), ("problem", True))

    def test_cannot_be_looked_at(self) -> None:
        """A directory that cannot be reached is one problem, and keeps the doctor from no other."""
        far = self.folder / ("x" * 300)
        found = [*examine_disks({"state directory": far / "a", "[recorder]": self.folder})]
        self.assertEqual(levels(found), ["problem", "ok"])
        self.assertIn("cannot be read", found[0].text)


class CertificateTests(MachineBench):
    def test_near_its_end(self) -> None:
        """A certificate is told with its end: a month before, it is time for another; afterwards, it is a problem."""
        pair = write_private(self.folder / "pair.pem", *Authority().issue("lab.local", days=(-100, 100)))
        configuration, _ = self.configure(f"[tls]\ncertificate = {pair}\n[relay]\ntls = yes\n")
        assert configuration is not None and configuration.tls is not None
        [read] = configuration.tls.pairs.pairs()
        end = read.certificate.not_valid_after_utc.timestamp()
        told = {}
        for days in (-60, -10, 1):
            [found] = examine_certificates(configuration, end + days * 86400)
            told[days] = (found.level, found.section)
        self.assertEqual(told, {-60: ("ok", "tls"), -10: ("warning", "tls"), 1: ("problem", "tls")})
        [found] = examine_certificates(configuration, 0.0)
        self.assertIn("is not valid before", found.text)

    def test_unusable(self) -> None:
        """A file that has gone is a problem; a key that others can read is a warning with the command that mends it."""
        pair = write_private(self.folder / "pair.pem", *Authority().issue("lab.local", days=(-100, 100)))
        configuration, _ = self.configure(f"[tls]\ncertificate = {pair}\n[relay]\ntls = yes\n")
        assert configuration is not None
        now = datetime.now(UTC).timestamp()
        pair.chmod(0o644)
        self.assertIn("chmod 600", next(examine_certificates(configuration, now)).remedy)
        pair.unlink()
        self.assertEqual(levels(examine_certificates(configuration, now)), ["problem"])


class ClockTests(MachineBench):
    def test_of_a_board_without_battery(self) -> None:
        """A clock that shows a time that is over is a problem, whatever else is known."""
        [found] = examine_clock(3600.0, "Europe/Berlin", lambda: True, self.folder)
        self.assertEqual(found.level, "problem")
        self.assertIn("1970-01-01 01:00:00 UTC, and netd's time zone is Europe/Berlin", found.text)

    def test_kept_right(self) -> None:
        """What the kernel says counts; else what systemd-timesyncd has noted; else it is not known, and no warning."""
        self.assertEqual(levels(examine_clock(NOW, "", lambda: True, self.folder)), ["ok"])
        self.assertEqual(levels(examine_clock(NOW, "", lambda: False, self.folder)), ["warning"])
        self.assertIn("not known", next(examine_clock(NOW, "", root=self.folder)).text)
        right = self.folder / TIMESYNCD_IS_RIGHT
        right.parent.mkdir(parents=True)
        [found] = examine_clock(NOW, "", root=self.folder)
        self.assertIn("systemd-timesyncd runs, but has reached no server yet", found.text)
        right.touch()
        self.assertIn("kept right by systemd-timesyncd", next(examine_clock(NOW, "", root=self.folder)).text)

    def test_kernel(self) -> None:
        """The kernel of this machine can be asked."""
        self.assertIn(is_synchronised(), (True, False, None))


class VersionsTests(SynchronousTestCase):
    def test_installed(self) -> None:
        """What netd stands on is found; what is not installed is left out."""
        found = installed_versions(("twisted", "no-such-package"))
        self.assertEqual(list(found), ["netd", "Python", "OpenSSL", "SQLite", "Twisted"])
        self.assertRegex(found["OpenSSL"], r"^\d+\.\d+\.\d+")
