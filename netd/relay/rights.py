"""What programs may do at a relay: be a device, list the devices, and send to them."""

from __future__ import annotations

from netd.errors import NotPermitted
from netd.principal import Action, Kind, Principal, Role, check, may
from netd.relay.devices import DeviceLink, Devices
from netd.relay.target import Target

__all__ = ["CONNECT", "LIST", "SEND", "ControllerRights"]

CONNECT = Action("relay.connect", Role.OPERATOR, frozenset({Kind.DEVICE}), is_open=True, is_own=True)
"""To be a device."""

LIST = Action("relay.list", Role.VIEWER, is_open=True)
"""To list the devices."""

SEND = Action("relay.send", Role.OPERATOR, frozenset({Kind.DEVICE}), is_open=True, is_sending=True)
"""To send to a device."""


class ControllerRights:
    """The rights of one controller, asked about for each of its messages.

    :param prefix: first tokens of the relay's subjects, ``relay.<instance>``.
    :ivar may_send_all: whether it may send to any device. Most may, and send thousands of messages a second.
    """

    __slots__ = ("_devices", "_prefix", "_principal", "may_send_all")

    def __init__(self, principal: Principal, devices: Devices, prefix: str) -> None:
        self._principal = principal
        self._devices = devices
        self._prefix = prefix
        self.may_send_all = may(principal, SEND, f"{prefix}.sent.>", "")

    def check(self) -> None:
        """Raise an error unless it can be a controller at all: it may list the devices, or send to some.

        :raises NotPermitted: with what is missing.
        """
        if not may(self._principal, LIST):
            check(self._principal, SEND)

    def check_list(self) -> None:
        """Raise an error unless it may list the devices, which :meth:`sees` tells.

        :raises NotPermitted: with what is missing.
        """
        check(self._principal, LIST)

    @property
    def sees_all(self) -> bool:
        """Whether its list has all devices."""
        return self._principal.subjects is None

    def sees(self, link: DeviceLink) -> bool:
        """Return True if its list has this device."""
        return may(self._principal, LIST, f"{self._prefix}.presence.{link.subject}")

    def objection(self, target: Target) -> str:
        """Return why it may not send to *target*; empty if it may. The text does not tell what an alias or address stands for."""
        subject = f"{self._prefix}.sent.{self._devices.subject_of(target)}"
        try:
            check(self._principal, SEND, None, self._devices.called(target))
            if not may(self._principal, SEND, subject):
                return f"{target.text!r:.80} is none of the devices that the {self._principal} may send to"
        except NotPermitted as error:
            return str(error)
        return ""
