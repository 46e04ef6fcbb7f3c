"""A bot with a character of its own: ``python room_bot.py NAME [HOST [PORT]]``.

It needs nothing but ``netd/client/room.py``: copy that file beside this one and write ``from room import Bot, Heard``.
"""

from __future__ import annotations

import sys

from netd.client.room import Bot, Heard


def thoughtful(name: str, heard: Heard) -> str:
    """Answer what was heard; the first message is the host's, and proposes the action."""
    if heard.turn == 0:
        return f"{name}: To {heard.action}, or not to {heard.action}?"
    return f"{name}: That is well said." if not heard.is_confirmation else f"{name}: I hope that I was understood."


if __name__ == "__main__":
    name = sys.argv[1]
    host = sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1"
    port = int(sys.argv[3]) if len(sys.argv) > 3 else 4242
    Bot(host, port, name, thoughtful).run(lambda exchange: print(f"{exchange.heard.text}\n> {exchange.reply}"))
