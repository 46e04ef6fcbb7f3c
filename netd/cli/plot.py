"""Line plots made of characters: a few curves over the same time, one below the other.  Pure.

A curve keeps as many points as a wide terminal can show, and no more, however long it runs.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping, Sequence

__all__ = ["MOST_CURVES", "MOST_POINTS", "WINDOW", "Curve", "Plot", "draw", "numbers"]

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

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a Braille character, by row and column."""


def numbers(subject: str, data: object) -> Iterator[tuple[str, float]]:
    """The numbers in an event, each with the name of its curve: the event itself, its ``value``, or all its members."""
    if _is_number(data):
        yield subject, float(data)  # type: ignore[arg-type]  # checked in the line above
    elif isinstance(data, Mapping):
        if _is_number(data.get("value")):
            yield subject, float(data["value"])
        else:
            yield from ((f"{subject} {name}", float(one)) for name, one in data.items() if name != "time" and _is_number(one))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300


class Curve:
    """The newest points of one name."""

    def __init__(self) -> None:
        self._points: deque[tuple[float, float]] = deque(maxlen=MOST_POINTS)

    def add(self, time: float, value: float) -> None:
        """Keep a point, and none that is older than the window."""
        self._points.append((time, value))
        while self._points[0][0] < time - WINDOW:
            self._points.popleft()

    def within(self, now: float) -> list[tuple[float, float]]:
        """The points of the window that ends *now*, oldest first."""
        return [point for point in self._points if point[0] >= now - WINDOW]


class Plot:
    """Curves that share their time: it ends with the newest point of all.

    :ivar unshown: how many names there were that had no more place.
    """

    def __init__(self) -> None:
        self._curves: dict[str, Curve] = {}
        self._now = float("-inf")
        self._left_out: set[str] = set()

    def add(self, name: str, time: float, value: float) -> None:
        """A point of *name*."""
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
        """The plot in so many columns and rows: each line, and whether it is a ``title``, ``curve`` or ``note``."""
        shown = list(self._curves.items())[: max(1, (rows - 1) // (LEAST_ROWS + 1))]
        if not shown:
            return [("no numbers yet", "note")]
        height = min(max(LEAST_ROWS, (rows - 1) // len(shown) - 1), 16)
        lines: list[tuple[str, str]] = []
        for name, curve in shown:
            lines += _panel(name, curve.within(self._now), self._now, (columns, height), is_unicode)
        others = len(self._curves) - len(shown) + len(self._left_out)
        if others:
            lines.append((f"and {others} more: a narrower pattern, or a higher terminal, shows them", "note"))
        return lines


def _panel(
    name: str, points: Sequence[tuple[float, float]], now: float, size: tuple[int, int], is_unicode: bool
) -> Iterator[tuple[str, str]]:
    if not points:
        yield f"{name}  silent for {WINDOW:g} s", "title"
        return
    values = [value for _, value in points]
    least, greatest = min(values), max(values)
    yield f"{name}  {values[-1]:g}  (least {least:g}, greatest {greatest:g})", "title"
    span = (greatest - least) or 1.0
    base = least if greatest > least else least - 0.5
    columns, height = max(8, size[0] - _SCALE), size[1]
    places = [(1.0 - (now - time) / WINDOW, (value - base) / span) for time, value in points]
    drawn = draw(places, columns, height, is_unicode)
    scale = {0: f"{greatest:.4g}", height - 1: f"{least:.4g}"}
    for row, line in enumerate(drawn):
        yield f"{scale.get(row, ''):>{_SCALE - 1}} {line}", "curve"


def draw(points: Sequence[tuple[float, float]], columns: int, rows: int, is_unicode: bool = True) -> list[str]:
    """Lines from each of *points* to the next, both coordinates 0 (left, below) to 1, in so many columns and rows of text."""
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
