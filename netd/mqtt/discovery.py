"""Home Assistant's discovery: a device for each agent and each device of netd, with the entities that it has.

Pure. Source: https://www.home-assistant.io/integrations/mqtt/#device-discovery-payload. The short names of the members are those
of https://github.com/home-assistant/core/blob/dev/homeassistant/components/mqtt/abbreviations.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

from attrs import define, field, frozen

from netd.bus.subject import matches
from netd.codec.jsontext import encode
from netd.message import Described
from netd.mqtt.classes import CLASSES
from netd.mqtt.outgoing import Publication
from netd.mqtt.topics import DeviceKey, SubjectKind, SubjectRoute, Topics

__all__ = ["MOST_DEVICES", "Discovery", "DiscoveryPlan"]

MOST_DEVICES = 1000
"""Devices that Home Assistant is told of. Further ones are on the topics alone."""

MOST_CHANNELS = 200
"""Channels of a device that it is told of."""

GROWN = 1.5
"""The factor by which a pause must be longer than those before it to be told: pauses vary a little."""

STREAMING = "{{ 'online' if value_json.state == 'streaming' else 'offline' }}"
"""How Home Assistant reads the state of an agent's session."""

MODELS = {"session": "agent", "relay": "device", "wire": "program"}

_NOT_IN_ID = re.compile(r"[^A-Za-z0-9_-]")


@frozen
class DiscoveryPlan:
    """What payloads are made of.

    :ivar prefix: the first word of Home Assistant's topics.
    :ivar identity: what the ids of this netd's devices begin with.
    :ivar node: the name of this netd, for people.
    :ivar every: seconds between two publications of a value; None publishes each.
    :ivar classes: the device class of channels, by their name.
    :ivar kinds: the kinds whose devices may be sent messages.
    :ivar patterns: what is published.
    """

    prefix: str
    identity: str
    node: str
    version: str
    every: float | None
    classes: Mapping[str, str]
    kinds: Container[str]
    patterns: tuple[str, ...]

    def publishes(self, subject: str) -> bool:
        """Whether *subject* is published."""
        return any(matches(pattern, subject) for pattern in self.patterns)


@define(eq=False)
class HomeChannel:
    """A channel of a device.

    :ivar pause: the longest time between two of its values, in seconds; None before the second.
    :ivar newest: when the newest came, by the monotonic clock; None after an interruption, which is no such pause.
    """

    described: Described
    newest: float | None
    pause: float | None = None


@define(eq=False)
class HomeDevice:
    """A device, as Home Assistant knows it.

    :ivar gone: channels that have been forgotten: Home Assistant keeps an entity until it is told that there is none.
    :ivar is_told: whether Home Assistant has been told of it.
    """

    key: DeviceKey
    channels: dict[str, HomeChannel] = field(factory=dict)
    gone: set[str] = field(factory=set)
    is_told: bool = False

    @property
    def is_ready(self) -> bool:
        """Whether there is something to tell. An agent may get another name before its first sample."""
        return self.key.kind != "session" or bool(self.channels or self.gone)


class Discovery:
    """The devices of one section.

    :param objected: called with a channel, its class and its unit, which do not go together.
    """

    def __init__(
        self,
        plan: DiscoveryPlan,
        topics: Topics,
        monotonic: Callable[[], float],
        objected: Callable[[str, str, str], object],
    ) -> None:
        self._plan = plan
        self._topics = topics
        self._monotonic = monotonic
        self._objected = objected
        self._devices: dict[DeviceKey, HomeDevice] = {}
        self._changed: dict[DeviceKey, HomeDevice] = {}

    @property
    def size(self) -> int:
        """How many devices Home Assistant knows."""
        return len(self._devices)

    @property
    def is_stale(self) -> bool:
        """Whether some device has changed since it was told."""
        return bool(self._changed)

    def see(self, route: SubjectRoute, described: Described) -> bool:
        """Note an event of a device. Return True if the device is new."""
        key = route.device
        if key is None or route.kind is SubjectKind.SAID:
            return False
        device, is_new = self._devices.get(key), False
        if device is None:
            if len(self._devices) >= MOST_DEVICES:
                return False
            device = self._devices[key] = self._changed[key] = HomeDevice(key)
            is_new = True
        if route.kind is SubjectKind.SAMPLE:
            self._see_sample(device, route.channel, described)
        else:
            _interrupt(device)
        return is_new

    def interrupt(self) -> None:
        """Note that events may have been missed."""
        for device in self._devices.values():
            _interrupt(device)

    def changes(self) -> Iterator[Publication]:
        """Yield the payloads of devices that have changed."""
        changed, self._changed = self._changed, {}
        for device in changed.values():
            if not device.is_ready:
                continue
            device.is_told = True
            yield Publication(self._config_topic(self._id(device.key)), encode(self._payload(device)), is_retained=True)

    def everything(self) -> Iterator[Publication]:
        """Yield the payloads of all devices, that of netd itself first: the others name it."""
        yield Publication(self._config_topic(self._plan.identity), encode(self._own_payload()), is_retained=True)
        self._changed = dict(self._devices)
        yield from self.changes()

    def forget(self, route: SubjectRoute) -> bool:
        """Note that *route* is forgotten. Return True if Home Assistant has to forget its device."""
        assert route.device is not None
        device = self._devices.get(route.device)
        if device is None or route.kind is SubjectKind.SAID:
            return False
        if route.kind is not SubjectKind.SAMPLE:
            del self._devices[device.key]
            self._changed.pop(device.key, None)
            return device.is_told
        if device.channels.pop(route.channel, None) is not None:
            device.gone.add(route.channel)
            self._changed[device.key] = device
        return False

    def farewell(self, key: DeviceKey) -> Publication:
        """Return what removes a device."""
        return Publication(self._config_topic(self._id(key)), b"", is_retained=True)

    def _see_sample(self, device: HomeDevice, name: str, described: Described) -> None:
        now = self._monotonic()
        channel = device.channels.get(name)
        if channel is None:
            if len(device.channels) >= MOST_CHANNELS:
                return
            device.channels[name] = HomeChannel(described, now)
            device.gone.discard(name)
            self._check_class(name, described)
        else:
            before, channel.newest = channel.newest, now
            if channel.described != described:
                channel.described = described
                self._check_class(name, described)
            elif before is None or (channel.pause is not None and now - before <= channel.pause * GROWN):
                return
            if before is not None:
                channel.pause = max(now - before, channel.pause or 0.0, self._plan.every or 0.0)
        self._changed[device.key] = device

    def _check_class(self, name: str, described: Described) -> None:
        wanted = self._plan.classes.get(name)
        if wanted is not None and described.unit not in CLASSES[wanted].units:
            self._objected(name, wanted, described.unit)

    def _id(self, key: DeviceKey) -> str:
        return "_".join((self._plan.identity, key.kind, *(_NOT_IN_ID.sub("-", each) for each in (key.instance, key.name))))

    def _config_topic(self, id: str) -> str:
        return f"{self._plan.prefix}/device/{id}/config"

    def _origin(self) -> dict[str, str]:
        return {"name": "netd", "sw": self._plan.version}

    def _own_payload(self) -> dict[str, Any]:
        own = self._plan.identity
        return {
            "dev": {"ids": [own], "name": f"netd {self._plan.node}", "mf": "netd", "mdl": "daemon", "sw": self._plan.version},
            "o": self._origin(),
            "cmps": {"_online": _connectivity(own, self._topics.status)},
        }

    def _payload(self, device: HomeDevice) -> dict[str, Any]:
        key, its_id = device.key, self._id(device.key)
        presence = self._presence(key)
        own = {"t": self._topics.status}
        components: dict[str, Any] = {name: self._sensor(its_id, key, name, one) for name, one in device.channels.items()}
        components |= {name: {"p": "sensor"} for name in sorted(device.gone)}
        if presence is not None:
            components["_online"] = _connectivity(its_id, presence["t"], presence.get("val_tpl")) | {"avty": [own]}
        if key.kind in self._plan.kinds:
            command = self._topics.of_device(key, "send")
            components["_send"] = {"p": "text", "name": "Send", "uniq_id": f"{its_id}__send", "cmd_t": command}
        return {
            "dev": {
                "ids": [its_id],
                "name": key.name,
                "mf": "netd",
                "mdl": MODELS[key.kind],
                "via_device": self._plan.identity,
            },
            "o": self._origin(),
            "avty": [own] if presence is None else [own, presence],
            "avty_mode": "all",
            "cmps": components,
        }

    def _presence(self, key: DeviceKey) -> dict[str, str] | None:
        """Return the topic that tells whether the device is there, and how it is read; None if that is not published."""
        if not self._plan.publishes(key.presence_subject):
            return None
        if key.kind == "session":
            return {"t": self._topics.of_subject(key.presence_subject), "val_tpl": STREAMING}
        return {"t": self._topics.of_device(key, "status")}

    def _sensor(self, id: str, key: DeviceKey, name: str, channel: HomeChannel) -> dict[str, Any]:
        described, every = channel.described, self._plan.every
        found: dict[str, Any] = {
            "p": "sensor",
            "name": described.label or name,
            "uniq_id": f"{id}_{name}",
            "stat_t": self._topics.of_subject(_sample_subject(key, name)),
            "val_tpl": "{{ value_json.value }}",
            "stat_cla": "measurement",
        }
        if described.unit:
            found["unit_of_meas"] = described.unit
        wanted = CLASSES.get(self._plan.classes.get(name, ""))
        if wanted is not None and described.unit in wanted.units:
            found |= {"dev_cla": self._plan.classes[name], "stat_cla": wanted.state_class}
        if channel.pause is not None:
            found["exp_aft"] = max(1, round(3 * max(channel.pause, every or 0.0)))
        return found


def _interrupt(device: HomeDevice) -> None:
    for channel in device.channels.values():
        channel.newest = None


def _sample_subject(key: DeviceKey, channel: str) -> str:
    place = "sample." if key.kind == "wire" else ""
    return f"{key.kind}.{key.instance}.{place}{key.name}.{channel}"


def _connectivity(id: str, topic: str, template: str | None = None) -> dict[str, Any]:
    found = {
        "p": "binary_sensor",
        "name": "Connection",
        "uniq_id": f"{id}__online",
        "dev_cla": "connectivity",
        "ent_cat": "diagnostic",
        "stat_t": topic,
        "pl_on": "online",
        "pl_off": "offline",
    }
    return found if template is None else found | {"val_tpl": template}
