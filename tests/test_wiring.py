"""Options that arrive: each section gets a value of its own for every option, and two that were swapped on their way are seen."""

from __future__ import annotations

from typing import Any, TypeVar

import attrs
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from netd.command.config import Config as CommandConfig
from netd.config import SectionConfig
from netd.config.options import options_of
from netd.feed.config import Config as FeedConfig
from netd.gateway.config import Config as GatewayConfig
from netd.kinds import ServiceKind
from netd.relay.config import Config as RelayConfig
from netd.room.config import Config as RoomConfig
from netd.session.config import Config as SessionConfig
from netd.testing import RecordingBus

C = TypeVar("C", bound=SectionConfig)


def distinct(config: type[C], **given: Any) -> C:
    """A *config* in which no two numbers are equal, no flag has its default, and no optional number is left out."""
    default = config(**given)
    for index, name in enumerate(name for name in options_of(config) if name not in given):
        value = getattr(default, name)
        annotation = str(attrs.fields_dict(config)[name].type)
        if isinstance(value, bool):
            given[name] = not value
        elif "float" in annotation:
            given[name] = 101.5 + index
        elif annotation.startswith("int"):
            given[name] = 1001 + index
    return config(**given)


def astray(config: SectionConfig, *arrived: Any, **renamed: str) -> list[str]:
    """The attributes of *arrived* that do not have the value of the option of the same name.

    :param renamed: the option that an attribute comes from, where its name is another.
    """
    found = []
    for one in arrived:
        for field in attrs.fields(type(one)):
            option = renamed.get(field.name, field.name)
            value = getattr(one, field.name)
            if hasattr(config, option) and value != getattr(config, option):
                found.append(f"{type(one).__name__}.{field.name} is {value!r}, and not the {option} {getattr(config, option)!r}")
    return found


class WiringTests(SynchronousTestCase):
    """From the section to the parts that go by it: their rules are the section's ``Config`` itself."""

    def make(self, kind: str, config: SectionConfig) -> tuple[Any, Any]:
        """The service of a section, and its factory."""
        service: Any = ServiceKind(kind, f"netd.{kind}").make_service(config, MemoryReactorClock(), RecordingBus())
        return service, service._factory

    def test_distinct(self) -> None:
        """The values of these tests are told apart, and a swap is found."""
        config = distinct(RelayConfig)
        numbers = [value for value in attrs.astuple(config) if type(value) in (int, float)]
        self.assertEqual(len(numbers), len(set(numbers)))
        swapped = attrs.evolve(config, login_timeout=config.frame_timeout, frame_timeout=config.login_timeout)
        self.assertEqual(len(astray(config, swapped)), 2)

    def test_relay(self) -> None:
        """Every option of the relay arrives."""
        config = distinct(RelayConfig)
        _, factory = self.make("relay", config)
        exchange = factory.exchange
        self.assertIs(exchange.rules, config)
        self.assertEqual(astray(config, exchange.dialect, factory.context), [])
        self.assertEqual((exchange.dialect.devices, exchange.dialect.controllers), ({b"raspberrypi", b"arduino"}, {b"python"}))
        self.assertEqual(factory.device_bounds.size, config.device_queue)

    def test_session(self) -> None:
        """Every option of the sessions arrives."""
        config = distinct(SessionConfig)
        _, factory = self.make("session", config)
        dialer = factory.roster.world.dial.__self__
        self.assertEqual({id(factory.roster.rules), id(dialer.rules)}, {id(config)})
        self.assertEqual(astray(config, factory.context), [])

    def test_feed(self) -> None:
        """Every option of the feed arrives."""
        config = distinct(FeedConfig)
        _, factory = self.make("feed", config)
        self.assertEqual({id(factory.feed.rules), id(factory.rules)}, {id(config)})
        self.assertEqual(astray(config, factory.context), [])
        self.assertEqual(factory.bounds.size, config.backlog)

    def test_command(self) -> None:
        """Every option of the commands arrives."""
        config = distinct(CommandConfig)
        service, factory = self.make("command", config)
        self.assertIs(service._context.rules, config)
        self.assertEqual(astray(config, factory.context), [])
        execution = service._execution
        self.assertEqual(
            (execution.timeout, execution.threads._size, execution.threads._most_waiting),
            (config.timeout, config.threads, config.max_waiting),
        )

    def test_room(self) -> None:
        """Every option of the rooms arrives."""
        config = distinct(RoomConfig, replies="all", ask_name="USRNM", host="Robin")
        _, factory = self.make("room", config)
        self.assertIs(factory.rooms.rules, config)
        self.assertEqual(astray(config, factory.context), [])

    def test_gateway(self) -> None:
        """Every option of the gateway arrives."""
        config = distinct(GatewayConfig)
        _, factory = self.make("gateway", config)
        self.assertIs(factory.rules, config)
        self.assertEqual(astray(config, factory.context), [])
