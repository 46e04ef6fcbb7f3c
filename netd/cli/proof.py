"""``--token-file``: how a command proves who it is. A token itself is never an argument, because all users can see those."""

from __future__ import annotations

from pathlib import Path

import click

from netd.cli.invocation import Failure, Invocation

__all__ = ["read_proof", "token_option"]

TOKEN, TOKEN_FILE = "NETD_TOKEN", "NETD_TOKEN_FILE"

token_option = click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar=TOKEN_FILE,
    help=f"File with a token that `netd token add` has printed; {TOKEN} in the environment can hold the token itself.",
)
"""Adds ``--token-file``."""


def read_proof(invocation: Invocation, token_file: Path | None) -> dict[str, str]:
    """Return the arguments of a client by which it proves who it is: ``token_file``, ``token``, or none.

    :raises Failure: if the file cannot be read, or other users can.
    """
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
