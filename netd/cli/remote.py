"""The command line's ways to a daemon that stay open or lead elsewhere: subscriptions, and the gateway of a context."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from netd.cli.contexts import Context
from netd.client.control import ControlError, ControlTimeout, NotRunning

if TYPE_CHECKING:
    from netd.client.events import Item, Wish
    from netd.client.gateway import Gateway
    from netd.client.subscription import Hooks

__all__ = ["GatewayControl", "GatewayPorts", "SubscriptionPort"]

CHECK_INTERVAL = 0.2
"""Seconds between two looks whether a daemon is still there."""


class SubscriptionPort(Protocol):
    """All that commands know of :class:`netd.client.subscription.Subscription`."""

    def __iter__(self) -> Iterator[Item]: ...
    def take(self, seconds: float) -> Item | None: ...
    def close(self) -> None: ...


class GatewayControl:
    """A gateway in the shape of a control socket."""

    def __init__(self, gateway: Gateway, clock: Callable[[], float], sleep: Callable[[float], object]) -> None:
        self._gateway = gateway
        self._clock = clock
        self._sleep = sleep

    def __enter__(self) -> GatewayControl:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._gateway.close()

    def call(self, method: str, /, **params: Any) -> Any:
        """The result of one operation; see :meth:`netd.client.gateway.Gateway.call`."""
        return self._gateway.call(method, **params)

    def wait_closed(self) -> None:
        """Return once nobody takes connections there any more.

        :raises ControlTimeout: when that takes longer than a call may.
        """
        until = self._clock() + self._gateway.timeout
        while self._clock() < until:
            try:
                self._gateway.call("system.status")
            except NotRunning:
                return
            except ControlError:
                pass  # it is busy ending
            self._sleep(CHECK_INTERVAL)
        raise ControlTimeout(f"netd has not stopped within {self._gateway.timeout:g} s")


def _gateway(context: Context, timeout: float) -> Gateway:
    from netd.client.gateway import Gateway  # noqa: PLC0415 - TLS takes long to import, and all must start fast

    check_token_file(context)
    try:
        return Gateway(context.url, token_file=context.token_file, cafile=context.cafile, timeout=timeout)
    except ValueError as error:
        raise ControlError(f"the context {context.name} cannot be used: {error}") from error


def check_token_file(context: Context) -> None:
    """See to it that nobody else can read the token of *context*, as ssh does with its keys.

    :raises ControlError: when its file is open to others, is no file, or cannot be read; the text says what to do.
    """
    from netd.secrets.private_files import PrivateFileError, read_private  # noqa: PLC0415 - only contexts need it

    if context.token_file is None:
        return
    remedy = f"`netd context remove {context.name}`, then add it with the file that holds its token"
    try:
        read_private(Path(context.token_file), "token", remedy)
    except PrivateFileError as error:
        raise ControlError(f"the token of the context {context.name} is not used: {error}") from error
    except FileNotFoundError as error:
        raise ControlError(f"the token of the context {context.name} is gone: no file {context.token_file}; {remedy}") from error


def _check(context: Context) -> None:
    from netd.client.gateway_access import Access  # noqa: PLC0415 - likewise

    check_token_file(context)
    Access(context.url, token_file=context.token_file, cafile=context.cafile)


def _open_control(context: Context, timeout: float) -> GatewayControl:
    return GatewayControl(_gateway(context, timeout), time.monotonic, time.sleep)


def _subscribe(context: Context, wish: Wish, timeout: float, hooks: Hooks) -> SubscriptionPort:
    gateway = _gateway(context, timeout)
    return gateway.subscribe(wish.pattern, every=wish.every, replay=wish.replay, policy=wish.policy, hooks=hooks)


def _subscribe_locally(path: Path, wish: Wish, timeout: float, hooks: Hooks) -> SubscriptionPort:
    from netd.client.control_subscription import subscribe  # noqa: PLC0415 - only few commands need it, and all must start fast

    return subscribe(path, wish, timeout, hooks=hooks)


@dataclass(frozen=True)
class GatewayPorts:
    """What commands need to reach a daemon in other ways than by calls over its control socket.

    :ivar check: raises ``ValueError`` for a context that can be none, ``ControlError`` for a token that others can read.
    :ivar open_control: from a context and a timeout in seconds.
    :ivar subscribe: from a context, a wish, a timeout in seconds for its answer, and hooks.
    :ivar subscribe_locally: from the path of a control socket instead.
    """

    check: Callable[[Context], None] = _check
    open_control: Callable[[Context, float], GatewayControl] = _open_control
    subscribe: Callable[[Context, Wish, float, Hooks], SubscriptionPort] = _subscribe
    subscribe_locally: Callable[[Path, Wish, float, Hooks], SubscriptionPort] = _subscribe_locally
