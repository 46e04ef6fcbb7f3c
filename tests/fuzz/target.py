"""One process of the fuzzer: ``python -m tests.fuzz.target NAME,NAME… [libFuzzer's arguments …]``.

A name with a colon is a function of any module: ``package.module:function``.
"""

from __future__ import annotations

import importlib
import sys

import atheris

with atheris.instrument_imports(include=["netd"]):
    from tests.fuzz.corpus import split
    from tests.fuzz.parsers import PARSERS, Parser


def parser_of(name: str) -> Parser:
    """The parser that is called *name*."""
    module, colon, function = name.partition(":")
    if not colon:
        return PARSERS[name]
    with atheris.instrument_imports(include=[module]):
        found: Parser = getattr(importlib.import_module(module), function)
    return found


if __name__ == "__main__":
    chosen = {name: parser_of(name) for name in sys.argv[1].split(",")}

    def target(data: bytes) -> None:
        """Tell one of the parsers."""
        name, told = split(tuple(chosen), data)
        chosen[name](told)

    atheris.Setup([sys.argv[0], *sys.argv[2:]], target)
    atheris.Fuzz()
