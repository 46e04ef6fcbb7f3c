"""Gets the user's functions: runs the files, imports the modules, and says where they are broken."""

from __future__ import annotations

import importlib
import os
import sys
import traceback
import zlib
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import cache_from_source
from pathlib import Path
from types import CodeType, ModuleType

from attrs import frozen

from netd.command.commands import BadFunctions, Command, Commands, read_command
from netd.command.declaration import declarations_in

__all__ = ["Functions", "load_functions", "stamps_of", "try_out"]

STAMP = "__netd_stamp__"
"""The attribute of a module that tells which content of its file was run."""


@frozen
class Functions:
    """The functions that the sources have declared.

    :ivar commands: in the order of their declaration.
    :ivar stamps: of the sources, by which it shows that a file has another content.
    """

    sources: tuple[Path | str, ...]
    commands: tuple[Command, ...]
    stamps: tuple[object, ...]

    def is_current(self, sources: Sequence[Path | str]) -> bool:
        """Whether *sources* would declare the same if they were run now."""
        return self.sources == tuple(sources) and self.stamps == stamps_of(sources)


def load_functions(sources: Iterable[Path | str]) -> Functions:
    """The commands that *sources* declare: files by path, modules by name.

    What was run before and has not changed since is not run again. A file's folder is added to the end of ``sys.path``, so that
    it can import what lies beside it. A file that has changed becomes a new module; functions of the old one stay what they are.

    :raises BadFunctions: naming file and line.
    """
    loaded = [_load(source) for source in sources]
    return Functions(
        tuple(sources), tuple(command for commands, _ in loaded for command in commands), tuple(stamp for _, stamp in loaded)
    )


def stamps_of(sources: Iterable[Path | str]) -> tuple[object, ...]:
    """The stamps that :func:`load_functions` would find now."""
    return tuple(_stamp(source if isinstance(source, Path) else _file_of(source)) for source in sources)


def try_out() -> None:
    """Load what the command line names, and say on standard output what is wrong with it, and nothing else.

    The first word is ``tokens`` for a section that takes tokens.
    """
    answer = os.dup(1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    commands, whys = Commands(), []
    for name in sys.argv[2:]:
        try:
            for command in _load(Path(name) if "/" in name else name)[0]:
                commands.add(command)
        except BadFunctions as error:
            whys.append(str(error))
    try:
        if sys.argv[1] == "tokens":
            commands.check_names()
    except BadFunctions as error:
        whys.append(str(error))
    os.write(answer, "; ".join(whys).encode(errors="replace"))
    os._exit(1 if whys else 0)  # whatever threads the functions have started


def _load(source: Path | str) -> tuple[list[Command], object]:
    """The commands of one source, and its stamp."""
    module = _run_file(source.absolute()) if isinstance(source, Path) else _import_module(source)
    commands = [read_command(declaration) for declaration in declarations_in(vars(module))]
    if not commands:
        raise BadFunctions(
            f'{source}: no function in it is a command; write @command("name") above one (from netd.command import command)'
        )
    return commands, vars(module)[STAMP]


def _stamp(path: Path | None) -> object:
    """Return a value that differs if the file has changed; None if there is no file."""
    try:
        status = path.stat() if path is not None else None
    except OSError as error:
        return error.errno
    return status and (status.st_mtime_ns, status.st_size, status.st_ino)


def _run_file(path: Path) -> ModuleType:
    name = f"netd_functions_{path.stem}_{zlib.crc32(str(path).encode()):08x}"
    stamp, before = _stamp(path), sys.modules.get(name)
    if before is not None and vars(before)[STAMP] == stamp:
        return before
    code = _compiled(path)
    module = ModuleType(name)
    module.__file__ = str(path)
    setattr(module, STAMP, stamp)
    sys.modules[name] = module
    folder = str(path.parent)
    if folder not in sys.path:
        sys.path.append(folder)
    try:
        exec(code, vars(module))  # noqa: S102 - running the user's functions is what this service is for
    except BaseException as error:  # SystemExit, and whatever else a file may raise: none of them ends the daemon
        _put_back(name, before)
        raise _broken(error, str(path)) from error
    return module


def _put_back(name: str, before: ModuleType | None) -> None:
    """Leave the module *name* as it was before it was run in vain."""
    if before is not None:
        sys.modules[name] = before
    else:
        sys.modules.pop(name, None)


def _compiled(path: Path) -> CodeType:
    """The program in the file *path*; nothing of it is run."""
    try:
        return compile(path.read_bytes(), str(path), "exec", dont_inherit=True)
    except OSError as error:
        raise BadFunctions(f"{path}: {error.strerror}; `functions` names files, relative to the INI, and modules") from None
    except SyntaxError as error:
        raise BadFunctions(f"{path}:{error.lineno or 1}: {error.msg}") from None
    except (ValueError, RecursionError, MemoryError) as error:
        raise BadFunctions(f"{path}: not Python: {error}") from None


def _file_of(name: str) -> Path | None:
    """The file of the module *name*, if it was imported from one."""
    file = getattr(sys.modules.get(name), "__file__", None)
    return Path(file) if file else None


def _import_module(name: str) -> ModuleType:
    before, file = sys.modules.get(name), _file_of(name)
    stamp = _stamp(file)
    if before is not None and file is not None and vars(before).get(STAMP, stamp) != stamp:
        del sys.modules[name]
        with suppress(OSError):  # Python's own cache tells changes apart by whole seconds
            Path(cache_from_source(str(file))).unlink()
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # as above
        _put_back(name, before)
        if isinstance(error, ModuleNotFoundError) and error.name and f"{name}.".startswith(f"{error.name}."):
            raise BadFunctions(f"{name}: no such module; install it, or name its file in `functions`") from None
        raise _broken(error) from error
    setattr(module, STAMP, _stamp(_file_of(name)))
    return module


def _broken(error: BaseException, path: str | None = None) -> BadFunctions:
    """Return *error*, raised by the user's code, as text for people. It names the last line in *path*, or else in any file."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<frozen ")]
    own = [frame for frame in frames if frame.filename == path] or frames
    place = f"{own[-1].filename}:{own[-1].lineno}"
    if isinstance(error, SyntaxError) and error.filename:
        place = f"{error.filename}:{error.lineno}"
    return BadFunctions(f"{place}: {type(error).__name__}: {_text_of(error)}")


def _text_of(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # its class is the user's, too
        return "(its text cannot be made)"
