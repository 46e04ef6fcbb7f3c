"""Recipes: sections for protocols that are spoken in many places, each with an example of what is said.

``NAME.ini`` is the section and begins with a comment that says what it is for; ``NAME.transcript`` is the example.
``netd wire recipe`` prints them, and ``netd learn`` tries them before it reasons.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import MappingProxyType

from attrs import frozen

__all__ = ["WireRecipe", "recipes"]


@frozen
class WireRecipe:
    """A section for a protocol.

    :ivar title: what it is for, in one line.
    :ivar section: the text of ``[wire:NAME]``, with comments.
    :ivar transcript: an example, as :func:`netd.wire.recording.read_recording` reads it.
    """

    name: str
    title: str
    section: str
    transcript: str


@cache
def recipes() -> Mapping[str, WireRecipe]:
    """All recipes by name, in the order of their names."""
    return MappingProxyType({path.stem: _recipe(path) for path in sorted(Path(__file__).parent.glob("*.ini"))})


def _recipe(path: Path) -> WireRecipe:
    section = path.read_text(encoding="utf-8")
    title = section.partition("\n")[0].removeprefix(";").strip()
    return WireRecipe(path.stem, title, section, path.with_suffix(".transcript").read_text(encoding="utf-8"))
