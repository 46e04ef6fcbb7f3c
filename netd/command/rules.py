"""The options that a command service goes by, as its pure modules see them: :class:`netd.command.config.Config` is one."""

from __future__ import annotations

from typing import Protocol

__all__ = ["CommandRules"]


class CommandRules(Protocol):
    """See :mod:`netd.command.config` for each. Times are in seconds, sizes in bytes."""

    @property
    def persistent(self) -> bool: ...
    @property
    def receive_timeout(self) -> float: ...
    @property
    def silence(self) -> float | None: ...
    @property
    def idle_timeout(self) -> float: ...
    @property
    def max_command(self) -> int: ...
    @property
    def max_answer(self) -> int: ...
    @property
    def name_member(self) -> tuple[str, ...]: ...
