"""What a service will do to go by another configuration: prepared first, then carried out as a whole, or taken back.

A reload asks every service to prepare, before anything changes. Whatever can fail happens then: ports are opened, files are read.
Only when no service has an objection are all changes applied; otherwise all are discarded, and nothing has happened.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["Change"]


class Change:
    """One service's part in a reload, as its ``prepare`` describes it.

    :ivar mistakes: option (or ``""`` for the section) and what is wrong with it. With any mistake, the reload is refused.
    :ivar notes: what else than options has changed, for people: files whose content is new.
    :ivar released: what has to be waited for, after :meth:`apply` or :meth:`discard`, before the endpoints given up are free:
        Deferreds.
    :ivar failures: what :meth:`finish` could not do, for people.
    """

    def __init__(self) -> None:
        self.mistakes: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.released: list[Any] = []
        self.failures: list[str] = []
        self._steps: list[Callable[[], object]] = []
        self._last_steps: list[Callable[[], object]] = []
        self._undoing: list[Callable[[], object]] = []

    def refuse(self, option: str, why: str) -> None:
        """Have the reload refused: *why* says what is wrong with *option*, and the remedy."""
        self.mistakes.append((option, why))

    def when_applied(self, step: Callable[[], object]) -> None:
        """Call *step* when the new configuration comes into force. It must not fail."""
        self._steps.append(step)

    def when_free(self, step: Callable[[], object]) -> None:
        """Call *step* after all services have applied their changes and let go of the endpoints that they gave up."""
        self._last_steps.append(step)

    def when_discarded(self, step: Callable[[], object]) -> None:
        """Call *step* if the reload is refused, to take back what was prepared."""
        self._undoing.append(step)

    def apply(self) -> None:
        """Bring the new configuration into force, in the order of preparation."""
        for step in self._steps:
            step()

    def finish(self) -> None:
        """Do what had to wait until all endpoints were let go of."""
        for step in self._last_steps:
            step()

    def discard(self) -> None:
        """Take back what was prepared, last things first."""
        for step in reversed(self._undoing):
            step()
