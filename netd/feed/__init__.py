"""Data to develop against, over WebSocket: made by Faker, or any subjects of the bus; and what its clients report of it."""

__all__: list[str] = []
