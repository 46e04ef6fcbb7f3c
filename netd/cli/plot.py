"""Line plots made of characters: a few curves over the same time, one below the other.  Pure.

The memory of a curve is bounded by the number of points that a wide terminal can show.
"""

from __future__ import annotations

import math
import sys
from collections import deque
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["MOST_CURVES", "MOST_POINTS", "WINDOW", "Curve", "Plot", "curve_lines", "draw", "numbers"]

WINDOW = 60.0
"""Seconds that are shown."""

MOST_POINTS = 2000
"""Points of one curve, at most."""

MOST_CURVES = 32
"""Curves that are kept, at most."""

LEAST_ROWS = 3
"""Rows of a curve that says anything."""

_SCALE = 10
"""Columns left of a curve."""

_MOST_DIGITS = 17
"""Digits that tell any two numbers of double precision apart."""

_LARGEST = sys.float_info.max

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a Braille character, by row and column."""


def numbers(subject: str, data: object) -> Iterator[tuple[str, float]]:
    """The numbers in an event, each with the name of its curve: the event itself, its ``value``, or all its members."""
    if _is_number(data):
        yield subject, _drawable(data)  # type: ignore[arg-type]  # checked in the line above
    elif isinstance(data, Mapping):
        if _is_number(data.get("value")):
            yield subject, _drawable(data["value"])
        else:
            yield from ((f"{subject} {name}", _drawable(one)) for name, one in data.items() if name != "time" and _is_number(one))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value == value  # noqa: PLR0124 - not NaN


def _drawable(value: float) -> float:
    """*value* as a finite number. An integer beyond the range of floats is drawn at the end of that range."""
    return float(min(max(value, -_LARGEST), _LARGEST))


class Curve:
    """The newest points under one name."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=MOST_POINTS)

    def add(self, time: float, value: float) -> None:
        """Add a point, and drop points older than the window."""
        self._points.append((time, value))
        while self._points[0][0] < time - WINDOW:
            self._points.popleft()

    def within(self, now: float) -> list[tuple[float, float]]:
        """The points of the window that ends *now*, oldest first."""
        return [point for point in self._points if point[0] >= now - WINDOW]


class Plot:
    """Curves with a common time axis, which ends with the newest point of all curves.

    :ivar unshown: number of names for which there was no room.
    """

    def __init__(self) -> None:
        self._curves: dict[str, Curve] = {}
        self._now = float("-inf")
        self._left_out: set[str] = set()

    def add(self, name: str, time: float, value: float) -> None:
        """Add a point of *name*. If it is older than all others, netd's clock was set back: the others are dropped."""
        if time < self._now - WINDOW:
            self._curves.clear()
            self._now = time
        curve = self._curves.get(name)
        if curve is None:
            if len(self._curves) >= MOST_CURVES:
                if len(self._left_out) < MOST_POINTS:
                    self._left_out.add(name)
                return
            curve = self._curves[name] = Curve()
        curve.add(time, value)
        self._now = max(self._now, time)

    def lines(self, columns: int, rows: int, is_unicode: bool = True) -> list[tuple[str, str]]:
        """The lines of the plot for that many columns and rows, each with its role: ``title``, ``curve`` or ``note``."""
        shown = list(self._curves.items())[: max(1, (rows - 1) // (LEAST_ROWS + 1))]
        if not shown:
            return [("no numbers yet", "note")]
        height = min(max(LEAST_ROWS, (rows - 1) // len(shown) - 1), 16)
        lines: list[tuple[str, str]] = []
        for name, curve in shown:
            points = curve.within(self._now)
            if points:
                lines += curve_lines(name, points, (self._now - WINDOW, self._now), (columns, height), is_unicode)
            else:
                lines.append((f"{name}  silent for {WINDOW:g} s", "title"))
        others = len(self._curves) - len(shown) + len(self._left_out)
        if others:
            lines.append((f"and {others} more: a narrower pattern, or a higher terminal, shows them", "note"))
        return lines


def curve_lines(
    name: str,
    points: Sequence[tuple[float, float]],
    window: tuple[float, float],
    size: tuple[int, int],
    is_unicode: bool,
) -> Iterator[tuple[str, str]]:
    """The lines of one curve, each with its role.

    :param points: time and value of each point, oldest first; at least one.
    :param window: the times at the left and at the right edge.
    :param size: columns and rows.
    """
    values = [value + 0.0 for _, value in points]  # -0.0 would not be written like 0.0
    least, greatest = min(values), max(values)
    last_word, least_word, greatest_word = _words((values[-1], least, greatest), least, greatest)
    yield f"{name}  {last_word}  (least {least_word}, greatest {greatest_word})", "title"
    columns, height = max(8, size[0] - _SCALE), size[1]
    begin, end = window
    places = [((time - begin) / (end - begin), _height(value, least, greatest)) for time, value in points]
    drawn = draw(places, columns, height, is_unicode)
    top, bottom = _scale(least, greatest)
    scale = {0: top, height - 1: bottom}
    for row, line in enumerate(drawn):
        yield f"{scale.get(row, ''):>{_SCALE - 1}} {line}", "curve"


def _height(value: float, least: float, greatest: float) -> float:
    """The position of *value* between *least* (0) and *greatest* (1); 0.5 if the two are equal."""
    if least == greatest:
        return 0.5
    span = greatest - least
    if math.isinf(span):  # the difference of two huge values can be infinite; that of their halves cannot
        return (value / 2 - least / 2) / (greatest / 2 - least / 2)
    return (value - least) / span


def _words(values: Sequence[float], least: float, greatest: float) -> list[str]:
    """*values* with enough digits for a thousandth of the range from *least* to *greatest*; at least six."""
    digits = max(6, min(_MOST_DIGITS, _digits(least, greatest) + 3))
    return [f"{value:.{digits}g}" for value in values]


def _digits(least: float, greatest: float) -> int:
    """The number of digits that make *least* and *greatest* look different."""
    if least == greatest:
        return 1
    size = max(abs(least), abs(greatest))
    span = min(greatest - least, _LARGEST)
    return max(1, math.floor(math.log10(size)) - math.floor(math.log10(span)) + 1)


def _scale(least: float, greatest: float) -> tuple[str, str]:
    """The words beside the top and the bottom of a curve. They differ; where the room is too small for that, they say how far
    apart the two are.
    """
    needed = min(_MOST_DIGITS, _digits(least, greatest) + (least != greatest))
    for digits in (max(needed, 4), *range(3, needed - 1, -1)):
        top, bottom = f"{greatest:.{digits}g}", f"{least:.{digits}g}"
        if max(len(top), len(bottom)) < _SCALE:
            return top, bottom
    return f"+{greatest - least:.3g}", "+0"


def draw(points: Sequence[tuple[float, float]], columns: int, rows: int, is_unicode: bool = True) -> list[str]:
    """Draw lines between successive *points*, with coordinates from 0 (left, bottom) to 1, in that many columns and rows."""
    across, down = (2, 4) if is_unicode else (1, 1)
    width, height = columns * across, rows * down
    dots = [(round(x * (width - 1)), round((1 - y) * (height - 1))) for x, y in points]
    cells = [[0] * columns for _ in range(rows)]
    for (from_x, from_y), (to_x, to_y) in zip(dots, dots[1:] or dots, strict=False):
        steps = max(abs(to_x - from_x), abs(to_y - from_y), 1)
        for step in range(steps + 1):
            x = from_x + round((to_x - from_x) * step / steps)
            y = from_y + round((to_y - from_y) * step / steps)
            cells[y // down][x // across] |= _DOTS[y % down][x % across]
    blank, dot = (0x2800, 0x2800) if is_unicode else (ord(" "), ord("*") - 1)
    return ["".join(chr(dot + cell) if cell else chr(blank) for cell in row).rstrip(chr(blank)) for row in cells]
