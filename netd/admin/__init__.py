"""Administration: the control socket that the command line talks to, and the manhole."""

__all__: list[str] = []
