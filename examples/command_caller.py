"""Run a command and print its result: ``python command_caller.py [HOST [PORT]]``.

Where netd is not installed, put the file that ``netd client command > command.py`` makes beside this one and write
``from command import …``: it needs nothing else.
"""

from __future__ import annotations

import argparse
import os
from contextlib import suppress

from netd.client.command import Caller, CommandFailed

TOKEN_FILE = os.environ.get("NETD_TOKEN_FILE")  # where `access` of the section wants a token: `netd token add`

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Run a command and print its result.")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="where the command server is [default: %(default)s]")
    parser.add_argument("port", nargs="?", default=65432, type=int, help="its port [default: %(default)s]")
    where = parser.parse_args()
    with suppress(KeyboardInterrupt), Caller(where.host, where.port, token_file=TOKEN_FILE) as caller:
        for command in caller.commands():
            print(command["command_id"], "-", command["help"])
        try:
            print(caller.call("add", first=1, second=2.5))
        except CommandFailed as error:
            print("failed:", error)
