"""Patterns that are regular expressions with named groups, as the last resort: ``/(?P<temp>-?[0-9.]+)C/``."""

from __future__ import annotations

import re

from netd.wire.backtracking import check_tree
from netd.wire.fields import Match, parse_field
from netd.wire.messages import WireMessage
from netd.wire.values import NoNumber, match_of, value_of

__all__ = ["LONGEST", "Expression", "parse_expression"]

LONGEST = 512
"""Characters of a message, at most, that an expression sees which can read it in several ways.

The worst of them that is accepted, ``.*?(\\d+)\\D+(\\d+)x``, takes 3.3 ms for 512 characters and 14 ms for 1,024.
"""

_LONGEST_SOURCE = 1000


def parse_expression(source: str, is_sample: bool) -> Expression:
    """Read the text between the slashes.

    :raises ValueError: if it is no regular expression, or can take too long.
    """
    if len(source) > _LONGEST_SOURCE:
        raise ValueError(f"a regular expression has at most {_LONGEST_SOURCE} characters")
    try:
        ways = check_tree(source, LONGEST)
        compiled = re.compile(source, re.DOTALL | re.ASCII)
    except re.error as error:
        raise ValueError(f"regular expression: {error.msg}, at character {(error.pos or 0) + 1}") from None
    except (OverflowError, RecursionError) as error:
        raise ValueError(f"regular expression: {error}") from None
    if is_sample and not compiled.groupindex:
        raise ValueError("the regular expression names no group; write (?P<temp>[0-9.]+)")
    return Expression(compiled, ways, is_sample)


class Expression:
    """A regular expression, matched from the beginning of a message.

    :ivar fields: its named groups.
    :ivar longest: the number of characters of a message that it sees; longer ones do not match. None for any number.
    """

    takes_everything = False
    first = None

    def __init__(self, compiled: re.Pattern[str], ways: int, is_sample: bool) -> None:
        self.fields = tuple(parse_field(name, is_sample) for name in compiled.groupindex)
        self.longest = LONGEST if ways > 1 else None
        self._groups = tuple(zip(self.fields, compiled.groupindex.values(), strict=True))
        self._compiled = compiled
        self._is_sample = is_sample

    def match(self, message: WireMessage) -> Match | None:
        """Return what the groups have found in *message*; None if it does not match."""
        if self.longest is not None and len(message.text) > self.longest:
            return None
        found = self._compiled.match(message.text)
        if found is None:
            return None
        texts = [(field, found[group]) for field, group in self._groups if found[group] is not None]
        try:
            pairs = [(field, value_of(field, message.clean(text))) for field, text in texts]
        except NoNumber:
            return None
        return match_of(pairs, self._is_sample)
