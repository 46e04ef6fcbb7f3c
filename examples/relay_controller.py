"""Send to each device and read what became of it: ``python relay_controller.py [HOST [PORT]]``."""

from __future__ import annotations

import sys

from netd.client.relay import Controller

if __name__ == "__main__":
    host = sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1"
    port = int(sys.argv[2]) if len(sys.argv) > 2 else 5050
    with Controller(host, port) as controller:
        for device in controller.devices():
            outcome = controller.send(device, "light on", deadline=2.5)
            print(f"{device}: {outcome.status} {outcome.answer.decode(errors='replace')}{outcome.error}")
