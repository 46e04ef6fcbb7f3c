"""An agent with two channels: ``python session_agent.py [HOST]``; then ``netd session start 127.0.0.1``.

On a Raspberry Pi, put the file that ``netd client session > session.py`` makes beside this one and write
``from session import Agent, Channel``: it needs nothing else.
"""

from __future__ import annotations

import argparse
import logging
import os
import random
from contextlib import suppress

from netd.client.session import Agent, Channel


def heart_rate() -> float:
    """A value that is measured whenever it is asked for."""
    return round(random.gauss(70, 3), 1)


def load() -> float:
    """Another one: how busy this machine is."""
    return os.getloadavg()[0]


TOKEN_FILE = os.environ.get("NETD_TOKEN_FILE")  # where `access` of the section wants a token: `netd token add`

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Be an agent with two channels.")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="the address to listen on [default: %(default)s]")
    where = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    channels = {"heart": Channel(heart_rate, "Heart rate", "bpm"), "load": Channel(load, "Load", every=1.0)}
    with suppress(KeyboardInterrupt), Agent(channels, host=where.host, token_file=TOKEN_FILE) as agent:
        agent.run()
