"""A board as its writer sends it: which members netd looks at, and which subjects the board shows.

netd knows the members that it needs for limits and rights. All others are kept as they came, also tiles of kinds that this netd
does not know: the page that shows a board may be newer or older than the page that made it.
"""

from __future__ import annotations

from typing import Any

from netd.bus.subject import split_pattern, token
from netd.errors import InvalidArguments
from netd.plaintext import is_text

__all__ = ["COLUMNS", "MOST_TILES", "check_board", "subjects_of_board"]

MOST_TILES = 60
COLUMNS = 12
ROWS = 1000
"""The grid of a board: its columns, and the rows that it can have."""

LONGEST_NAME = 100
"""Characters of a title, of the id of a tile, and of its kind."""

MOST_SUBJECTS = 20
"""Subjects of one tile."""

WITHOUT_SUBJECTS = ("note",)
"""Kinds of tiles that show nothing of netd's."""

EVERYTHING = ">"


def check_board(board: object) -> dict[str, Any]:
    """Return *board* if it can be kept.

    :raises InvalidArguments: naming the first member that is wrong.
    """
    if not isinstance(board, dict):
        raise InvalidArguments("board: an object with `title` and `tiles`")
    title, tiles = board.get("title"), board.get("tiles")
    if not _is_name(title):
        raise InvalidArguments(f"board: `title` is a text of 1 to {LONGEST_NAME} characters")
    if not isinstance(tiles, list):
        raise InvalidArguments("board: `tiles` is a list")
    if len(tiles) > MOST_TILES:
        raise InvalidArguments(f"board: {len(tiles)} tiles; at most {MOST_TILES} are kept")
    ids = set()
    for number, tile in enumerate(tiles):
        _check_tile(tile, f"board: tile {number + 1}")
        if tile["id"] in ids:
            raise InvalidArguments(f"board: two tiles have the id {tile['id']!r:.120}")
        ids.add(tile["id"])
    return board


def subjects_of_board(board: dict[str, Any]) -> tuple[str, ...]:
    """Return the patterns of all subjects that *board* shows or acts on. Principals that do not see them all do not see it."""
    return tuple(sorted({pattern for tile in board["tiles"] for pattern in _subjects_of_tile(tile)}))


def _check_tile(tile: object, where: str) -> None:
    if not isinstance(tile, dict):
        raise InvalidArguments(f"{where} is an object")
    for member in ("id", "kind"):
        if not _is_name(tile.get(member)):
            raise InvalidArguments(f"{where}: `{member}` is a text of 1 to {LONGEST_NAME} characters")
    for member, least, most in (("x", 0, COLUMNS - 1), ("y", 0, ROWS), ("w", 1, COLUMNS), ("h", 1, ROWS)):
        value = tile.get(member)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise InvalidArguments(f"{where}: `{member}` is a whole number from {least} to {most}")
    if tile["x"] + tile["w"] > COLUMNS:
        raise InvalidArguments(f"{where}: `x` and `w` reach beyond the {COLUMNS} columns")
    _check_subjects(tile, where)


def _check_subjects(tile: dict[str, Any], where: str) -> None:
    subjects = tile.get("subjects", [])
    if not isinstance(subjects, list) or len(subjects) > MOST_SUBJECTS:
        raise InvalidArguments(f"{where}: `subjects` is a list of at most {MOST_SUBJECTS} subjects or patterns")
    for pattern in subjects:
        try:
            split_pattern(pattern if isinstance(pattern, str) else "")
        except ValueError as error:
            raise InvalidArguments(f"{where}: `subjects`: {error}") from None
    for member in ("device", "operation", "service", "session", "instance"):
        if member in tile and not _is_name(tile[member]):
            raise InvalidArguments(f"{where}: `{member}` is a text of 1 to {LONGEST_NAME} characters")


def _subjects_of_tile(tile: dict[str, Any]) -> list[str]:
    instance = _instance(tile.get("instance", "main"))
    found = list(tile.get("subjects", []))
    if "device" in tile:
        found.append(f"relay.{instance}.*.{token(tile['device'])}")
    if "operation" in tile:
        found.append(f"{token(tile['operation'].partition('.')[0])}.{instance}.>")
    if "service" in tile:
        kind, _, section = tile["service"].partition(":")
        found.append(f"{token(kind)}.{_instance(section or 'main')}.>")
    if "session" in tile:
        session = f"session.{instance}.{token(tile['session'])}"
        found += [session, f"{session}.>"]
    if "room" in tile:
        found.append(f"room.{instance}.>")
    return found if found or tile["kind"] in WITHOUT_SUBJECTS else [EVERYTHING]


def _instance(name: str) -> str:
    """Return the instance *name*, which may be one of another node, as a token."""
    own, at, node = name.partition("@")
    return f"{token(own)}@{token(node)}" if at else token(own)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_NAME and is_text(value)
