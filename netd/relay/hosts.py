"""The places that devices without a name have in subjects: their host, and a number from the second one on.

A port of the day would make another subject of each connection, so that nobody could find yesterday's messages again.
"""

from __future__ import annotations

from heapq import heappop, heappush

from attrs import define, field

from netd.bus.subject import token

__all__ = ["DeviceHosts"]


@define(eq=False, slots=True)
class _HostNumbers:
    """One host. *greatest* is the greatest number given; of the lesser ones, *free* are not taken."""

    greatest: int = 0
    free: list[int] = field(factory=list)


class DeviceHosts:
    """The hosts of connected devices without a name."""

    def __init__(self) -> None:
        self._hosts: dict[str, _HostNumbers] = {}

    def following(self, host: str) -> int:
        """Return the least number that no connected device at *host* has, from 1."""
        place = self._hosts.get(host)
        if place is None:
            return 1
        return place.free[0] if place.free else place.greatest + 1

    def take(self, host: str) -> int:
        """Take that number, and return it."""
        place = self._hosts.get(host)
        if place is None:
            place = self._hosts[host] = _HostNumbers()
        if place.free:
            return heappop(place.free)
        place.greatest += 1
        return place.greatest

    def give_back(self, host: str, number: int) -> None:
        """Free *number* at *host*: its device has gone."""
        place = self._hosts[host]
        heappush(place.free, number)
        if len(place.free) == place.greatest:
            del self._hosts[host]

    @staticmethod
    def subject(host: str, number: int) -> str:
        """Return the token in subjects: ``192-168-1-20``, ``192-168-1-20-2``."""
        return token(host) if number == 1 else f"{token(host)}-{number}"
