"""Tests of ``netd.relay.devices``."""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from netd.codec.jsontext import to_plain
from netd.principal import ANONYMOUS, Kind, Principal, Proof, Role
from netd.relay.config import Config
from netd.relay.devices import DeviceHello, Devices, NameHeld, owner_of
from netd.relay.hosts import DeviceHosts
from netd.relay.target import MalformedTarget, Target, parse_target
from netd.testing import RecordingPeer


class DevicesTests(SynchronousTestCase):
    """Who is connected, and under which names."""

    def setUp(self) -> None:
        self.now = 1000.0
        self.devices = Devices(lambda: self.now, Config(host_names=(("shed", "10.0.0.9"),)), remembered=3)

    def test_found_by_address(self) -> None:
        """A device is found by exactly its host and port."""
        link, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 50412, None)
        self.assertIs(self.devices.find(b"('127.0.0.1', 50412)".ljust(64)), link)
        self.assertIs(self.devices.find(b"127.0.0.1:50412".ljust(64)), link)
        self.assertIsNone(self.devices.find(b"('127.0.0.1', 5041)".ljust(64)))
        self.assertRaises(MalformedTarget, self.devices.find, b" " * 64)

    def test_described(self) -> None:
        """What consoles and controllers are told of a device."""
        link, _ = self.devices.connect(RecordingPeer(), "10.0.0.7", 1, DeviceHello("greenhouse", ("gh",)))
        facts = {"name": "greenhouse", "address": "('10.0.0.7', 1)", "online": True, "generation": 1001, "answers": True}
        self.assertEqual(to_plain(link.describe()), {**facts, "since": 1000.0, "last_seen": 1000.0, "aliases": ("gh",)})

    def test_gone_at_once(self) -> None:
        """A device that went away is neither listed nor found."""
        link, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 50412, None)
        self.devices.disconnect(link)
        self.assertEqual((list(self.devices), len(self.devices)), ([], 0))
        self.assertIsNone(self.devices.find(b"('127.0.0.1', 50412)".ljust(64)))

    def test_names_and_aliases(self) -> None:
        """A device that says a name is found by it and by its aliases, and is remembered when it is away."""
        link, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 1, DeviceHello("greenhouse", ("gh",)))
        for text in ("greenhouse", "gh"):
            self.assertIs(self.devices.resolve(Target(text, None)), link)
        self.now = 1060.0
        self.devices.disconnect(link)
        self.assertIsNone(self.devices.resolve(Target("gh", None)))
        [absent] = self.devices.absent()
        self.assertEqual((absent.describe().online, absent.last_seen), (False, 1060.0))

    def test_a_name_of_its_own_beats_an_alias(self) -> None:
        """No device can hide another behind an alias."""
        real, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 1, DeviceHello("pump"))
        self.devices.connect(RecordingPeer(), "127.0.0.1", 2, DeviceHello("other", ("pump",)))
        self.assertIs(self.devices.resolve(Target("pump", None)), real)

    def test_a_name_that_is_held(self) -> None:
        """Nobody from another address takes a name, or an alias, while its device is there; afterwards anybody does."""
        link, _ = self.devices.connect(RecordingPeer(), "10.0.0.7", 1, DeviceHello("greenhouse", ("gh",)))
        for hello in (
            DeviceHello("greenhouse"),
            DeviceHello("gh"),
            DeviceHello("other", ("greenhouse",)),
            DeviceHello("other", ("gh",)),
        ):
            error = self.assertRaises(NameHeld, self.devices.connect, RecordingPeer(), "10.0.0.8", 1, hello)
            self.assertIn("is held by the device at 10.0.0.7:1 since 1970-01-01 00:16:40 UTC", str(error))
            self.assertIs(error.holder, link)
        self.assertEqual((list(self.devices), self.devices.name_of("other")), ([link], None))
        self.devices.disconnect(link)
        new, _ = self.devices.connect(RecordingPeer(), "10.0.0.8", 1, DeviceHello("greenhouse"))
        self.assertIs(self.devices.resolve(Target("greenhouse", None)), new)

    def test_a_name_that_the_configuration_gives(self) -> None:
        """The host that has a name by the configuration has it alone, there or not."""
        error = self.assertRaises(NameHeld, self.devices.connect, RecordingPeer(), "10.0.0.8", 1, DeviceHello("shed"))
        self.assertEqual(str(error), "the name 'shed' is kept for the device at 10.0.0.9, by `host_names`")
        link, _ = self.devices.connect(RecordingPeer(), "10.0.0.9", 1, DeviceHello("shed"))
        self.assertEqual(link.name, "shed")

    def test_who_connects(self) -> None:
        """All ways from this machine to itself are one; other hosts are each their own, unless the caller knows better."""
        self.assertEqual({owner_of(ANONYMOUS, host) for host in ("127.0.0.1", "127.0.1.1", "::1", "unix", "")}, {"this machine"})
        self.assertEqual(owner_of(ANONYMOUS, "10.0.0.7"), "10.0.0.7")
        by_token = Principal("lock", Role.NOBODY, None, Proof.TOKEN, "lock device 9f", Kind.DEVICE)
        by_other = evolve(by_token, proof=Proof.CERTIFICATE, credential="lock device 27 proof=certificate")
        self.assertEqual({owner_of(one, "10.0.0.7") for one in (by_token, by_other)}, {"device lock"})
        by_password = Principal("ada", Role.ADMIN, None, Proof.PASSWORD, "ada $scrypt$1")
        self.assertEqual(owner_of(by_password, "10.0.0.7"), "ada $scrypt$1")
        self.devices.connect(RecordingPeer(), "127.0.0.1", 1, DeviceHello("panel"))
        old, _ = self.devices.connect(RecordingPeer(), "::1", 2, DeviceHello("panel"))
        self.assertRaises(NameHeld, self.devices.connect, RecordingPeer(), "::1", 3, DeviceHello("panel"), "token ops")
        self.assertTrue(old.is_online)

    def test_the_newest_connection_has_the_name(self) -> None:
        """A device that comes back before its old connection died gets its name back; the old death changes nothing."""
        old, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 1, DeviceHello("greenhouse"))
        new, replaced = self.devices.connect(RecordingPeer(), "127.0.0.1", 2, DeviceHello("greenhouse"))
        self.assertIs(replaced, old)
        self.assertGreater(new.generation, old.generation)
        self.devices.disconnect(old)
        self.assertIs(self.devices.resolve(Target("greenhouse", None)), new)
        self.assertEqual(list(self.devices.absent()), [])

    def test_names_by_host(self) -> None:
        """An old device that cannot say a name gets the one that the configuration gives its host; two of them both stay."""
        first, replaced = self.devices.connect(RecordingPeer(), "10.0.0.9", 1, None)
        second, replaced_too = self.devices.connect(RecordingPeer(), "10.0.0.9", 2, None)
        self.assertEqual((first.name, second.name, replaced, replaced_too), ("shed", "shed", None, None))
        self.assertIs(self.devices.resolve(Target("shed", None)), second)
        self.assertEqual(len(self.devices), 2)

    def test_the_memory_of_names_is_bounded(self) -> None:
        """However many names come and go, only so many absent ones are remembered, the newest."""
        for number in range(20):
            link, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", number, DeviceHello(f"n{number}", (f"a{number}",)))
            self.devices.disconnect(link)
        self.assertEqual([link.name for link in self.devices.absent()], ["n17", "n18", "n19"])
        self.assertIsNone(self.devices.name_of("a0"))

    def test_who_is_there_is_remembered(self) -> None:
        """Devices that are connected take no place in the memory of absent ones, and are not forgotten, however old."""
        self.devices.connect(RecordingPeer(), "127.0.0.1", 99, DeviceHello("old"))
        for number in range(5):
            link, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", number, DeviceHello(f"n{number}"))
            self.devices.disconnect(link)
        self.assertEqual([link.name for link in self.devices.absent()], ["n2", "n3", "n4"])
        self.assertIsNotNone(self.devices.name_of("old"))

    def test_subject_of_a_stranger(self) -> None:
        """An address that nobody is known by has one subject, however it is spelled; so has a name."""
        for spelling in ("0:0:0:0:0:0:0:1,5", "('::1', 5)", "[::1]:5"):
            self.assertEqual(self.devices.subject_of(parse_target(spelling.encode())), "1-5")
        self.assertEqual(self.devices.subject_of(parse_target(b"no body")), "no-body")

    def test_aliases_go_with_their_connection(self) -> None:
        """A device that comes back with other aliases has those only, and none that another device has taken since."""
        for number in range(50):
            self.devices.connect(RecordingPeer(), "127.0.0.1", number, DeviceHello("pump", (f"a{number}",)))
        self.assertIsNone(self.devices.name_of("a0"))
        other, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 99, DeviceHello("other", ("a49",)))
        self.devices.connect(RecordingPeer(), "127.0.0.1", 100, DeviceHello("pump"))
        self.assertIs(self.devices.resolve(Target("a49", None)), other)

    def test_generations_go_on_after_a_restart(self) -> None:
        """A later daemon's generations are above an earlier one's."""
        before, _ = self.devices.connect(RecordingPeer(), "127.0.0.1", 1, None)
        later = Devices(lambda: self.now + 100, Config())
        after, _ = later.connect(RecordingPeer(), "127.0.0.1", 1, None)
        self.assertGreater(after.generation, before.generation)

    def test_cleared_once(self) -> None:
        """Those who wait for a device are told once, when it has taken everything or is gone."""
        peer = RecordingPeer()
        link, _ = self.devices.connect(peer, "127.0.0.1", 1, None)
        told: list[str] = []
        peer.is_full, peer.is_flushed = True, False
        link.when_clear(lambda: told.append("taken"), self.fail)
        link.cleared()
        self.assertEqual(told, [])
        peer.is_full, peer.is_flushed = False, True
        link.cleared()
        link.cleared()
        self.assertEqual(told, ["taken"])


class HostTests(SynchronousTestCase):
    def test_least_number(self) -> None:
        """Devices without a name at one host have the least numbers that are free; another host has numbers of its own."""
        hosts = DeviceHosts()
        self.assertEqual([1, 2, 3, 1], [hosts.take(host) for host in ("a", "a", "a", "b")])
        hosts.give_back("a", 1)
        hosts.give_back("a", 2)
        self.assertEqual((1, 1, 2, 4), (hosts.following("a"), *[hosts.take("a") for _ in range(3)]))
        self.assertEqual((5, 1), (hosts.following("a"), hosts.following("c")))

    def test_nobody_left(self) -> None:
        """When all have gone, the numbers begin at 1 again."""
        hosts = DeviceHosts()
        for _ in range(3):
            hosts.take("a")
        for number in (3, 1, 2):
            hosts.give_back("a", number)
        self.assertEqual([1, 2], [hosts.take("a"), hosts.take("a")])

    def test_subject(self) -> None:
        """The first one's token is its host alone."""
        self.assertEqual(["10-0-0-5", "10-0-0-5-2"], [DeviceHosts.subject("10.0.0.5", number) for number in (1, 2)])
