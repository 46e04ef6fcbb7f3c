"""Collect blocks of three names and report them: ``python feed_client.py [HOST [PORT]]``.

On another machine, copy ``netd/client/feed.py`` beside this file and write ``from feed import Feed``: it needs nothing else.
"""

from __future__ import annotations

import logging
import sys

from netd.client.feed import Feed

if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 8000
    with Feed(host, port, types=["name"], name="client-1") as feed:
        for block in feed.blocks(3):
            print(f"block {block.number} in {block.seconds:.2f} s: {', '.join(sample.value for sample in block.samples)}")
