"""Subscriptions, and access to daemons on other machines through their gateways."""

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
"""Seconds between two checks whether a daemon has ended."""


class SubscriptionPort(Protocol):
    """The part of :class:`netd.client.subscription.Subscription` that commands use."""

    def __iter__(self) -> Iterator[Item]: ...
    def take(self, seconds: float) -> Item | None: ...
    def close(self) -> None: ...


class GatewayControl:
    """A gateway with the interface of a control socket."""

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
        """Return when the daemon accepts no more connections.

        :raises ControlTimeout: if that takes longer than a call may take.
        """
        until = self._clock() + self._gateway.timeout
        while self._clock() < until:
            try:
                self._gateway.call("system.status")
            except NotRunning:
                return
            except ControlError:
                pass  # the daemon is ending
            self._sleep(CHECK_INTERVAL)
        raise ControlTimeout(f"netd has not stopped within {self._gateway.timeout:g} s")


def _gateway(context: Context, timeout: float) -> Gateway:
    from netd.client.gateway import Gateway  # noqa: PLC0415 - TLS takes long to import, and all must start fast

    check_token_file(context)
    try:
        return Gateway(context.url, timeout=timeout, **_files(context))
    except ValueError as error:
        raise ControlError(f"the context {context.name} cannot be used: {error}") from error


def check_token_file(context: Context) -> None:
    """Check that no other user can read the token of *context*, as ssh does for its keys.

    :raises ControlError: if other users can read its file, or it cannot be read. The message names the remedy.
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
    Access(context.url, **_files(context))


def _files(context: Context) -> dict[str, Any]:
    """The arguments of a client that are paths of files."""
    return {name: getattr(context, name) for name in ("token_file", "cafile", "certificate", "key")}


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
    """The functions for subscriptions and gateways.

    :ivar check: raises ``ValueError`` for an invalid context, and ``ControlError`` for a token that other users can read.
    :ivar open_control: takes a context and a timeout in seconds.
    :ivar subscribe: takes a context, a wish, a timeout in seconds for the answer, and hooks.
    :ivar subscribe_locally: the same with the path of a control socket instead of a context.
    """

    check: Callable[[Context], None] = _check
    open_control: Callable[[Context, float], GatewayControl] = _open_control
    subscribe: Callable[[Context, Wish, float, Hooks], SubscriptionPort] = _subscribe
    subscribe_locally: Callable[[Path, Wish, float, Hooks], SubscriptionPort] = _subscribe_locally
