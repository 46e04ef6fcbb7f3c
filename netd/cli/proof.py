"""How a command proves who it is, and by which authority it trusts the server: ``--token-file``, ``--cafile`` and their like.

A token itself is never an argument, because all users can see those.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from netd.cli.invocation import Failure, Invocation

__all__ = ["proof_options", "read_proof"]

F = TypeVar("F", bound=Callable[..., Any])

TOKEN, TOKEN_FILE = "NETD_TOKEN", "NETD_TOKEN_FILE"

_TLS = "netd.cli.proof"
"""Where a command's context keeps the files of TLS until :func:`read_proof` asks for them."""


def _keep(ctx: click.Context, parameter: click.Parameter, value: Path | None) -> None:
    if value is not None:
        ctx.meta.setdefault(_TLS, {})[parameter.name] = str(value)


def _file(name: str, explanation: str) -> Callable[[F], F]:
    kind = click.Path(exists=True, dir_okay=False, path_type=Path)
    return click.option(name, type=kind, expose_value=False, callback=_keep, help=explanation)


_OPTIONS = (
    click.option(
        "--token-file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar=TOKEN_FILE,
        help=f"File with a token that `netd token add` has printed; {TOKEN} in the environment can hold the token itself.",
    ),
    _file("--cafile", "Use TLS; the authority of the server's certificate is in this file (`netd cert init`)."),
    _file("--certificate", "File of a certificate to show, for servers that ask for one (`netd cert device`)."),
    _file("--key", "File of its private key, if that is another one."),
)


def proof_options(command: F) -> F:
    """Add ``--token-file``, ``--cafile``, ``--certificate`` and ``--key``. Only the first is an argument of *command*."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def read_proof(invocation: Invocation, token_file: Path | None) -> dict[str, str]:
    """Return the arguments of a client by which it proves who it is, and trusts the server; none where there are none.

    :raises Failure: if the file of a token cannot be read, or other users can.
    """
    files: dict[str, str] = click.get_current_context().meta.get(_TLS, {})
    return {**_read_token(invocation, token_file), **files}


def _read_token(invocation: Invocation, token_file: Path | None) -> dict[str, str]:
    from netd.secrets.private_files import PrivateFileError, read_private  # noqa: PLC0415 - few need it, and all must start fast

    if token_file is None:
        token = invocation.surroundings.environ.get(TOKEN)
        return {} if token is None else {"token": token}
    try:
        read_private(token_file, "token", "write the token that `netd token add` has printed into a file of mode 0600")
    except PrivateFileError as error:
        raise Failure(f"the token is not used: {error}") from error
    except FileNotFoundError as error:
        raise Failure(f"there is no token: no file {token_file}; `netd token add` prints one") from error
    return {"token_file": str(token_file)}
