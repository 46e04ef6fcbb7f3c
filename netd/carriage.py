"""What relays and the cluster know of each other. Neither imports the other, and each does without: they meet in a carriage.

A relay is a host of devices (:class:`netd.interfaces.IDeviceHost`). The cluster, where there is one, is the carrier
(:class:`netd.interfaces.ICarrier`): it tells the relay which other nodes have a device, and carries messages there.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, field, frozen

__all__ = ["UNSENT", "Carriage", "CarriedReport", "DevicePlace", "HostedDevice", "OwnDevice", "place_text"]


class HostedDevice(Protocol):
    """A device of a relay, of this node or of another one. :class:`netd.relay.results.DeviceFacts` says what the members mean."""

    @property
    def subject(self) -> str:
        """Its token in subjects."""

    @property
    def name(self) -> str: ...
    @property
    def address(self) -> str: ...
    @property
    def is_online(self) -> bool: ...
    @property
    def generation(self) -> int: ...
    @property
    def since(self) -> float: ...
    @property
    def last_seen(self) -> float: ...
    @property
    def aliases(self) -> tuple[str, ...]: ...
    @property
    def answers(self) -> bool: ...


@frozen
class OwnDevice:
    """What the relay that is asked for a device knows of it itself.

    :ivar subject: the device's token in subjects.
    """

    subject: str
    is_online: bool
    generation: int


@frozen
class DevicePlace:
    """A relay that has a device, or has had it last.

    :ivar node: the node of the relay.
    :ivar instance: the instance of the relay there.
    :ivar target: what the relay is to be told: a name, an alias or an address.
    :ivar subject: the device's token in subjects of that relay.
    :ivar is_own: whether it is the relay that was asked.
    """

    node: str
    instance: str
    target: str
    subject: str
    is_own: bool = False

    def under(self, kind: str) -> str:
        """Return the subject of the device's events of *kind*, as this node has it."""
        return f"relay.{self.instance}{'' if self.is_own else f'@{self.node}'}.{kind}.{self.subject}"


def place_text(target: str, places: tuple[DevicePlace, ...]) -> str:
    """Return what is to be told to whoever has named a device that several nodes have."""
    nodes = [place.node for place in places]
    return f"{target} is on {', '.join(nodes[:-1])} and {nodes[-1]}; say {target}@{nodes[-1]}"


CarriedReport = Callable[[str, bool, bytes, str, str], object]
"""Takes each outcome of a carried message, in order: its status, whether it is the last one, the payload of the device's answer,
the error, and whether it reached the device's connection (``no``, ``maybe``, ``yes``; empty unless it failed)."""

UNSENT = "unsent"
"""The status of a carried message that has failed before it left its node, of which no other node knows."""


@define(eq=False)
class Carriage:
    """The hosts of devices of this node, and the carrier.

    :ivar hosts: the running relays (:class:`netd.interfaces.IDeviceHost`) by instance.
    :ivar carrier: the way to other nodes (:class:`netd.interfaces.ICarrier`); None without a cluster.
    """

    hosts: dict[str, Any] = field(factory=dict)
    carrier: Any = None

    def join(self, instance: str, host: Any) -> None:
        """Make *host* the relay of this instance."""
        self.hosts[instance] = host
        self.changed()

    def leave(self, instance: str, host: Any) -> None:
        """Take *host* out, unless another one has come in its place: a reload starts the new one first."""
        if self.hosts.get(instance) is host:
            del self.hosts[instance]
            self.changed()

    def changed(self) -> None:
        """Tell the carrier that the relays of this node are others now, or have forgotten a device."""
        if self.carrier is not None:
            self.carrier.hosts_changed()
