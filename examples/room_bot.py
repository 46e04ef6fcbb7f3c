"""A bot with a character of its own: ``python room_bot.py NAME [HOST [PORT]]``.

It needs nothing but the file that ``netd client room > room.py`` makes: put it beside this one and write
``from room import Bot, Heard``.
"""

from __future__ import annotations

import argparse
import os
from contextlib import suppress

from netd.client.room import Bot, Heard


def thoughtful(name: str, heard: Heard) -> str:
    """Answer what was heard; the first message is the host's, and proposes the action."""
    if heard.turn == 0:
        return f"{name}: To {heard.action}, or not to {heard.action}?"
    return f"{name}: That is well said." if not heard.is_confirmation else f"{name}: I hope that I was understood."


TOKEN_FILE = os.environ.get("NETD_TOKEN_FILE")  # where `access` of the section wants a token: `netd token add`

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Be a bot with a character of its own.")
    parser.add_argument("name", help="what the bot is called")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="where the rooms are [default: %(default)s]")
    parser.add_argument("port", nargs="?", default=4242, type=int, help="their port [default: %(default)s]")
    chosen = parser.parse_args()
    with suppress(KeyboardInterrupt):
        bot = Bot(chosen.host, chosen.port, chosen.name, thoughtful, token_file=TOKEN_FILE)
        bot.run(lambda exchange: print(f"{exchange.heard.text}\n> {exchange.reply}"))
