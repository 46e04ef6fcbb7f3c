"""Ask every ``netd`` command for its help, and tell how many there were: ``python helps.py``."""

import click
from click.testing import CliRunner

from netd.cli.invocation import Invocation
from netd.cli.main import netd


def walk(command: click.Command, words: list[str]) -> list[list[str]]:
    """The words of *command*, and of all below it."""
    found = [words]
    if isinstance(command, click.Group):
        ctx = click.Context(command)
        for name in command.list_commands(ctx):
            one = command.get_command(ctx, name)
            assert one is not None
            found += walk(one, [*words, name])
    return found


every = walk(netd, [])
for words in every:
    ran = CliRunner().invoke(netd, [*words, "--help"], obj=Invocation(), catch_exceptions=False)
    assert ran.exit_code == 0 and "Usage" in ran.output, (words, ran.output)
click.echo(f"{len(every)} commands helped")
