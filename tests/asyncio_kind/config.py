"""The options of ``[oven]``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import attrs

from netd.config import SectionConfig, flag, option


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Bakes."""

    uses_asyncio: ClassVar[bool] = True

    heat: bool = option(flag, "yes", help="Whether it is on.")

    def objections(self) -> Iterable[tuple[str, str]]:
        if not self.heat:
            yield "heat", "is off"
