"""Made-up kinds of service: what the tests of the loader and of the reference configure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs

from netd.config import (
    REQUIRED,
    Configuration,
    SectionConfig,
    auto_or,
    choice,
    duration,
    each_line,
    endpoints,
    flag,
    integer,
    off_or,
    option,
    parse,
    secret_file,
    size,
    text,
    unlimited_or,
    words,
)
from netd.errors import ConfigErrors, LineError


@attrs.frozen(kw_only=True)
class Pump(SectionConfig):
    """Moves liquids from
    one flask to another.

    This paragraph is for programmers.
    """

    listen: tuple[str, ...] = option(endpoints, "tcp:7001:interface=127.0.0.1", help="Where controllers connect.")
    speed: int = option(integer(1, 100), "10", help="Strokes a minute.", live=True)
    max_message: int = option(size, "64KiB", help="Longest message.")
    idle_timeout: float | None = option(
        unlimited_or(duration), "unlimited", help="How long a controller may be silent.", live=True
    )
    mode: str = option(choice("gentle", "strong"), "gentle", help="How it pumps: gentle|strong.")
    liquids: tuple[str, ...] = option(words, "water, oil", help="What it may pump.")


@attrs.frozen(kw_only=True)
class Oven(SectionConfig):
    """Heats."""

    listen: tuple[str, ...] | None = option(off_or(endpoints), "tcp:7002:interface=127.0.0.1", help="Where clients connect.")
    least: int = option(integer(0, 300), "20", help="Lowest temperature.", live=True)
    greatest: int = option(integer(0, 300), "200", help="Highest temperature.")
    fan: bool = option(flag, "yes", help="Whether the fan runs.")

    def __attrs_post_init__(self) -> None:
        if self.least > self.greatest:
            raise ValueError(f"least {self.least} is above greatest {self.greatest}; exchange them")


@attrs.frozen(kw_only=True)
class Safe(SectionConfig):
    """Keeps things."""

    packaged = False

    key_file: Path | None = option(auto_or(secret_file), "auto", help="The key; `auto` is safe.key in the state directory.")
    fan_out: int = option(integer(), "3", help="Doors.")


def _read_step(line: str, index: int) -> str:
    if not line[0].isalpha():
        raise ValueError(f"{line!r} is no step; begin it with a letter")
    if line == "never":
        raise LineError(index, "never is no step either")
    return line


def _read_steps(steps: tuple[str, ...]) -> None:
    if "stop" in steps[:-1]:
        raise LineError(steps.index("stop") + 1, "is never reached")


@attrs.frozen(kw_only=True)
class Recipe(SectionConfig):
    """Has steps."""

    steps: tuple[str, ...] | None = option(off_or(each_line("steps", _read_step, _read_steps)), "off", help="Its steps.")


@attrs.frozen(kw_only=True)
class Scale(SectionConfig):
    """Weighs."""

    unit: str = option(text, REQUIRED, help="Unit of what it says.")


@attrs.frozen(kw_only=True)
class Fan(SectionConfig):
    """Moves air."""

    is_single = True

    cools: bool = option(flag, "no", help="Whether it cools what the oven heats.")

    def needs(self) -> Iterable[tuple[str, str]]:
        return [("cools", "oven")] if self.cools else ()


KINDS: Mapping[str, type[SectionConfig]] = {"pump": Pump, "oven": Oven, "safe": Safe, "scale": Scale}


def configure(
    ini: str, environ: Mapping[str, str] | None = None, hostname: str = "lab", kinds: Mapping[str, type[SectionConfig]] = KINDS
) -> Configuration:
    """What *ini*, as a file called ``netd.ini``, says to user 1000."""
    return parse(ini, "netd.ini", kinds, {"HOME": "/home/ada", **(environ or {})}, 1000, hostname)


def complaints(ini: str, environ: Mapping[str, str] | None = None, kinds: Mapping[str, type[SectionConfig]] = KINDS) -> list[str]:
    """Every mistake in *ini* and *environ*, as a user reads it."""
    try:
        configure(ini, environ, kinds=kinds)
    except ConfigErrors as errors:
        return str(errors).splitlines()
    return []
