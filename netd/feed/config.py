"""The options of a ``[feed]`` section."""

from __future__ import annotations

import re
from collections.abc import Iterable

import attrs

from netd.config import ListeningConfig, Parser, duration, endpoints, flag, integer, off_or, option, size, within, words
from netd.config.pages import web_origins
from netd.feed.locales import objection

__all__ = ["FAKER", "FIELDS", "Config"]

FAKER = "faker"
"""The source of made-up records; any other source is a subject pattern."""

FIELDS = ("name", "country", "email", "url", "text", "latitude", "currency", "city")
"""The names of the values in a round, in the order of :data:`netd.feed.rounds.TYPES`."""

_PATTERN = re.compile(r"(?:(?:[A-Za-z0-9_@-]+|\*)\.)*(?:[A-Za-z0-9_@-]+|\*|>)")
_LOCALE = re.compile(r"[a-z]{2,3}_[A-Z]{2}")


def _read_source(written: str) -> str:
    if not _PATTERN.fullmatch(written) or len(written) > 512:
        raise ValueError(f"{written!r} is no source; write {FAKER}, or a subject pattern as in session.> or relay.*.presence.*")
    return written


def _read_locales(written: str) -> tuple[str, ...]:
    locales = words(written)
    wrong = next((locale for locale in locales if not _LOCALE.fullmatch(locale)), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} is no locale; write language and country as in en_US or de_DE")
    return locales


def _read_fields(written: str) -> tuple[str, ...]:
    chosen = words(written)
    wrong = next((field for field in chosen if field not in FIELDS), None)
    if wrong is not None:
        raise ValueError(f"{wrong!r} is no value of a round; there are {', '.join(FIELDS)}")
    return chosen


fields: Parser[tuple[str, ...]] = Parser("values, comma-separated: name, city", _read_fields)
"""One or more of :data:`FIELDS`, in any order."""

source: Parser[str] = Parser(f"{FAKER}; or a subject pattern", _read_source)
"""``faker``, or a pattern of subjects."""

locales: Parser[tuple[str, ...]] = Parser("locales, comma-separated: en_US, de_DE", _read_locales)
"""One or more names of locales."""


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """WebSocket clients get made-up records, or events of the bus, and report what they received."""

    listen: tuple[str, ...] = option(endpoints, "loopback:8000", help="Where clients connect: one or more endpoints.", live=True)
    source: str = option(
        source,
        FAKER,
        help="The source of the data: records made by Faker; or a subject pattern, such as `session.>`, whose events are sent.",
    )
    fields: tuple[str, ...] = option(
        fields,
        ", ".join(FIELDS),
        help="The values of a round. Clients of the first dialect get each value in a message of its own, in this order.",
        live=True,
    )
    interval: float = option(
        within(duration, "1ms", "1h"),
        "1s",
        help="Time between two rounds, and between the connection and its first round.",
        live=True,
    )
    per_client: bool = option(flag, "no", help="Whether each client gets values of its own. No: one round is made for all.")
    locales: tuple[str, ...] = option(
        locales,
        "en_US, de_DE, fr_FR, es_ES",
        help="Faker's locales for names, cities and so on. All clients get the first one; newer clients may ask for another.",
    )
    seed: int | None = option(
        off_or(integer()),
        "off",
        help="Seed of the random values: the same seed gives the same values after each start. `off`: other values each time.",
    )
    min_interval: float = option(
        within(duration, "1ms", "1h"),
        "100ms",
        help="Shortest interval that a newer client can ask for. It can ask for `interval` in any case.",
        live=True,
    )
    max_streams: int = option(
        integer(0, 10_000),
        "32",
        help="Most sequences of rounds with other intervals, locales or seeds, for newer clients.",
        live=True,
    )
    origins: tuple[str, ...] | None = option(
        off_or(web_origins),
        "off",
        help="Origins of web pages that may connect, beside this address itself: https://example.org, https://*.example.org, … "
        "or * for all. Programs send no origin and may always connect. So may pages opened from a file, if the source is faker.",
        live=True,
    )
    backlog: int = option(
        within(size, "1KiB", "64MiB"),
        "64KiB",
        help="Most bytes that wait for a client that reads slowly. Above, the client loses whole rounds.",
        live=True,
    )
    max_message: int = option(
        within(size, "125", "1MiB"), "128KiB", help="Longest message of a client. A longer one closes the connection.", live=True
    )
    handshake_timeout: float = option(
        duration, "8s", help="How long a connection may take to become a WebSocket, from its first byte.", live=True
    )
    ping_interval: float = option(
        within(duration, "1s", "1h"), "10s", help="How long a client may be silent before it is sent a ping.", live=True
    )
    ping_timeout: float = option(
        within(duration, "3s", "1h"),
        "15s",
        help="How long a client has to answer a ping before its connection is cut. Old clients may sleep for 2s before that.",
        live=True,
    )

    @property
    def pattern(self) -> str | None:
        """The pattern of subjects whose events are sent; None for a feed of made-up records."""
        return None if self.source == FAKER else self.source

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`. Here also: locales that Faker does not know."""
        yield from super().objections()
        if self.pattern is None:
            yield from (("locales", why) for why in map(objection, self.locales) if why)
