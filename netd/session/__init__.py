"""Session: netd dials agents, which connect back and stream samples."""

__all__: list[str] = []
