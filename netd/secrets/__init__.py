"""Passwords and tokens: the files that hold them, and a count of the wrong ones that were given.

These modules lock files, flush them to the disk and compute hashes. They know neither Twisted nor any service, so the daemon and
the command line use the same ones.
"""

__all__: list[str] = []
