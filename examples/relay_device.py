"""A device that answers: ``python relay_device.py [HOST [PORT]]``.

On a Raspberry Pi, copy ``netd/client/relay.py`` beside this file and write ``from relay import Device``: it needs nothing else.
"""

from __future__ import annotations

import logging
import sys

from netd.client.relay import Device


def receive(payload: bytes) -> str:
    """Carry out what a controller asks; what is returned is the answer, what is raised is read by the controller."""
    command = payload.decode()
    if command == "light on":
        return "the light is on"
    raise ValueError(f"I do not know how to {command!r}")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 5050
    with Device(host, port, name="greenhouse") as device:
        device.run(receive)
