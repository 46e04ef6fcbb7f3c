"""Tests of :mod:`netd.client.gateway_asyncio` and :mod:`netd.client.subscription_asyncio`, without a network."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from netd.client import gateway_plan
from netd.client.control import BadAnswer, ControlTimeout, InvalidArguments, Lost, NoSuchTarget, NotPermitted, NotRunning
from netd.client.events import Event, Gap
from netd.client.gateway_access import NotTrusted
from netd.client.gateway_asyncio import AsyncGateway, AsyncSurroundings
from netd.client.subscription import Hooks
from netd.client.subscription_asyncio import AsyncSubscription
from netd.client.websocket import CLOSE, PING, PONG
from netd.codec.websocket import Opcode, frame, text_frame
from tests.client.gateways import UPGRADED, Opener, Streams, response, rpc
from tests.client.test_events import event, params_of, subscribed
from tests.client.test_gateway import messages_in
from tests.client.test_relay_asyncio import JumpingLoop

SECRET = "T0p-5ecret"


class AsyncTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.told: list[Any] = []

    def gateway(self, *streams: Streams | OSError, url: str = "http://lab:8080", **options: Any) -> AsyncGateway:
        """A client of a gateway that says what is in *streams*, one for each connection."""
        self.opener = Opener(*streams)
        self.streams = [one for one in streams if isinstance(one, Streams)]
        surroundings = AsyncSurroundings(self.opener, chance=lambda: 1.0, random_bytes=bytes)
        return AsyncGateway(url, surroundings=surroundings, **{"timeout": 3.0, **options})

    def run_in_loop(self, act: Coroutine[Any, Any, Any]) -> Any:
        """What *act* returns."""
        with asyncio.Runner(loop_factory=JumpingLoop) as runner:
            return runner.run(act)

    def raises(self, error: type[Exception], act: Coroutine[Any, Any, Any]) -> Exception:
        """What *act* raises."""
        with self.assertRaises(error) as caught:
            self.run_in_loop(act)
        return caught.exception


class CallTests(AsyncTests):
    def test_call(self) -> None:
        """An operation is asked for by name, with the token, which is in no repr."""
        gateway = self.gateway(Streams(rpc(1, ["a"])[:30], rpc(1, ["a"])[30:]), token=SECRET)
        self.assertEqual(self.run_in_loop(gateway.call("relay.send", target="x")), ["a"])
        head, _, body = self.streams[0].sent.partition(b"\r\n\r\n")
        self.assertIn(f"Authorization: Bearer {SECRET}".encode(), head)
        self.assertEqual(json.loads(body), {"jsonrpc": "2.0", "id": 1, "method": "relay.send", "params": {"target": "x"}})
        self.assertNotIn(SECRET, repr(gateway))

    def test_kept(self) -> None:
        """The next call takes the same connection, unless it is old, or netd has hung up; closing the client closes it."""

        async def calls() -> None:
            gateway = self.gateway(Streams(rpc(1), True, rpc(2)), Streams(rpc(3), True), Streams(rpc(4), True))
            first, second, third = self.streams
            await gateway.call("x")
            await gateway.call("x")
            self.assertEqual(len(self.opener.asked), 1)
            await gateway.call("x")  # the first has come to its end
            self.assertTrue(first.is_closed)
            self.patch(gateway_plan, "IDLE", 0.0)
            await gateway.call("x")
            self.assertEqual((second.is_closed, third.is_closed), (True, False))
            await gateway.close()
            self.assertTrue(third.is_closed)

        self.run_in_loop(calls())

    def test_few_are_kept(self) -> None:
        """Of many calls at a time a few leave their connection for the next ones."""

        async def calls() -> None:
            gateway = self.gateway(*[Streams(rpc(number), True) for number in range(1, 11)])
            await asyncio.gather(*[gateway.call("x") for _ in range(10)])
            self.assertEqual(sum(not one.is_closed for one in self.streams), gateway_plan.MOST_IDLE)
            await gateway.close()
            self.assertTrue(all(one.is_closed for one in self.streams))

        self.run_in_loop(calls())

    def test_other_loop(self) -> None:
        """A client may be used in one event loop after the other: a connection belongs to one."""
        gateway = self.gateway(Streams(rpc(1), True), Streams(rpc(2), True))
        self.run_in_loop(gateway.call("x"))
        self.run_in_loop(gateway.call("x"))
        self.run_in_loop(gateway.close())
        self.assertEqual(len(self.opener.asked), 2)

    def test_errors(self) -> None:
        """Errors are of the same classes as those of the blocking client."""
        broken = Streams()
        broken.breaks = BrokenPipeError(32, "Broken pipe")
        for stream, error in (
            (Streams(rpc(1, code=-32001, message="none")), NoSuchTarget),
            (Streams(response(b"", "401 Unauthorized")), NotPermitted),
            (Streams(rpc(9)), BadAnswer),
            (Streams(b"HTTP/1.1"), Lost),
            (Streams(ConnectionResetError(104, "reset")), Lost),
            (broken, Lost),
            (ConnectionRefusedError(111, "Connection refused"), NotRunning),
        ):
            self.raises(error, self.gateway(stream).call("x"))

    def test_timeout(self) -> None:
        """A call is not waited for longer than was said, connecting included."""
        for stream in (Streams(None), TimeoutError()):
            self.raises(ControlTimeout, self.gateway(stream, timeout=0.01).call("x"))

    def test_tls(self) -> None:
        """With https the certificate is checked against the host, always."""
        gateway = self.gateway(Streams(rpc(1)), url="https://lab")
        self.run_in_loop(gateway.call("x"))
        [(host, port, context)] = self.opener.asked
        self.assertEqual((host, port, context.check_hostname), ("lab", 443, True))
        self.raises(NotTrusted, self.gateway(url="https://lab", cafile="/nowhere").call("x"))

    def test_closed(self) -> None:
        """After close there are no more calls, and one that waits for its answer ends."""

        async def act() -> None:
            async with self.gateway(Streams(None), Streams(rpc(2))) as gateway:
                waiting = asyncio.ensure_future(gateway.call("x"))
                await asyncio.sleep(0.01)
                await gateway.close()
                with self.assertRaises(Lost):
                    await waiting
                with self.assertRaises(Lost):
                    await gateway.call("x")

        self.run_in_loop(act())


LIVE = UPGRADED + text_frame(subscribed(1, "c:0"))


class SubscriptionTests(AsyncTests):
    def subscription(self, *streams: Streams | OSError, **options: Any) -> AsyncSubscription:
        """A subscription at a gateway that says so."""
        hooks = Hooks(lambda: self.told.append("connected"), lambda reason, delay: self.told.append((reason, delay)))
        return self.gateway(*streams, **options).subscribe("a.>", hooks=hooks)

    def take(self, subscription: AsyncSubscription, items: int) -> list[Any]:
        """So many items; then it is closed."""

        async def act() -> list[Any]:
            taken = []
            async with subscription:
                async for item in subscription:
                    taken.append(item)
                    if len(taken) == items:
                        await subscription.close()
            return taken

        found: list[Any] = self.run_in_loop(act())
        return found

    def test_goes_on(self) -> None:
        """A lost connection is made again, with the token, and what was missed comes; losses are told."""
        first = Streams(LIVE + text_frame(event(1)) + frame(Opcode.PING, b"p") + frame(Opcode.CLOSE, b"\x03\xe9"))
        second = Streams(
            UPGRADED + text_frame(subscribed(3, "c:3", 1, {"from": 2, "to": 2})), text_frame(event(3)), text_frame(event(4))
        )
        subscription = self.subscription(first, ConnectionRefusedError(111, "Connection refused"), second, token=SECRET)
        self.assertEqual(
            self.take(subscription, 4),
            [Event("a.b", 1, 5.0, 1), Gap(2, 2), Event("a.b", 1, 5.0, 3), Event("a.b", 1, 5.0, 4)],
        )
        self.assertEqual([one if isinstance(one, str) else one[1] for one in self.told], ["connected", 2.0, 4.0, "connected"])
        head, _, rest = second.sent.partition(b"\r\n\r\n")
        self.assertIn(SECRET.encode(), head)
        self.assertEqual(params_of(messages_in(rest)[0][1])["since"], "c:1")
        heard = messages_in(first.sent.partition(b"\r\n\r\n")[2])
        self.assertEqual(heard[1:], [(PONG, b"p"), (CLOSE, b"\x03\xe9"), (CLOSE, b"\x03\xe8")])
        self.assertTrue(first.is_closed and second.is_closed)

    def test_never_connected(self) -> None:
        """Where there never was a connection, the error is raised; so is a refusal, at any time."""
        self.raises(NotRunning, anext(self.subscription(ConnectionRefusedError(111, "no"))))  # type: ignore[arg-type]
        refusal = json.dumps({"jsonrpc": "2.0", "id": 2, "error": {"code": -32602, "message": "pattern: no"}}).encode()
        subscription = self.subscription(Streams(LIVE), Streams(UPGRADED + text_frame(refusal)))
        self.raises(InvalidArguments, anext(subscription))  # type: ignore[arg-type]

    def test_no_answer(self) -> None:
        """A server that says nothing is given up, in the handshake and after it."""
        for stream in (Streams(None), Streams(UPGRADED, None)):
            subscription = self.subscription(stream, timeout=0.01)
            self.raises(ControlTimeout, anext(subscription))  # type: ignore[arg-type]
            self.assertTrue(stream.is_closed)

    def test_waiting_for_a_while(self) -> None:
        """Who waits no longer than so many seconds loses nothing, connected or not."""
        streams = Streams(UPGRADED, None)
        late = Streams(UPGRADED + text_frame(subscribed(2, "c:0")), text_frame(event(1)))

        async def act() -> Any:
            async with self.subscription(streams, late) as subscription:
                with self.assertRaises(TimeoutError):
                    await asyncio.wait_for(anext(subscription), 0.01)
                self.assertTrue(streams.is_closed)
                return await asyncio.wait_for(anext(subscription), 5)

        self.assertEqual(self.run_in_loop(act()), Event("a.b", 1, 5.0, 1))

    def test_silence(self) -> None:
        """A silent server is pinged, and given up when it stays silent."""
        streams = Streams(LIVE, None)

        async def act() -> None:
            subscription = self.subscription(streams)
            waiting = asyncio.ensure_future(anext(subscription))  # type: ignore[arg-type]
            while not any(isinstance(one, tuple) for one in self.told):
                await asyncio.sleep(0.005)
            await subscription.close()
            with self.assertRaises(StopAsyncIteration):
                await waiting

        self.run_in_loop(act())
        self.assertEqual(self.told[1][0], "netd has gone silent")
        self.assertIn((PING, b""), messages_in(streams.sent.partition(b"\r\n\r\n")[2]))

    def test_closed(self) -> None:
        """Closing from another task ends the iteration, also that of a client that is closed as a whole."""

        async def act() -> None:
            gateway = self.gateway(Streams(LIVE, None))
            subscription = gateway.subscribe("a.>")
            waiting = asyncio.ensure_future(anext(subscription, "over"))  # type: ignore[arg-type]
            await asyncio.sleep(0.01)
            await gateway.close()
            self.assertEqual(await waiting, "over")

        self.run_in_loop(act())

    def test_closed_while_it_waits_to_try_again(self) -> None:
        """Closing does not wait for the next attempt."""

        async def act() -> None:
            subscription = self.subscription(Streams(LIVE))
            waiting = asyncio.ensure_future(anext(subscription, "over"))  # type: ignore[arg-type]
            await asyncio.sleep(0.01)
            await subscription.close()
            self.assertEqual(await asyncio.wait_for(waiting, 5), "over")

        self.run_in_loop(act())
