"""Send to each device and read what became of it: ``python relay_controller.py [HOST [PORT]]``."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress

from netd.client.relay import Controller

TOKEN_FILE = os.environ.get("NETD_TOKEN_FILE")  # where `access` of the section wants a token: `netd token add`

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Send to each device and read what became of it.")
    parser.add_argument("host", nargs="?", default="127.0.0.1", help="where the relay is [default: %(default)s]")
    parser.add_argument("port", nargs="?", default=5050, type=int, help="the relay's port [default: %(default)s]")
    where = parser.parse_args()
    with suppress(KeyboardInterrupt), Controller(where.host, where.port, token_file=TOKEN_FILE) as controller:
        for device in controller.devices():
            outcome = controller.send(device, "light on", deadline=2.5)
            print(f"{device}: {outcome.status} {outcome.answer.decode(errors='replace')}{outcome.error}")
