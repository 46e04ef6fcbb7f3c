"""A draft as text: the section with its comments, and what is unsure as ``; ?`` lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from attrs import Factory, define

__all__ = ["SectionDraft"]

_WIDTH = 118


@define(eq=False)
class SectionDraft:
    """The options of a section, in the order in which they are written; an option is left out where the default does.

    :ivar rules: each with its doubts.
    """

    name: str
    endpoint: tuple[str, str]
    remarks: list[str] = Factory(list)
    doubts: list[str] = Factory(list)
    options: dict[str, str] = Factory(dict)
    lines: dict[str, list[str]] = Factory(dict)
    rules: list[tuple[str, Sequence[str]]] = Factory(list)
    asks: list[tuple[str, Sequence[str]]] = Factory(list)

    def text(self) -> str:
        """The section."""
        out = [*_comments(";", self.remarks), f"[wire:{self.name}]", f"{self.endpoint[0]} = {self.endpoint[1]}"]
        out += [f"{option} = {value}" for option, value in self.options.items()]
        for option, values in self.lines.items():
            out += [f"{option} =", *(f"    {value}" for value in values)]
        for option, entries in (("ask", self.asks), ("rules", self.rules)):
            if entries:
                out.append(f"{option} =")
                for line, doubts in entries:
                    out += [*_comments("    ; ?", doubts), f"    {line}"]
        out += _comments("; ?", self.doubts)
        return "\n".join((*out, ""))


def _comments(mark: str, sentences: Iterable[str]) -> list[str]:
    """*sentences* as comments, in lines that fit on a screen."""
    lines = []
    for sentence in sentences:
        line = mark
        for word in "".join(char if char.isprintable() else "?" for char in sentence).split():
            if len(line) + len(word) >= _WIDTH and line != mark:
                lines.append(line)
                line = f"{mark}  "
            line += f" {word}"
        lines.append(line)
    return lines
