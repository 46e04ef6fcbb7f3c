"""A network that is torn: to be run in a network namespace of its own, with the folder of the test as its argument.

The first server is in another namespace, at the other end of a cable. Then routes at both ends swallow every packet, while bytes
wait to be sent. Prints, as JSON, whether all was sent to the second server; then the first is in use again.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from netd.cluster.config import Config
from netd.cluster.link import Link
from tests.cluster.loops import LoopReactor
from tests.cluster.nats_server import NatsServer
from tests.debian import program

HERE, THERE = "10.9.1.1", "10.9.1.2"


def ip(*words: str, inside: int | None = None) -> None:
    """Run ip, in the namespace of a process if one is given."""
    prefix = [] if inside is None else ["nsenter", "--target", str(inside), "--net"]
    subprocess.run([*prefix, program("ip"), *words], check=True)


async def main(folder: Path, cleaning: ExitStack) -> dict[str, bool]:
    """Tear the network, and mend it."""
    ip("link", "set", "lo", "up")
    far = NatsServer(folder / "far", host="0.0.0.0", prefix=("unshare", "--net"))
    cleaning.callback(far.end)
    near = NatsServer(folder / "near")
    cleaning.callback(near.end)
    pid = far.program.process.pid
    ip("link", "add", "here", "type", "veth", "peer", "name", "there", "netns", str(pid))
    for name, address, inside in (("here", HERE, None), ("there", THERE, pid)):
        ip("address", "add", f"{address}/24", "dev", name, inside=inside)
        ip("link", "set", name, "up", inside=inside)
    loop = asyncio.get_running_loop()
    link = Link(Config(servers=(f"nats://{THERE}:{far.port}", near.url), node="A"), LoopReactor(loop), time.time)
    link.loop = loop
    link.start()

    async def connected(server: str) -> None:
        async with asyncio.timeout(20):
            while server not in link.server:
                await asyncio.sleep(0.01)

    await connected(THERE)
    await asyncio.sleep(1.2)  # the first answer to a PING
    ip("route", "add", "blackhole", f"{HERE}/32", inside=pid)
    ip("route", "add", "blackhole", f"{THERE}/32")
    for _ in range(100):
        link.post("netd.lab.ev", bytes(50_000))
    await connected("127.0.0.1")
    link.release()
    async with asyncio.timeout(20):
        while link.facts().queue:
            await asyncio.sleep(0.01)
    sent = link.facts().dropped == 0
    ip("route", "delete", "blackhole", f"{THERE}/32")
    ip("route", "delete", "blackhole", f"{HERE}/32", inside=pid)
    near.kill()
    await connected(THERE)
    done = loop.create_future()
    link.stop().addBoth(done.set_result)
    await done
    return {"sent": sent}


if __name__ == "__main__":
    with ExitStack() as stack:
        loop = asyncio.SelectorEventLoop()
        sys.stdout.write(json.dumps(loop.run_until_complete(main(Path(sys.argv[1]), stack))))
