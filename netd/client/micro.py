"""netd for microcontrollers: a device of the relay, and an agent that streams measurements.

It runs on MicroPython, on CircuitPython (with ``pool``, the program's ``SocketPool``), and on Python 3.7 and newer. Make a device
or an agent, and call its ``poll()`` again and again in the program's loop.

A poll returns at once, but for two cases: while it connects, the connection and its TLS may take ``timeout`` seconds each; and if
netd reads nothing, so may writing. After a failure it connects again, at most once in a pause that grows from 1 s to 15 s, and to
twice of that by chance. On MicroPython, a poll without news allocates no memory.

The file is made for boards with little memory: netd_micro.py is less than 4 KB when mpy-cross has compiled it. It imports nothing
of netd. MicroPython has no ``typing``, so annotations are texts.
"""

import json
import os
import time
from typing import TYPE_CHECKING

try:
    import socket
except ImportError:  # CircuitPython
    socket = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator
    from typing import Any

PAUSE = 1000
"""Milliseconds before the second attempt. All other pauses are multiples of it."""

_ticks = getattr(time, "ticks_ms", None) or (lambda: time.monotonic_ns() // 1000000)
_since = getattr(time, "ticks_diff", None) or (lambda now, then: now - then)  # MicroPython's ticks overflow


def _attempt(call: "Callable[..., Any]", view: "memoryview | None" = None) -> "Any":
    """Call a method of a socket. Return None if it would have to wait."""
    try:
        return call(view) if view else call()
    except OSError as error:
        if error.args[0] not in (2, 3, 11, 35, 10035):  # the first two are those of TLS in Python
            raise


def _encode(text: "bytes | str | float") -> bytes:
    return str(text).encode() if isinstance(text, (str, int, float)) else text


def _frame(payload: "bytes | str | float") -> bytes:
    payload = _encode(payload)
    return b"%-64d" % len(payload) + payload


class _Wire:
    """A connection that never waits for bytes.

    :ivar got: how many bytes are here of those that were asked for.
    :ivar heard: the time at which the last bytes came.
    """

    def __init__(self, sock: "Any", size: int, timeout: float) -> None:
        sock.setblocking(False)
        self.close = sock.close
        # MicroPython has readinto, which returns None where recv_into raises an exception, and its TLS has nothing else.
        is_stream = hasattr(sock, "readinto")
        self._read = sock.readinto if is_stream else sock.recv_into
        self._send = sock.write if is_stream else sock.send
        self._view = memoryview(bytearray(size))
        self._timeout = timeout * 1000
        self.heard = _ticks()
        self.ask(0)

    def ask(self, want: int) -> None:
        """Wait for *want* bytes next. If the buffer is too small for them, they are read and dropped."""
        self._want = want
        self._space = self._view[:want]
        self.got = 0

    def is_complete(self) -> bool:
        """Read what has come. Return whether all bytes are here that were asked for."""
        while self.got < self._want:
            count = _attempt(self._read, self._space)
            if count is None:
                return False
            if not count:
                raise OSError("netd hung up")
            self.heard = _ticks()
            self.got += count
            begin = self.got if self._want <= len(self._view) else 0
            self._space = self._view[begin : begin + self._want - self.got]
        return True

    def content(self) -> bytes:
        """Return the bytes that are here."""
        return bytes(self._view[: self.got])

    def write(self, text: "bytes | str") -> None:
        """Write all of *text*."""
        rest = memoryview(_encode(text))
        begun = _ticks()
        while rest:
            count = _attempt(self._send, rest)
            if count:
                rest = rest[count:]
            elif _since(_ticks(), begun) > self._timeout:
                raise OSError("netd reads nothing")
            else:
                time.sleep(0.01)


class _Client:
    """What a device and an agent have in common.

    :ivar is_connected: whether netd has accepted it.
    :ivar error: the reason of the last failure.
    """

    is_connected = False
    error = ""
    _silence = 0
    _live: "Callable[[], Iterator[None]]"
    _life: "Any" = None
    _wire: "Any" = None
    _wait = 0

    def __init__(self, tls: "Any", timeout: float, pool: "Any") -> None:
        self._tls = tls
        self._timeout = timeout
        self._pool = pool or socket
        self._failed = _ticks()
        self._pause = PAUSE

    def poll(self) -> bool:
        """Do what there is to do now. Return whether netd has accepted this client."""
        try:
            if self._life is None and _since(_ticks(), self._failed) >= self._wait:
                self._life = self._live()
            if self._life:
                next(self._life)
        except (OSError, ValueError) as error:
            self.close()
            self.error = str(error).strip()  # MicroPython's TLS puts newlines around its words
            self._failed = _ticks()
            pause = min(self._pause, 15 * PAUSE)
            self._wait = self._pause + pause * os.urandom(1)[0] // 256
            self._pause = min(2 * pause, 15 * PAUSE)
        return self.is_connected

    def close(self) -> None:
        """Close the connection. Another poll opens a new one."""
        if self._wire:
            self._wire.close()
        self._wire = self._life = None
        self.is_connected = False

    def _say(self, text: "bytes | str") -> bool:
        try:
            if self.is_connected:
                self._wire.write(text)
                return True
        except OSError:  # a part may have been written: the next poll finds the connection closed
            self._wire.close()
        return False

    def _dial(self, host: str, port: int, size: int) -> None:
        place = self._pool.getaddrinfo(host, port)[0]
        sock = self._pool.socket(place[0])
        try:
            sock.settimeout(self._timeout)
            sock.connect(place[-1])
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_hostname=host)
            self._wire = _Wire(sock, size, self._timeout)
        except Exception:
            sock.close()
            raise


class Device(_Client):
    """A device of a relay.

    :param name: what others call it.
    :param receive: called with each payload, as bytes. Its result (bytes, text, a number or None) is the answer. The text of
        an exception is the error that the sender gets.
    :param token: what ``netd token add NAME --device`` has printed.
    :param tls: a context of TLS, such as ``ssl.SSLContext``.
    :param most: bytes of the longest payload, at least 1024. A longer one is refused.
    :param ping: seconds between two signs of life that netd is asked for. If three are missing, the connection is given up.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one for each thing that can be chosen
        self,
        host: str,
        port: int,
        name: str,
        receive: "Callable[[bytes], bytes | str | float | None]",
        token: "str | None" = None,
        tls: "Any" = None,
        most: int = 1024,
        ping: int = 15,
        timeout: float = 5,
        pool: "Any" = None,
    ) -> None:
        super().__init__(tls, timeout, pool)
        self._place = host, port, max(most, 1024)
        self._hello = _frame("device " + json.dumps({"name": name, "token": token, "ping": ping}))
        self._receive = receive
        self._ping = ping

    def say(self, payload: "bytes | str", event: "str | None" = None) -> bool:
        """Publish news, which answer nothing. Return whether there was a connection."""
        return self._say(_frame(json.dumps({"event": event} if event else {})) + _frame(payload))

    def _live(self) -> "Iterator[None]":
        self._dial(*self._place)
        wire = self._wire
        wire.write(self._hello)
        self._silence = 3000 * self._ping
        while True:
            text = yield from self._read(int((yield from self._read(64))))
            if text[:1] == b"|":  # |error: ...|, for an address that may not connect
                raise OSError(text.decode())
            size = int((yield from self._read(64)))
            payload = yield from self._read(size)
            envelope = json.loads(text)
            status = envelope.get("status")
            if "id" in envelope:
                wire.write(self._answer(envelope["id"], payload, size))
                yield
            elif status == "welcome":
                self.is_connected = True
                self._pause = PAUSE
                self._silence = 3000 * envelope.get("ping", 0)
            elif status == "error":
                if "replaced" in envelope:
                    self._pause = 15 * PAUSE
                if "denied" in envelope:
                    self._pause = 60 * PAUSE
                raise OSError(envelope["error"])

    def _read(self, size: int) -> "Generator[None, None, bytes]":
        wire = self._wire
        wire.ask(size)
        while not wire.is_complete():
            if self._silence and _since(_ticks(), wire.heard) > self._silence:
                raise OSError("netd is silent")
            yield
        return wire.content()  # type: ignore[no-any-return]

    def _answer(self, number: int, payload: bytes, size: int) -> bytes:
        head = {"id": number, "status": "acknowledged"}
        try:
            if size > len(payload):
                raise ValueError(f"more than {len(payload)} bytes")
            content = self._receive(payload)
            answer = _frame(b"" if content is None else content)
        except Exception as error:
            head = {"id": number, "status": "failed", "error": str(error) or repr(error)}
            answer = _frame(b"")
        return _frame(json.dumps(head)) + answer


class Agent(_Client):
    """An agent of telemetry sessions: netd dials it (``netd session start``), and it sends its samples to netd.

    :param channels: by name: a function that returns a number, or None for no sample this time; the milliseconds between two
        samples; a label; a unit.
    :param port: where netd dials.
    :param server_port: the port of netd that samples are sent to.
    :param name: what the agent is called in subjects. An agent without a name is called by its host.
    :param token: what ``netd token add NAME --agent`` has printed.
    :param tls: a context of TLS, such as ``ssl.SSLContext``.
    """

    _listener: "Any" = None
    _control: "Any" = None

    def __init__(
        self,
        channels: "dict[str, tuple[Callable[[], float | None], int, str, str]]",
        port: int = 10001,
        server_port: int = 10000,
        name: "str | None" = None,
        token: "str | None" = None,
        tls: "Any" = None,
        timeout: float = 5,
        pool: "Any" = None,
    ) -> None:
        super().__init__(tls, timeout, pool)
        self._channels = channels
        self._place = "0.0.0.0", port  # noqa: S104 - netd is another machine
        self._server_port = server_port
        described = {channel: {"label": one[2], "unit": one[3]} for channel, one in channels.items()}
        self._hello: dict[str, Any] = {"name": name, "token": token, "channels": described}

    def say(self, name: str, value: float) -> bool:
        """Send a sample now. Return whether there is a session."""
        return self._say(f"{name} {value}\n")

    def close(self) -> None:
        super().close()
        for one in (self._control, self._listener):
            if one:
                one.close()
        self._control = self._listener = None

    def _live(self) -> "Iterator[None]":
        pool = self._pool
        place = pool.getaddrinfo(*self._place)[0]
        self._listener = listener = pool.socket(place[0])
        listener.setsockopt(pool.SOL_SOCKET, pool.SO_REUSEADDR, 1)
        listener.bind(place[-1])
        listener.listen(1)
        listener.setblocking(False)
        self._pause = PAUSE
        while True:
            dialled = _attempt(listener.accept)
            if dialled:
                break
            asked = _ticks()
            while _since(_ticks(), asked) < 50:  # each exception of accept is memory
                yield
        self._control = control = _Wire(dialled[0], 16, self._timeout)
        control.ask(16)
        while not control.got or _since(_ticks(), control.heard) < 50:  # only silence ends the number
            if control.is_complete() or _since(_ticks(), control.heard) > 10000:
                raise OSError("no session id")
            yield
        self._hello["session"] = int(control.content())
        self._dial(dialled[1][0], self._server_port, 256)
        yield from self._stream()

    def _stream(self) -> "Iterator[None]":
        control, data = self._control, self._wire
        data.write(json.dumps(self._hello) + "\n")
        control.ask(16)
        data.ask(256)
        self.is_connected = True
        plan = [[_ticks() - one[1], name, one[0], one[1]] for name, one in self._channels.items()]
        while True:
            control.is_complete()
            if control.got:
                if b"stop" in control.content():
                    self._pause = 0
                    raise OSError("netd said stop")
                control.ask(16)
            data.is_complete()
            if data.got:
                raise OSError(data.content().decode())
            lines = self._samples(plan)
            if lines:
                data.write(lines)
            yield

    def _samples(self, plan: "list[list[Any]]") -> str:
        """Return a line for each channel that is due. After a delay, no sample is made up for.

        :param plan: when each channel was due last, its name, its function, and the milliseconds between two samples.
        """
        lines = ""
        for one in plan:
            late = _since(_ticks(), one[0]) - one[3]
            if late >= 0:
                one[0] = _ticks() - late % one[3]
                try:
                    value = one[2]()
                    if value is not None:
                        lines += f"{one[1]} {value}\n"
                except Exception as error:
                    self.error = f"{one[1]}: {error}"
        return lines
