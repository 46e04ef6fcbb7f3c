"""A power supply that speaks SCPI over TCP, with a load of 20 Ω: what the tutorial of a lab instrument dials."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable

__all__ = ["PowerSupply"]


class PowerSupply(socketserver.ThreadingTCPServer):
    """The instrument, on a free port of loopback.

    :ivar volts: what it was set to.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.volts = 5.0
        self.answers: dict[str, Callable[[], str]] = {
            "*IDN?": lambda: "ACME,PS-30,0042,1.3",
            "VOLT?": lambda: f"{self.volts:.3f}",
            "MEAS:VOLT?": lambda: f"{self.volts:.3f}",
            "MEAS:CURR?": lambda: f"{self.volts / 20:.3f}",
        }
        self._thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Switch it off."""
        self.shutdown()
        self.server_close()
        self._thread.join()


class _Talk(socketserver.StreamRequestHandler):
    server: PowerSupply

    def handle(self) -> None:
        """Answer questions, and obey ``VOLT NUMBER``."""
        for line in self.rfile:
            text = line.decode("ascii").strip()
            if text in self.server.answers:
                self.wfile.write(self.server.answers[text]().encode("ascii") + b"\n")
            elif text.startswith("VOLT "):
                self.server.volts = float(text.removeprefix("VOLT "))
