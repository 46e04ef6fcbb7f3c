"""Messages of one layout as a pattern: each column becomes a literal or a field."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve, field, frozen

from netd.wire.learn.cells import Cells, is_word
from netd.wire.learn.columns import (
    ColumnHolds,
    ColumnSlot,
    Stretch,
    column_of,
    counts_up,
    keeps_time,
)
from netd.wire.learn.kind import MessageKind
from netd.wire.learn.naming import UniqueNames, key_before
from netd.wire.learn.neighbours import seen_together
from netd.wire.learn.scene import Scene
from netd.wire.learn.titles import Title
from netd.wire.learn.utterances import Utterance
from netd.wire.learn.vocabulary import CLOCKS, COUNTERS, IDENTITIES, KEYS_OF_NAMES, SECRET_WORDS, slug, unit_of
from netd.wire.learn.wording import literal

__all__ = ["NO_HINTS", "LayoutHints", "is_key", "layout_kind"]

_MOST_CHANNELS = 8
"""Values of a word in front of a number that still are channels; more are names."""
_MANY_COLUMNS, _FIRST_COLUMNS = 5, 2
"""Columns from which only one of the first says whose the numbers are: others are states."""
_FEW, _LONG_ID = 3, 6
_FEW_LETTERS = 2
_COUNTING_KEYS = frozenset({"n", "i", "id", "msg", "#"})
_NODE_KEYS = frozenset({"n", "id", "#"})
_TYPES = {ColumnHolds.COMMA: "comma", ColumnHolds.HEX: "hex"}
_NUMBERS = frozenset({ColumnHolds.NUMBER, ColumnHolds.COMMA, ColumnHolds.HEX})


@frozen
class LayoutHints:
    """What is known of the columns of some messages from others of the same layout.

    :ivar titles: those of the columns, if a message said these.
    :ivar varied: the places of words that change.
    :ivar counted: the places of numbers that count messages, or seconds.
    """

    titles: tuple[Title, ...] = ()
    varied: frozenset[int] = frozenset()
    counted: frozenset[int] = frozenset()


NO_HINTS = LayoutHints()


def layout_kind(
    members: list[Utterance],
    rows: Sequence[Cells],
    scene: Scene,
    *,
    hints: LayoutHints = NO_HINTS,
    has_commas: bool = False,
) -> MessageKind:
    """Return the kind of *members*, whose *rows* have the same gaps.

    :param hints: what is known of the columns from more messages than these.
    """
    times = [one.time for one in members]
    columns = [
        column_of(
            [row.cells[place] for row in rows],
            times,
            is_key=is_key(rows[0], place),
            is_switch=rows[0].gaps[place].strip() in {"=", ":"},
            has_commas=has_commas,
        )
        for place in range(len(rows[0].cells))
    ]
    for place in hints.varied:
        if columns[place].holds is ColumnHolds.CONSTANT:
            columns[place] = evolve(columns[place], holds=ColumnHolds.WORD)
    layout = _Layout(members, rows[0], seen_together(columns, rows), scene, hints)
    parts = layout.parts()
    is_sample = layout.is_sample and any(isinstance(part, ColumnSlot) and part.is_number and part.is_named for part in parts)
    return MessageKind(members, "sample" if is_sample else "event", parts)


def is_key(row: Cells, place: int) -> bool:
    """Return True if ``=`` or a colon stands behind a word."""
    return row.gaps[place + 1].strip()[:1] in {"=", ":"} and any(map(str.isalpha, row.cells[place]))


@define(eq=False)
class _Layout:
    members: list[Utterance]
    row: Cells
    columns: list[Stretch]
    scene: Scene
    hints: LayoutHints
    names: UniqueNames = field(factory=UniqueNames)
    has_name: bool = False
    has_time: bool = False
    constants: Sequence[bool] = field(init=False)
    coordinate: str = ""
    coordinate_place: int = -2
    numbers: int = 0
    words: int = 0

    @constants.default
    def _constants(self) -> Sequence[bool]:
        return [column.holds is ColumnHolds.CONSTANT for column in self.columns]

    @property
    def is_sample(self) -> bool:
        places = range(len(self.columns))
        measured = [place for place in places if self._measures(place)]
        if any(self._is_identity(place) for place in places):
            measured = [place for place in measured if any("." in value for value in self.columns[place].values)]
        return bool(measured)

    def parts(self) -> list[str | ColumnSlot]:
        """The pattern."""
        roles = self._roles_of_words()
        is_sample = self.is_sample
        if any(map(self._is_name, range(len(self.columns)))):
            roles = {place: role for place, role in roles.items() if role != "name"}
        found: list[str | ColumnSlot] = []
        for place, column in enumerate(self.columns):
            found.append(literal(self.row.gaps[place]))
            found += self._column(place, column, roles, is_sample)
        found.append(literal(self.row.gaps[-1]))
        return _merged(found)

    def _key(self, place: int) -> str:
        if self.hints.titles:
            return self.hints.titles[place].label
        return key_before(self.row, place, self.constants)

    def _measures(self, place: int) -> bool:
        """Whether the column is a channel."""
        column = self.columns[place]
        if column.holds is ColumnHolds.FLAG:
            return bool(self._key(place)) and self.row.gaps[place].strip() in {"=", ":"}
        if self._is_number_of_node(place) or self._is_counter(place) or self._key(place) in IDENTITIES:
            return False
        return column.holds in _NUMBERS and self._key(place) not in KEYS_OF_NAMES and any(column.values)

    def _is_labelled(self, column: Stretch) -> bool:
        """Whether the words of a column were something else than names in another kind of message."""
        return all(self.scene.labels.get(value, "name") != "name" for value in column.values)

    def _is_identity(self, place: int) -> bool:
        """Whether the column says which card, parcel or tag it was."""
        holds = self.columns[place].holds
        return self._key(place) in IDENTITIES and (holds in _NUMBERS or holds in {ColumnHolds.WORD, ColumnHolds.CODE})

    def _is_counter(self, place: int) -> bool:
        """Whether the column numbers the messages, or says something of the program itself."""
        key, column = self._key(place), self.columns[place]
        if key in COUNTERS or place in self.hints.counted:
            return True
        has_mark = self.row.gaps[place].strip() != "" or len(self.columns) == 2
        is_named = key != "" and has_mark and key not in _COUNTING_KEYS
        talks = [one.talk for one in self.members]
        if (not is_named or key in CLOCKS) and keeps_time(column.values, [one.time for one in self.members], talks):
            return True
        return not is_named and counts_up(column.values, talks)

    def _is_number_of_node(self, place: int) -> bool:
        """Whether the first column is a whole number of few values that names a device: ``N12``, or six digits and more."""
        column = self.columns[place]
        if place or column.holds is not ColumnHolds.NUMBER or len(self.columns) < 2 or not all(map(str.isdigit, column.values)):
            return False
        is_few = 1 < len(set(column.values)) * _FEW <= len(column.values)
        is_known = not column.before and all(self.scene.labels.get(value) == "name" for value in column.values)
        is_padded = len(set(map(len, column.values))) == 1 and all(value[0] == "0" for value in column.values)
        is_id = column.before.lower() in _NODE_KEYS or min(map(len, column.values)) >= _LONG_ID or is_padded
        return is_known or (is_few and is_id)

    def _roles_of_words(self) -> dict[int, str]:
        """The places of words that say whose or what the numbers are: ``name`` or ``channel``."""
        measured = [place for place in range(len(self.columns)) if self._measures(place)]
        words = [
            place
            for place, column in enumerate(self.columns)
            if column.holds is ColumnHolds.WORD and not self._is_identity(place) and not self._is_labelled(column)
        ]
        announced = set(self.scene.names.values())
        if len(self.columns) > _MANY_COLUMNS:
            words = [place for place in words if place < _FIRST_COLUMNS and min(map(len, self.columns[place].values)) > 1]
        for place in words:
            if set(self.columns[place].values) <= announced:
                return {place: "name"}
        if not measured or not words or words[0] > measured[0] or self._is_value(words[0]) or not self._is_worded(words[0]):
            return {}
        distinct = set(self.columns[words[0]].values)
        is_few = len(distinct) <= _MOST_CHANNELS or all("/" in word for word in distinct)
        is_channel = len(measured) == 1 and is_few and not self._key(measured[0])
        if is_channel and self._unit_behind(measured[0]):  # one quantity: the words are no channels but whose it is, or a state
            return {words[0]: "name"} if min(map(len, distinct)) > _FEW_LETTERS else {}
        if is_channel and len(words) > 1 and words[1] < measured[0] and self._is_worded(words[1]):
            return {words[0]: "name", words[1]: "channel"}
        return {words[0]: "channel" if is_channel else "name"}

    def _is_value(self, place: int) -> bool:
        """Whether a key with its mark stands before the column. A word in front with a blank behind it is a command."""
        return self._key(place) != "" and (place > 1 or self.row.gaps[place].strip() != "")

    def _is_worded(self, place: int) -> bool:
        return all(is_word(value) or value.isdigit() for value in self.columns[place].values)

    def _column(  # noqa: PLR0911 - one answer for each way to read a column, the surest first
        self, place: int, column: Stretch, roles: dict[int, str], is_sample: bool
    ) -> list[str | ColumnSlot]:
        key = self._key(place)
        values = column.values
        holds = column.holds
        if holds is ColumnHolds.EMPTY:
            return []
        if (
            column.before
            and len(set(values)) == 1
            and len(values) > 1
            and len(self.columns) > _MANY_COLUMNS
            and values[0].isdigit()
        ):
            return [literal(column.before + values[0] + column.behind)]
        if place in roles:
            self.has_name = self.has_name or roles[place] == "name"
            return [ColumnSlot(roles[place], is_named=True, values=values)]
        if key in SECRET_WORDS and key not in KEYS_OF_NAMES:
            return [ColumnSlot("", is_named=False)]
        if self._is_name(place):
            self.has_name = True
            return [literal(column.before), ColumnSlot("name", is_named=True, values=values), literal(column.behind)]
        if self._is_hemisphere(place) and is_sample:
            return [ColumnSlot(self.coordinate, is_named=True, type="hemi")]
        if holds is ColumnHolds.CONSTANT and not self._may_change(place, is_sample):
            return [literal(values[0])]
        if holds is ColumnHolds.TIME and not self.has_time and is_sample:
            self.has_time = True
            return [ColumnSlot("time", is_named=True, values=values)]
        if self._measures(place) and is_sample:
            return self._measured(place, column, key, roles)
        return self._other(place, column, key, is_sample)

    def _is_name(self, place: int) -> bool:
        holds, key = self.columns[place].holds, self._key(place)
        if self.has_name:
            return False
        if holds is ColumnHolds.IDENTITY:
            return self.is_sample
        return self._is_number_of_node(place) or (
            key in KEYS_OF_NAMES and holds in {ColumnHolds.CONSTANT, ColumnHolds.WORD, ColumnHolds.NUMBER, ColumnHolds.SKIPPED}
        )

    def _measured(self, place: int, column: Stretch, key: str, roles: dict[int, str]) -> list[str | ColumnSlot]:
        self.numbers += 1
        label = "value" if "channel" in roles.values() else self.names.give(key or slug(column.before) or f"v{self.numbers}")
        if self._is_coordinate(place):
            is_latitude = set("".join(self.columns[place + 1].values)) <= set("NSns")
            self.coordinate, self.coordinate_place = self.names.give("lat" if is_latitude else "lon"), place
            return [ColumnSlot(self.coordinate, is_named=True, type="dm", is_number=True, values=column.values)]
        kind = "flag" if column.holds is ColumnHolds.FLAG else _TYPES.get(column.holds, "")
        unit = unit_of(column.behind) or self._unit_behind(place)
        slot = ColumnSlot(label, is_named=True, type=kind, unit=unit, is_number=True, values=column.values)
        before, behind = literal(column.before), literal(column.behind)
        if column.units:
            return [before, slot, ColumnSlot("unit", is_named=True, values=column.units)]
        return [before, slot, behind]

    def _is_coordinate(self, place: int) -> bool:
        """Whether the column is ``ddmm.mmm`` and the next one its hemisphere."""
        if place + 1 >= len(self.columns):
            return False
        hemispheres = {value for value in self.columns[place + 1].values if value}
        return (
            any(self.columns[place].values)
            and bool(hemispheres)
            and (hemispheres <= set("NS") or hemispheres <= set("EW"))
            and all("." in value and len(value.partition(".")[0]) >= 3 for value in self.columns[place].values if value)
        )

    def _unit_behind(self, place: int) -> str:
        """The unit that stands in the title, or in the next column: a blank away, or a comma if it has two letters."""
        if self.hints.titles:
            return self.hints.titles[place].unit
        if place + 1 >= len(self.columns):
            return ""
        behind = self.columns[place + 1]
        word = (
            behind.values[0]
            if behind.holds is ColumnHolds.CONSTANT
            else behind.before
            if behind.holds is ColumnHolds.SKIPPED
            else ""
        )
        is_near = self.row.gaps[place + 1] == " " or (self.row.gaps[place + 1] == "," and len(word) > 1)
        return unit_of(word) if is_near else ""

    def _is_hemisphere(self, place: int) -> bool:
        return place > 0 and self.coordinate_place == place - 1

    def _may_change(self, place: int, is_sample: bool) -> bool:
        """Whether a constant of an event is a value all the same: it stands behind a mark between columns, or behind ``=``."""
        is_key = place + 1 < len(self.columns) and self.row.gaps[place + 1].strip()[:1] in {"=", ":"}
        return not is_sample and place > 0 and not is_key and self.row.gaps[place].strip() in {"|", ",", ";", "=", ":"}

    def _is_unit(self, place: int) -> bool:
        """Whether the column holds the units of the one before, a blank away."""
        if not place or self.row.gaps[place] != " " or not self._measures(place - 1):
            return False
        return self.columns[place].holds is ColumnHolds.WORD and all(map(unit_of, self.columns[place].values))

    def _other(self, place: int, column: Stretch, key: str, is_sample: bool) -> list[str | ColumnSlot]:
        """A column that is no channel."""
        if self._is_unit(place) and is_sample:
            return [ColumnSlot("unit", is_named=True, values=column.values)]
        self.words += 1
        is_last = place == len(self.columns) - 1
        label, is_generic = self._label_of_word(place, key, is_last and not is_sample)
        before, behind = literal(column.before), literal(column.behind)
        is_named = not is_sample and column.holds not in {ColumnHolds.TIME, ColumnHolds.SKIPPED}
        slot = ColumnSlot(label, is_named=is_named, values=column.values, is_generic=is_generic)
        return [before, slot, behind]

    def _label_of_word(self, place: int, key: str, is_rest: bool) -> tuple[str, bool]:
        """The label of a column, and whether it says nothing: as it is keyed, or as its words were in another kind of message."""
        column = self.columns[place]
        known = {self.scene.labels.get(value, "") for value in column.values}
        is_key = key != "" and self.row.gaps[place].strip() != ""
        if not is_key and len(known) == 1 and "" not in known:
            return self.names.give(known.pop()), False
        if key == "text" or (is_rest and not key and column.holds is ColumnHolds.WORD):
            return "text", not key
        return self.names.give(key or f"w{self.words}"), not key


def _merged(parts: Sequence[str | ColumnSlot]) -> list[str | ColumnSlot]:
    """*parts* without empty literals, neighbours as one."""
    found: list[str | ColumnSlot] = []
    for part in parts:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        elif (
            isinstance(part, ColumnSlot)
            and found
            and isinstance(found[-1], ColumnSlot)
            and found[-1].type != "dm"
            and part.label != "unit"
        ):
            found[-1] = ColumnSlot("", is_named=False)  # nothing tells where one ends and the other begins
        elif part != "":
            found.append(part)
    return found
