"""Room: bots meet in rooms of some size, take turns for some rounds, and leave (room protocol)."""

__all__: list[str] = []
