"""A parser at fault, for the tests of fuzzing."""


def faulty(data: bytes) -> None:
    """A parser that fails on what only coverage leads to."""
    if data[:1] == b"n" and data[1:2] == b"e" and data[2:3] == b"t":
        raise IndexError("faulty")
