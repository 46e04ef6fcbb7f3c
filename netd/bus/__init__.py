"""The bus: where services, consoles and recorders meet, by subject and never by import."""

__all__: list[str] = []
