"""Entries of the state database on their way to the disk: changes for the next commit, and notes for a later one."""

from __future__ import annotations

from attrs import frozen

from netd.codec.jsontext import encode

__all__ = ["EntryChange", "EntryNote", "Place"]

Place = tuple[str, str, str]
"""Owner, table and key of an entry."""


@frozen
class EntryChange:
    """An entry to be written, or to be removed when *text* is None."""

    time: float
    text: str | None
    is_promised: bool = False


@frozen
class EntryNote:
    """An entry to be written later.

    :ivar value: its value, or a function that returns it.
    :ivar change: what is to be written, if that is known.
    """

    time: float
    value: object
    change: EntryChange | None = None

    def written(self) -> EntryChange:
        """Return the change that is written now."""
        if self.change is not None:
            return self.change
        value = self.value() if callable(self.value) else self.value
        return EntryChange(self.time, encode(value).decode())
