"""The fields of a request: those of its query, and those of the form in its body. Pure."""

from __future__ import annotations

from typing import NoReturn
from urllib.parse import parse_qsl

from attrs import frozen

from netd.errors import InvalidArguments
from netd.gateway.head import Head

__all__ = ["MOST_FIELDS", "Fields"]

MOST_FIELDS = 1000
"""Most fields of one request."""


@frozen
class Fields:
    """The fields by name, each with its values in the order in which they came: those of the query first."""

    values: dict[str, list[str]]

    @classmethod
    def read(cls, head: Head, body: bytes = b"") -> Fields:
        """Return the fields of a request with this *head* and the form *body*.

        :raises InvalidArguments: if there are too many, or they are no UTF-8.
        """
        values: dict[str, list[str]] = {}
        try:
            for text in (head.query.encode("latin-1"), body):
                pairs = parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
                for name, value in pairs:
                    values.setdefault(name, []).append(value)
        except ValueError:
            raise InvalidArguments(
                f"the query or the form cannot be read: it is percent-encoded UTF-8, of at most {MOST_FIELDS} fields"
            ) from None
        return cls(values)

    def all(self, name: str) -> list[str]:
        """Return all values of the field *name*."""
        return self.values.get(name, [])

    def get(self, name: str, default: str = "") -> str:
        """Return the last value of the field *name*; *default* if it is absent or empty."""
        return self.all(name)[-1] if self.values.get(name) and self.all(name)[-1] else default

    def is_set(self, name: str) -> bool:
        """Whether the field *name* says yes."""
        value = self.get(name, "no").lower()
        if value in ("yes", "true", "1", "on"):
            return True
        return value not in ("no", "false", "0", "off") and _refuse(name, value, ("yes", "no"))

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """Return the value of the field *name*, one of *choices*; the first of them if it is absent.

        :raises InvalidArguments: if it is none of them.
        """
        value = self.get(name, choices[0])
        return value if value in choices else _refuse(name, value, choices)

    def number(self, name: str) -> int | None:
        """Return the whole number in the field *name*; None if it is absent.

        :raises InvalidArguments: if it is no such number.
        """
        value = self.get(name)
        if not value:
            return None
        if not (value.isascii() and value.isdecimal() and len(value) <= 15):
            raise InvalidArguments(f"{name}: {value!r:.80} is not a whole number")
        return int(value)

    def check(self, known: tuple[str, ...]) -> None:
        """Raise an error if there is a field that is not among *known*.

        :raises InvalidArguments: naming those that are.
        """
        for name in self.values:
            if name not in known:
                raise InvalidArguments(f"there is no field {name!r:.80}; there are {', '.join(known)}")


def _refuse(name: str, value: str, choices: tuple[str, ...]) -> NoReturn:
    raise InvalidArguments(f"{name}: {value!r:.80} is none of {', '.join(choices)}")
