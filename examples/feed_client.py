"""Collect blocks of three names and report them: ``python feed_client.py [HOST [PORT]]``.

On another machine, put the file that ``netd client feed > feed.py`` makes beside this one and write ``from feed import Feed``: it
needs nothing else.
"""

from __future__ import annotations

import argparse
import logging
import os
from contextlib import suppress

from netd.client.feed import Feed

TOKEN_FILE = os.environ.get("NETD_TOKEN_FILE")  # where `access` of the section wants a token: `netd token add`

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Collect blocks of three names and report them.")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="where the feed is [default: %(default)s]")
    parser.add_argument("port", nargs="?", default=8000, type=int, help="its port [default: %(default)s]")
    where = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with (
        suppress(KeyboardInterrupt),
        Feed(where.host, where.port, types=["name"], name="client-1", token_file=TOKEN_FILE) as feed,
    ):
        for block in feed.blocks(3):
            print(f"block {block.number} in {block.seconds:.2f} s: {', '.join(sample.value for sample in block.samples)}")
