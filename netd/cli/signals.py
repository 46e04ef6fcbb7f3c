"""Synthetic signals that look like measured ones, for ``netd demo``.  Pure."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["Signals"]


class Signals:
    """Three signals of a person at rest.

    :param chance: returns a random number from 0 up to 1.
    :param every: seconds between two values.
    """

    def __init__(self, chance: Callable[[], float], every: float) -> None:
        self._chance = chance
        self._every = every
        self._heart_at = self._breathing_at = 0.0
        self._restless = 0.0

    def heart(self) -> float:
        """Heart rate in beats per minute: about 68, varying with the breath."""
        self._heart_at += self._every
        return round(68 + 5 * math.sin(self._heart_at / 2) + 3 * math.sin(self._heart_at / 30) + 2 * (self._chance() - 0.5), 1)

    def breathing(self) -> float:
        """Volume of the lungs in litres above rest: about 15 breaths per minute."""
        self._breathing_at += self._every
        return round(0.25 * (1 - math.cos(self._breathing_at * math.pi / 2)) + 0.02 * self._chance(), 3)

    def movement(self) -> float:
        """Acceleration in g: noise, and now and then a movement that fades."""
        self._restless = 1.0 if self._chance() > 0.98 else self._restless * 0.8
        return round(0.01 * self._chance() + 0.6 * self._restless * self._chance(), 3)
