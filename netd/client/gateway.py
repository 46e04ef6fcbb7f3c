"""The gateway's client for programs that block: any operation of netd from anywhere, and the events of its bus.

    with Gateway("http://lab:8080", token_file="lab.token") as gateway:
        print(gateway.call("relay.send", target="greenhouse", text="water"))
        for item in gateway.subscribe("session.>", every=0.5):
            print(item)

What goes over the wire is in ``docs/protocols/gateway.md``; the errors are those of :mod:`netd.client.control`, for operations
have the same codes everywhere.
"""

from __future__ import annotations

import os
from types import TracebackType
from typing import Any

from netd.client.control import MAX_ANSWER
from netd.client.events import DROP_OLDEST, Dropped, Event, Gap, Item, Stream, Wish
from netd.client.gateway_access import DEFAULT_URL, Access, NotTrusted
from netd.client.gateway_plan import GatewayPlan
from netd.client.subscription import Hooks, Subscription
from netd.client.way_sockets import SocketWay, Surroundings, carry_out

__all__ = ["Dropped", "Event", "Gap", "Gateway", "Hooks", "Item", "NotTrusted", "Subscription", "Surroundings"]


class Gateway:
    """A gateway of netd. Connections are made when they are needed.

    Calls may be made from several threads at once; each subscription is used by one thread, over a connection of its own.

    :param url, token, token_file, cafile: see :class:`Access`.
    :param timeout: seconds that a call may take, connecting included; also for the answer to a subscription.
    :param max_answer: bytes of an answer.
    :raises ValueError: as :class:`Access` does.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        token: str | None = None,
        *,
        token_file: str | os.PathLike[str] | None = None,
        cafile: str | os.PathLike[str] | None = None,
        timeout: float = 30.0,
        max_answer: int = MAX_ANSWER,
        surroundings: Surroundings = Surroundings(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> None:
        self._access = Access(url, token, token_file, cafile)
        self.timeout = timeout
        self._surroundings = surroundings
        self._way = SocketWay(surroundings)
        self._plan = GatewayPlan(self._way, self._access, max_answer)
        self._subscriptions: list[Subscription] = []

    def __repr__(self) -> str:
        return f"<Gateway {self._access.address.url}>"

    def __enter__(self) -> Gateway:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Hang up for good, from any thread: subscriptions end, calls raise ``Lost``."""
        self._way.close()
        for subscription in self._subscriptions:
            subscription.close()

    def call(self, method: str, /, **params: Any) -> Any:
        """The result of one operation: plain JSON values.

        :param method: for example ``relay.send``.
        :param params: its arguments by name; ``instance`` is taken by every operation.
        :raises RemoteError: of the class that belongs to the code, when netd answers with an error.
        :raises ControlError: of the class named for what happened, when there is no answer.
        """
        return carry_out(self._plan.call(method, params, self.timeout))

    def subscribe(
        self,
        pattern: str,
        *,
        every: float | None = None,
        replay: int = 0,
        policy: str = DROP_OLDEST,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> Subscription:
        """The events of all subjects that match *pattern*: an iterator, see :class:`netd.client.subscription.Subscription`.

        :param pattern, every, replay, policy: see :class:`netd.client.events.Wish`.
        :param hooks: told when the connection comes and goes.
        """
        way, stream = SocketWay(self._surroundings), Stream(Wish(pattern, every, replay, policy))
        subscription = Subscription(way, stream, lambda: self._plan.open_websocket(way, self.timeout), self.timeout, hooks)
        self._subscriptions = [*(one for one in self._subscriptions if not one.is_closed), subscription]
        return subscription
