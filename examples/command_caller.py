"""Run a command and print its result: ``python command_caller.py [HOST [PORT]]``.

Copy ``netd/client/command.py`` beside this file and write ``from command import …``: it needs nothing else.
"""

from __future__ import annotations

import sys

from netd.client.command import Caller, CommandFailed

if __name__ == "__main__":
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 65432
    with Caller(host, port) as caller:
        for command in caller.commands():
            print(command["command_id"], "-", command["help"])
        try:
            print(caller.call("add", first=1, second=2.5))
        except CommandFailed as error:
            print("failed:", error)
