"""Gets the user's functions: runs the files, imports the modules, and says where they are broken."""

from __future__ import annotations

import importlib
import sys
import traceback
import zlib
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from netd.command.commands import BadFunctions, Command, read_command
from netd.command.config import compiled
from netd.command.declaration import declarations_in

__all__ = ["load_commands"]


def load_commands(sources: Iterable[Path | str]) -> list[Command]:
    """The commands that *sources* declare: files by path, modules by name.

    A file is run once in the life of the process, as a module is; its folder is added to the end of ``sys.path``, so that it can
    import what lies beside it.

    :raises BadFunctions: naming file and line.
    """
    return [command for source in sources for command in _load(source)]


def _load(source: Path | str) -> list[Command]:
    module = _run_file(source.absolute()) if isinstance(source, Path) else _import_module(source)
    commands = [read_command(declaration) for declaration in declarations_in(vars(module))]
    if not commands:
        raise BadFunctions(
            f'{source}: no function in it is a command; write @command("name") above one (from netd.command import command)'
        )
    return commands


def _run_file(path: Path) -> ModuleType:
    name = f"netd_functions_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    if name in sys.modules:
        return sys.modules[name]
    try:
        code = compiled(path)
    except ValueError as error:
        raise BadFunctions(str(error)) from None
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        exec(code, vars(module))  # noqa: S102 - running the user's functions is what this service is for
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        raise _broken(error, str(path)) from error
    return module


def _import_module(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except (Exception, SystemExit) as error:
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise BadFunctions(f"{name}: no such module; install it, or name its file in `functions`") from None
        raise _broken(error) from error


def _broken(error: BaseException, path: str | None = None) -> BadFunctions:
    """What *error*, raised by the user's code, is for a person. It names the last line of *path*, or of any file, on its way."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen ")]
    own = [frame for frame in frames if frame.filename == path] or frames
    place = f"{own[-1].filename}:{own[-1].lineno}"
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    return BadFunctions(f"{place}: {type(error).__name__}: {error}")
