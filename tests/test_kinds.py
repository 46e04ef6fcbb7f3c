"""Kinds of service: found as plugins, imported when they are used."""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.plugin import IPlugin
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from netd.interfaces import IServiceKind
from netd.kinds import ServiceKind, find_kinds, sections_of
from netd.testing import RecordingBus


class FindTests(SynchronousTestCase):
    def test_own_kinds(self) -> None:
        """The kinds of netd itself are found without being named anywhere but in its plugin file."""
        kinds = find_kinds()
        self.assertLessEqual({"manhole", "relay"}, kinds.keys())
        for name, kind in kinds.items():
            self.assertEqual(name, kind.kind)
            self.assertTrue(isinstance(kind.config, type), name)

    def test_order(self) -> None:
        """Kinds come by name, so that references do not change from one machine to the next."""
        pump, oven = ServiceKind("pump", "pumps"), ServiceKind("oven", "ovens")
        self.assertEqual([("oven", oven), ("pump", pump)], list(find_kinds([pump, oven]).items()))

    def test_two_of_one_name(self) -> None:
        """Two plugins that claim one section are named, both of them."""
        error = self.assertRaises(ValueError, find_kinds, [ServiceKind("pump", "pumps"), ServiceKind("pump", "better.pumps")])
        for part in ("[pump]", "'pumps'", "'better.pumps'"):
            self.assertIn(part, str(error))


class ServiceKindTests(SynchronousTestCase):
    def test_interfaces(self) -> None:
        """A kind is a plugin; what is behind its dotted name is not needed to list it."""
        kind = ServiceKind("relay", "netd.relay")
        verifyObject(IServiceKind, kind)
        verifyObject(IPlugin, kind)
        self.assertEqual("pump", ServiceKind("pump", "no.such.package").kind)

    def test_sections(self) -> None:
        """What a kind's operations begin with is its own name, or what it says."""
        kinds = [ServiceKind("pump", "pumps"), ServiceKind("recorder", "netd.recorder", operations="history")]
        self.assertEqual(sections_of(kinds), {"pump": "pump", "history": "recorder"})

    def test_made_by_its_package(self) -> None:
        """Its options and its service come from the package that it names."""
        kind = ServiceKind("relay", "netd.relay")
        config = kind.config(instance="lab2")
        self.assertEqual("netd.relay.config", type(config).__module__)
        service = kind.make_service(config, MemoryReactorClock(), RecordingBus())
        self.assertEqual(("lab2", "netd.relay.service"), (service.instance, type(service).__module__))
