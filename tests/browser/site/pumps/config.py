"""What a ``[pump]`` section can be told."""

import attrs

from netd.config import SectionConfig, integer, option


@attrs.frozen(kw_only=True)
class Config(SectionConfig):
    """Moves liquids."""

    speed: int = option(integer(1, 100), "10", help="Strokes a minute.")
