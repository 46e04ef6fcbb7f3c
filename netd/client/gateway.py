"""The gateway's client for programs that block: any operation of netd from anywhere, and the events of its bus.

    with Gateway("http://lab:8080", token_file="lab.token") as gateway:
        print(gateway.call("relay.send", target="greenhouse", text="water"))
        for item in gateway.subscribe("session.>", every=0.5):
            print(item)

What goes over the wire is in ``docs/protocols/gateway.md``; the errors are those of :mod:`netd.client.control`, for operations
have the same codes everywhere.
"""

from __future__ import annotations

from typing import Any

from netd.client.events import DROP_OLDEST, Dropped, Event, Gap, Item, Stream, Wish
from netd.client.gateway_access import NotTrusted
from netd.client.gateway_plan import GatewayProgram
from netd.client.subscription import Hooks, Subscription
from netd.client.way_sockets import Blocking, SocketWay, Surroundings, carry_out

__all__ = ["Dropped", "Event", "Gap", "Gateway", "Hooks", "Item", "NotTrusted", "Subscription", "Surroundings"]


class Gateway(GatewayProgram[SocketWay], Blocking):
    """A gateway of netd. Connections are made when they are needed.

    Calls may be made from several threads at once; each subscription is used by one thread, over a connection of its own.
    """

    _subscriptions: tuple[Subscription, ...] = ()

    def close(self) -> None:
        """Hang up for good, from any thread: subscriptions end, calls raise ``Lost``."""
        super().close()
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
        fold: bool = False,
        together: bool = False,
        hooks: Hooks = Hooks(),  # noqa: B008 - a tuple of functions: it does not change
    ) -> Subscription:
        """The events of all subjects that match *pattern*: an iterator, see :class:`netd.client.subscription.Subscription`.

        :param pattern, every, replay, policy, fold, together: see :class:`netd.client.events.Wish`.
        :param hooks: told when the connection comes and goes.
        """
        way, stream = SocketWay(self._surroundings), Stream(Wish(pattern, every, replay, policy, fold, together))
        subscription = Subscription(way, stream, lambda: self._plan.open_websocket(way, self.timeout), self.timeout, hooks)
        self._subscriptions = (*(one for one in self._subscriptions if not one.is_closed), subscription)
        return subscription
