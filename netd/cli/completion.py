"""``netd completion``: the script that lets a shell complete commands, options and the operations of the running daemon."""

from __future__ import annotations

import click
from click.shell_completion import ShellComplete, get_completion_class

__all__ = ["completion"]

VARIABLE = "_NETD_COMPLETE"


_HELP = """Print the completion script of a SHELL.

\b
bash: eval "$(netd completion bash)" in ~/.bashrc
zsh:  eval "$(netd completion zsh)" in ~/.zshrc
fish: netd completion fish > ~/.config/fish/completions/netd.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print the completion script of *shell*."""
    made = get_completion_class(shell)
    assert made is not None, "click knows these three"
    script = made(ctx.find_root().command, {}, "netd", VARIABLE)
    click.echo(ShellComplete.source(script))  # the base class: click's own class for bash starts bash to learn its version
