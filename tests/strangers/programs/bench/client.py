import json
import random
import socket
import sys
import time


class BenchClient:
    """Client of the lab's bench server. One JSON object per line."""

    def __init__(self, host: str, port: int, device: str):
        self.device = device
        self.sock = socket.create_connection((host, port), timeout=1.5)
        self.file = self.sock.makefile("r", encoding="utf-8")

    def request(self, action: str, **kwargs):
        message = {"action": action, **kwargs}
        self.sock.sendall((json.dumps(message) + "\n").encode("utf-8"))
        line = self.file.readline()
        if not line:
            raise RuntimeError("server closed the connection")
        reply = json.loads(line)
        print(message, "=>", reply)
        if reply.get("status") != "ok":
            raise RuntimeError("server refused: " + line)
        return reply

    def run(self):
        self.request("register", device=self.device, firmware="1.4.2")
        for i in range(5):
            readings = {"volts": round(12 + random.uniform(-0.05, 0.05), 3), "amps": round(random.uniform(0.4, 0.6), 3)}
            self.request("report", readings=readings, output=i % 2 == 0)
            if i == 2:
                reply = self.request("ping", n=i)
                assert reply["n"] == i, reply
            time.sleep(0.08)
        self.request("goodbye")


if __name__ == "__main__":
    try:
        BenchClient(sys.argv[1], int(sys.argv[2]), "psu-3").run()
    except Exception as e:
        print("FAILED:", e)
        sys.exit(1)
