r"""The number of ways in which a regular expression can read a message, which bounds the time that a hostile message costs.

Python's ``re`` tries them one after the other. Look-around, references back and repeated groups are refused. The tree of ``re``'s
own parser tells how many ways there are in the rest. A repetition of one class counts as its length if the character that ends
it could also be one more of it. An alternative counts twice if two of its branches can begin with the same character. Characters
are the 128 of ASCII, and one that stands for all others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from re import _constants as codes  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

__all__ = ["MOST_WAYS", "check_tree"]

MOST_WAYS = 8192
"""Ways in which an expression may read a message, at most."""

Characters = frozenset[int]
Node = tuple[Any, Any]

_OTHERS = 128
_ALL: Characters = frozenset(range(129))
_REPEATS = (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT)
_SINGLE = (codes.IN, codes.LITERAL, codes.NOT_LITERAL, codes.ANY)
_CLASSES = {
    codes.CATEGORY_DIGIT: r"\d",
    codes.CATEGORY_NOT_DIGIT: r"\D",
    codes.CATEGORY_SPACE: r"\s",
    codes.CATEGORY_NOT_SPACE: r"\S",
    codes.CATEGORY_WORD: r"\w",
    codes.CATEGORY_NOT_WORD: r"\W",
}


def check_tree(source: str, longest: int) -> int:
    """Return the number of ways in which the expression *source* can read a message of *longest* characters.

    :raises ValueError: if it has a part that is not allowed, or there are too many ways.
    :raises re.error: if it is no regular expression.
    """
    tree = parser.parse(source, re.DOTALL | re.ASCII)
    counting = _Counting(longest, "(?i" in source or bool(tree.state.flags & re.IGNORECASE))
    counting.walk(list(tree), frozenset())
    if counting.ways > MOST_WAYS:
        raise ValueError(
            f"some messages could be read in {float(counting.ways):.0e} ways, and would hold everything up; "
            "write [^,]* in place of .*"
        )
    return counting.ways


class _Counting:
    """The ways so far.

    :param ignores_case: whether a letter is both of its cases, in any part.
    """

    def __init__(self, longest: int, ignores_case: bool) -> None:
        self.ways = 1
        self._longest = longest
        self._ignores_case = ignores_case

    def walk(self, nodes: Sequence[Node], after: Characters) -> None:
        """Count the ways of *nodes*, which a character of *after* can follow."""
        for number, (code, value) in enumerate(nodes):
            rest, is_empty = self._first(nodes[number + 1 :])
            self._count(code, value, rest | after if is_empty else rest)

    def _count(self, code: Any, value: Any, after: Characters) -> None:
        if code in (codes.GROUPREF, codes.GROUPREF_EXISTS):
            raise ValueError("a regular expression must not refer back (\\1)")
        if code in (codes.ASSERT, codes.ASSERT_NOT):
            raise ValueError("a regular expression must not look ahead or behind")
        if code in _REPEATS:
            least, most, body = value
            self._repeat(code, (least, self._longest if most is codes.MAXREPEAT else most), list(body), after)
        elif code is codes.SUBPATTERN:
            self.walk(list(value[3]), after)
        elif code is codes.ATOMIC_GROUP:
            self.walk(list(value), after)
        elif code is codes.BRANCH:
            self._branch([list(branch) for branch in value[1]], after)

    def _repeat(self, code: Any, times: tuple[int, int], nodes: Sequence[Node], after: Characters) -> None:
        least, most = times
        if len(nodes) != 1 or nodes[0][0] not in _SINGLE:
            if most > 1:
                raise ValueError(
                    "a group is repeated; repeat one character class ([0-9.]+), make the group optional (...)?, "
                    "or write each SEPARATOR ..."
                )
            first, is_empty = self._first(nodes)
            if first & after or is_empty:
                self.ways *= 2
            self.walk(nodes, after)
        elif code is not codes.POSSESSIVE_REPEAT and self._characters(*nodes[0]) & after:
            self.ways *= max(1, min(most, self._longest) - least + 1)

    def _branch(self, branches: list[list[Node]], after: Characters) -> None:
        starts: Characters = frozenset()
        for branch in branches:
            first, is_empty = self._first(branch)
            if first & starts or is_empty:
                self.ways *= 2
            starts |= first
            self.walk(branch, after)

    def _first(self, nodes: Sequence[Node]) -> tuple[Characters, bool]:
        """Return the characters with which *nodes* can begin, and whether they can be empty."""
        found: Characters = frozenset()
        for code, value in nodes:
            if code is codes.AT:
                continue
            first, is_empty = self._first_of(code, value)
            found |= first
            if not is_empty:
                return found, False
        return found, True

    def _first_of(self, code: Any, value: Any) -> tuple[Characters, bool]:
        if code in _REPEATS:
            first, is_empty = self._first(list(value[2]))
            return first, is_empty or not value[0]
        if code is codes.SUBPATTERN:
            return self._first(list(value[3]))
        if code is codes.ATOMIC_GROUP:
            return self._first(list(value))
        if code is codes.BRANCH:
            firsts = [self._first(list(branch)) for branch in value[1]]
            return frozenset().union(*(first for first, _ in firsts)), any(is_empty for _, is_empty in firsts)
        return self._characters(code, value), False

    def _characters(self, code: Any, value: Any) -> Characters:
        """Return the characters that a node of one character matches."""
        if code is codes.LITERAL:
            return self._cased({value})
        if code is codes.NOT_LITERAL:
            return _ALL - self._cased({value}) | {_OTHERS}
        if code is codes.IN:
            return self._set(value)
        return _ALL  # any character; of what is refused elsewhere, too

    def _set(self, members: Sequence[Node]) -> Characters:
        found: set[int] = set()
        is_negated = False
        for code, value in members:
            if code is codes.NEGATE:
                is_negated = True
            elif code is codes.LITERAL:
                found.add(value)
            elif code is codes.RANGE:
                found |= {min(character, _OTHERS) for character in range(value[0], min(value[1], _OTHERS) + 1)}
                found |= {_OTHERS} if value[1] >= _OTHERS else set()
            else:
                found |= _of_class(value)
        cased = self._cased(found)
        return _ALL - cased | {_OTHERS} if is_negated else cased

    def _cased(self, characters: set[int]) -> Characters:
        small = {min(character, _OTHERS) for character in characters}
        if self._ignores_case:
            small |= {ord(case) for one in small if one < _OTHERS for case in (chr(one).lower(), chr(one).upper())}
        return frozenset(small)


def _of_class(category: Any) -> set[int]:
    expression = re.compile(_CLASSES[category], re.ASCII)
    found = {character for character in range(_OTHERS) if expression.match(chr(character))}
    return found | ({_OTHERS} if expression.match("\u00e9") else set())
