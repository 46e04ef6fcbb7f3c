"""A device that answers: ``python relay_device.py [HOST [PORT]]``.

On a Raspberry Pi, put the file that ``netd client relay > relay.py`` makes beside this one and write
``from relay import Device``: it needs nothing else.
"""

from __future__ import annotations

import argparse
import logging
import os
from contextlib import suppress

from netd.client.relay import Device


def receive(payload: bytes) -> str:
    """Carry out what a controller asks; what is returned is the answer, what is raised is read by the controller."""
    command = payload.decode()
    if command == "light on":
        return "the light is on"
    raise ValueError(f"I do not know how to {command!r}")


TOKEN_FILE = os.environ.get("NETD_TOKEN_FILE")  # where `access` of the section wants a token: `netd token add`

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Be the device greenhouse, and answer.")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="where the relay is [default: %(default)s]")
    parser.add_argument("port", nargs="?", default=5050, type=int, help="the relay's port [default: %(default)s]")
    where = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    with suppress(KeyboardInterrupt), Device(where.host, where.port, name="greenhouse", token_file=TOKEN_FILE) as device:
        device.run(receive)
