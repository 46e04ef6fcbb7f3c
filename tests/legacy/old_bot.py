"""A bot as people wrote it before netd: ``old_bot.py HOST PORT NAME [CUT]``.

Its habits: the name leaves without an end; a message is whatever one ``recv(500)`` gives; the first is the welcome and is only
shown; to each other one it replies at once, in one send. The action is the last word of the first sentence, less its last
character. It has four things to say: the message after them finds it without words, and so does one without words in it; it
sleeps a while, and leaves. It prints each message as a Python literal, and ``bye``. With CUT each reply leaves in two sends, that
many seconds apart.
"""

# ruff: noqa: T201 - a program speaks on its standard output

from __future__ import annotations

import socket
import sys
import time

BAD = ("yell", "steal", "fight")
ANSWERS = (
    ("{} responded: {}ing it is, I like that! \n", "{} responded: {}ing? If it must be! \n"),
    ("\n{} responded: {}ing is what I do best!\n", "\n{} responded: {}ing is not nice!\n"),
    ("{} responded: more {}ing, please", "{} responded: {}ing again?"),
    ("{} responded: let us {} all day! \n", "{} responded: who began to {}? \n"),
)


def main(host: str, port: int, name: str, cut: float = 0.0) -> None:
    """Be a bot until the server hangs up, or nothing comes to mind."""
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    connection.connect((host, port))
    connection.send(name.encode())
    print(repr(connection.recv(500).decode()), flush=True)
    action, answers = "", list(ANSWERS)
    try:
        while True:
            message = connection.recv(500).decode()
            print(repr(message), flush=True)
            words = message.split()
            sender, last = words[0][:-1], words[-1][:-1]
            action = action or (sender and last)
            answer = answers.pop(0)[action in BAD].format(name, action).encode()
            if cut:
                connection.send(answer[:9])
                time.sleep(cut)
                answer = answer[9:]
            connection.send(answer)
    except (IndexError, OSError):
        time.sleep(0.5)
    print("bye", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3], float(sys.argv[4]) if len(sys.argv) > 4 else 0.0)
