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
"""The source that makes data up; any other is a subject pattern."""

FIELDS = ("name", "country", "email", "url", "text", "latitude", "currency", "city")
"""The values that a feed makes, as :data:`netd.feed.rounds.TYPES` has them."""

_PATTERN = re.compile(r"(?:(?:[A-Za-z0-9_-]+|\*)\.)*(?:[A-Za-z0-9_-]+|\*|>)")
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
"""Some of the values that Faker makes, in any order."""

source: Parser[str] = Parser(f"{FAKER}; or a subject pattern", _read_source)
"""``faker``, or a pattern of subjects."""

locales: Parser[tuple[str, ...]] = Parser("locales, comma-separated: en_US, de_DE", _read_locales)
"""One or more names of locales."""


@attrs.frozen(kw_only=True)
class Config(ListeningConfig):
    """WebSocket clients get made-up records, or what any subjects of the bus say, and report what they received."""

    listen: tuple[str, ...] = option(endpoints, "loopback:8000", help="Where clients connect: one or more endpoints.", live=True)
    source: str = option(
        source,
        FAKER,
        help="What is sent: records made by Faker; or a subject pattern, such as `session.>`, for all that is published there.",
    )
    fields: tuple[str, ...] = option(
        fields,
        ", ".join(FIELDS),
        help="The values of a round, in the order in which clients of the first dialect get them, each as a text of its own.",
        live=True,
    )
    interval: float = option(
        within(duration, "1ms", "1h"), "1s", help="Time from one round to the next, and from connecting to the first.", live=True
    )
    per_client: bool = option(flag, "no", help="Whether each client gets values of its own. No: one round is made for all.")
    locales: tuple[str, ...] = option(
        locales,
        "en_US, de_DE, fr_FR, es_ES",
        help="Faker's locales for names, cities and so on. Everyone gets the first; newer clients may ask for another of them.",
    )
    seed: int | None = option(
        off_or(integer()),
        "off",
        help="Where the values begin: the same seed makes the same values. Off: new ones after each start.",
    )
    min_interval: float = option(
        within(duration, "1ms", "1h"),
        "100ms",
        help="Shortest interval that a newer client can ask for, if not `interval` itself.",
        live=True,
    )
    max_streams: int = option(
        integer(0, 10_000), "32", help="How many sequences of rounds newer clients can have beside the common one.", live=True
    )
    origins: tuple[str, ...] | None = option(
        off_or(web_origins),
        "off",
        help="Web pages that may connect, beside those of this very address: https://example.org, https://*.example.org, … or * "
        "for all. Programs send no origin, and always may; so may pages opened from a file, where the source is faker.",
        live=True,
    )
    backlog: int = option(
        within(size, "1KiB", "64MiB"),
        "64KiB",
        help="How much may wait for a client that reads slowly; over it, it loses whole rounds.",
        live=True,
    )
    max_message: int = option(
        within(size, "125", "1MiB"), "128KiB", help="Longest message of a client; its connection is closed over it.", live=True
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
        help="How long a client has to answer a ping, before its connection is cut. Old clients sleep for 2s, and answer then.",
        live=True,
    )

    @property
    def pattern(self) -> str | None:
        """The subjects that are passed on; None for a feed that makes its values."""
        return None if self.source == FAKER else self.source

    def objections(self) -> Iterable[tuple[str, str]]:
        """See :meth:`SectionConfig.objections`: the endpoints, and the locales that Faker does not know."""
        yield from super().objections()
        if self.pattern is None:
            yield from (("locales", why) for why in map(objection, self.locales) if why)
