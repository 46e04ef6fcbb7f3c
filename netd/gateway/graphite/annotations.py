"""Annotations: notes, runs and calls of operators as events of Graphite, which Grafana draws beside its curves. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from attrs import frozen

from netd.codec.jsontext import encode

__all__ = [
    "AUDIT",
    "Annotation",
    "audit_annotation",
    "note_annotation",
    "run_annotations",
    "wanted_tags",
    "without_wildcards",
]

AUDIT = "audit.>"
"""The subjects of calls of operators."""


@frozen
class Annotation:
    """A note, the begin or end of a run, or a call of an operator.

    :ivar when: seconds since the epoch.
    :ivar tags: the sort, ``note``, ``run`` or ``audit``, and what it is about.
    """

    when: float
    what: str
    tags: tuple[str, ...]
    data: str

    def as_graphite(self) -> dict[str, object]:
        """Return the event as Graphite's API writes it, with whole seconds."""
        return {"when": int(self.when), "what": self.what, "tags": list(self.tags), "data": self.data}


def wanted_tags(text: str) -> set[str]:
    """Return the tags that a request names, separated by commas or blanks. An event has to have all of them."""
    return set(filter(None, re.split(r"[\s,]+", text)))


def without_wildcards(pattern: str) -> str:
    """Return a subject under *pattern* that no series has, if the pattern has wildcards."""
    return ".".join("-" if node in ("*", ">") else node for node in pattern.split("."))


def note_annotation(note: Any) -> Annotation:
    """Return the annotation of a note, as ``history.query`` gives it."""
    about = () if note.subject is None else (note.subject,)
    return Annotation(note.time, note.text, ("note", *about), note.who)


def run_annotations(run: Any) -> Iterator[Annotation]:
    """Yield begin and end of a run, as ``history.runs`` gives it."""
    named = f"run {run.run}" + (f", {run.name}" if run.name else "")
    yield Annotation(run.begin, f"{named} begins", ("run", str(run.run)), run.who)
    if run.end is not None:
        yield Annotation(run.end, f"{named} ends", ("run", str(run.run)), run.who)


def audit_annotation(event: Any) -> Annotation:
    """Return the annotation of a call that was recorded."""
    said: Mapping[str, Any] = event.data
    arguments = ", ".join(f"{name} {_word(value)}" for name, value in (said.get("arguments") or {}).items())
    outcome = ": ".join(filter(None, (said.get("outcome"), said.get("error"))))
    what = f"{said.get('who') or said.get('from')}: {said.get('operation')}"
    return Annotation(event.time, what, ("audit", str(said.get("operation"))), "; ".join(filter(None, (arguments, outcome))))


def _word(value: object) -> str:
    """Return a text as it is, and all else as the JSON in which it was given."""
    return value if isinstance(value, str) else encode(value).decode()
