"""Two nodes that cannot see each other, and meet again: to be run in a network namespace of its own, with a folder to work in.

Node B and a NATS server of its own are in another namespace, at the other end of two cables: one for the NATS servers, which is
torn, and one for the devices. Prints what became of a name that both nodes have, as JSON.
"""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from netd.client.control import OperationFailed
from tests.cluster.devicebench import Nodes, connected, wait_until
from tests.cluster.nats_server import NatsServer
from tests.debian import program
from tests.process import Daemon

SERVERS = ("10.9.1.1", "10.9.1.2")
DEVICES = ("9.9.2.1", "9.9.2.2")
"""Addresses that only one host has; private ones would not say that a device has moved."""

NATS = """
ping_interval: "500ms"
ping_max: 2
cluster {{ name: lab, listen: "{own}:6222", routes: ["nats://{other}:6222"], pool_size: -1 }}
"""


def ip(*words: str, inside: int | None = None) -> None:
    """Run ip, in the namespace of a process if one is given."""
    prefix = [] if inside is None else ["nsenter", "--target", str(inside), "--net"]
    subprocess.run([*prefix, program("ip"), *words], check=True)


def places(daemon: Daemon) -> list[str]:
    """The nodes that have the device connected, as one of them sees it."""
    return [row["node"] for row in daemon.call("cluster.devices")["rows"] if row["online"]]


def main(folder: Path, cleaning: ExitStack) -> dict[str, Any]:
    """Tear the network, and mend it."""
    folder.mkdir()
    ip("link", "set", "lo", "up")
    away = subprocess.Popen(["unshare", "--net", "sleep", "300"], stdout=subprocess.DEVNULL)
    cleaning.callback(away.wait)
    cleaning.callback(away.kill)
    wait_until(lambda: Path(f"/proc/{away.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink())
    ip("link", "set", "lo", "up", inside=away.pid)
    for cable, addresses in (("servers", SERVERS), ("devices", DEVICES)):
        ip("link", "add", cable, "type", "veth", "peer", "name", cable, "netns", str(away.pid))
        for address, inside in zip(addresses, (None, away.pid), strict=True):
            ip("address", "add", f"{address}/24", "dev", cable, inside=inside)
            ip("link", "set", cable, "up", inside=inside)
    there = ("nsenter", "--target", str(away.pid), "--net")
    near = NatsServer(folder / "near", NATS.format(own=SERVERS[0], other=SERVERS[1]))
    cleaning.callback(near.end)
    far = NatsServer(folder / "far", NATS.format(own=SERVERS[1], other=SERVERS[0]), prefix=there)
    cleaning.callback(far.end)
    nodes = Nodes(folder, "")
    cleaning.callback(nodes.end)
    a = nodes.start("A", f"tcp:5050:interface={DEVICES[0]}", near.url)
    b = nodes.start("B", f"tcp:5050:interface={DEVICES[1]}", far.url, there)
    states = ("here", "there")
    wait_until(lambda: tuple(node["state"] for node in a.call("cluster.nodes")) == states)

    for address, inside in zip(reversed(SERVERS), (None, away.pid), strict=True):
        ip("route", "add", "blackhole", f"{address}/32", inside=inside)
    wait_until(lambda: all("gone" in [node["state"] for node in one.call("cluster.nodes")] for one in (a, b)))
    cut = [0, 0]
    devices = []
    for at, (host, name) in enumerate(zip(DEVICES, "AB", strict=True)):

        def lost(at: int = at) -> None:
            cut[at] += 1

        answer = f"from {name}".encode()
        devices.append(connected(host, 5050, "greenhouse", lambda _, answer=answer: answer, lost))  # type: ignore[misc]
    for address, inside in zip(reversed(SERVERS), (None, away.pid), strict=True):
        ip("route", "delete", "blackhole", f"{address}/32", inside=inside)

    wait_until(lambda: places(a) == places(b) == ["A", "B"])
    told: dict[str, Any] = {"met": {"A": places(a), "B": places(b)}, "refusal": "", "cut": list(cut)}
    try:
        a.call("relay.send", target="greenhouse", text="x")
    except OperationFailed as error:
        told["refusal"] = str(error)
    told["named"] = answer_of(a.call("relay.send", target="greenhouse@B", text="x"))
    again = connected(DEVICES[0], 5050, "greenhouse", lambda _: b"from A again")
    wait_until(lambda: places(a) == places(b) == ["A"])
    told["after"] = answer_of(b.call("relay.send", target="greenhouse", text="x"))
    wait_until(lambda: cut[1] > 0)
    told["replaced"] = cut[1]
    for device in (*devices, again):
        device.close()
    return told


def answer_of(result: dict[str, Any]) -> str:
    """The text of a device's answer."""
    return base64.b64decode(result["answer"]).decode()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("given up"))
    with ExitStack() as stack:
        sys.stdout.write(json.dumps(main(Path(sys.argv[1]), stack)) + "\n")
