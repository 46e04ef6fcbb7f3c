"""Values made by Faker, one type at a time; repeatable where a seed is given.

Knows no Faker but by its methods, so that it can be handed another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

__all__ = ["Generator", "Values"]


class Generator:
    """Makes values of one locale.

    :param make_fakers: gives, by type, what has a method of that name, and a ``random`` that can be set.
    :param make_random: a ``random.Random`` for a seed; for None, one that nobody can foretell.
    :ivar faker_of: what *make_fakers* gave; empty before :meth:`prepare`.
    """

    def __init__(self, make_fakers: Callable[[], Mapping[str, Any]], make_random: Callable[[str | None], Any]) -> None:
        self._make_fakers = make_fakers
        self.make_random = make_random
        self.faker_of: Mapping[str, Any] = {}

    def prepare(self) -> None:
        """Get ready to make values, which takes some 50 ms the first time."""
        if not self.faker_of:
            self.faker_of = self._make_fakers()

    def values(self, seed: int | None) -> Values:
        """A new sequence of values, from its beginning."""
        return Values(self, seed)


class Values:
    """A sequence of values of each type. With a seed, those of one type do not depend on which others are made."""

    def __init__(self, generator: Generator, seed: int | None) -> None:
        self._generator = generator
        self._seed = seed
        self._randoms: dict[str, Any] = {}

    def make(self, types: Iterable[str]) -> dict[str, str]:
        """The next value of each of *types*, as the text that every dialect sends."""
        return {kind: self._next(kind) for kind in types}

    def _next(self, type: str) -> str:
        key = type if self._seed is not None else ""
        random = self._randoms.get(key)
        if random is None:
            seed = None if self._seed is None else f"{self._seed}/{type}"
            random = self._randoms[key] = self._generator.make_random(seed)
        faker = self._generator.faker_of[type]
        faker.random = random
        return str(getattr(faker, type)())
