"""Tests of :mod:`netd.client.room`: a bot over a socket that is not there, and the characters."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from netd.client.room import BAD, CHARACTERS, GOOD, Bot, Exchange, Heard, NotConnected, Refused, Surroundings
from netd.client.room_characters import gerund
from netd.client.room_plan import Ear, check_name, reply_bytes
from tests.client.sockets import MemorySocket, waiter

WELCOME = b"\nBot: Lars has been sucessfully connected\n4/4 bots have been connected soo far\n \nwaiting...."
CONFIRMATION = b"This clients response has been sendt to the server\n"


class FakeSocket(MemorySocket):
    """A connection on which the server's segments come one after the other; None is a silence, and after them is its end.

    :ivar said: what the bot has sent, call by call.
    """

    def __init__(self, *segments: bytes | OSError | None) -> None:
        super().__init__()
        self._segments = list(segments)
        self.said: list[bytes] = []
        self.when_read: Any = None

    def wait(self, seconds: float | None, is_writing: bool) -> bool:
        """A silence is heard where there is an end to waiting."""
        is_silent = bool(self._segments) and self._segments[0] is None
        if is_silent:
            del self._segments[0]
        return not is_silent or seconds is None

    def recv(self, _size: int) -> bytes:
        """The next segment."""
        if self.when_read is not None:
            self.when_read()
        while self._segments:
            segment = self._segments.pop(0)
            if isinstance(segment, OSError):
                raise segment
            if segment is not None:
                return segment
        return b""

    def take(self, content: bytes) -> None:
        """Write it down."""
        self.said.append(content)


def echo(name: str, heard: Heard) -> str:
    """A character."""
    return f"{name}: {heard.text}?"


def bot(connection: FakeSocket | OSError, dialect: str = "old", **options: Any) -> Bot:
    """A bot that finds *connection* where it connects to."""

    def connect(host: str, port: int, _seconds: float) -> Any:
        assert (host, port) == ("localhost", 4242)
        if isinstance(connection, OSError):
            raise connection
        return connection

    surroundings = Surroundings(connect, waiter=waiter)
    return Bot("localhost", 4242, "Lars", echo, dialect=dialect, surroundings=surroundings, **options)


class BotTests(SynchronousTestCase):
    def test_old_dialect(self) -> None:
        """Messages end by a silence; name and replies have no end; the end of the connection is the end."""
        opening = b"\nBatman: Do you want to eat?"
        connection = FakeSocket(WELCOME[:9], WELCOME[9:], None, opening, None, b"Ida: no", b"!\n", None, CONFIRMATION)
        heard: list[Exchange] = []
        welcomes: list[str] = []
        with bot(connection, on_welcome=welcomes.append) as lars:
            self.assertEqual(lars.run(heard.append), 3)
        self.assertEqual(lars.welcome, WELCOME.decode().strip())
        self.assertEqual(welcomes, [lars.welcome])
        self.assertEqual(
            connection.said,
            [b"Lars", b"Lars: Batman: Do you want to eat??", b"Lars: Ida: no!?", b"Lars: " + CONFIRMATION.strip() + b"?"],
        )
        self.assertEqual(
            [exchange.heard for exchange in heard],
            [
                Heard("Batman: Do you want to eat?", "Batman", "eat", 0, False),
                Heard("Ida: no!", "Ida", "eat", 1, False),
                Heard(CONFIRMATION.decode().strip(), "", "eat", 2, True),
            ],
        )
        self.assertTrue(connection.is_closed)

    def test_lines(self) -> None:
        """In the newer dialect everything is a line, however it is cut; half a line at the end counts."""
        stream = b"Bot: Lars has been sucessfully connected\nBatman: Do you want to eat?\nIda: no"
        for size in (1, 7, 100):
            connection = FakeSocket(*(stream[i : i + size] for i in range(0, len(stream), size)))
            self.assertEqual(bot(connection, "netd").run(), 2)
            self.assertEqual(connection.said, [b"Lars\n", b"Lars: Batman: Do you want to eat??\n", b"Lars: Ida: no?\n"])

    def test_asked_for_its_name(self) -> None:
        """A server that asks for the name with a word of its own is answered once, and its welcome is the next message."""
        connection = FakeSocket(b"USRNM", None, WELCOME, None, b"\nBatman: Do you want to play?", None, b"")
        with bot(connection) as talker:
            self.assertEqual(talker.run(), 1)
            self.assertTrue(talker.welcome.startswith("Bot: Lars has been"), talker.welcome)

    def test_refused(self) -> None:
        """A server that turns the bot away and hangs up: its words are the error."""
        error = self.assertRaises(Refused, bot(FakeSocket(b"Your name is too long.\n", None)).run)
        self.assertEqual(str(error), "the room refused: Your name is too long.")

    def test_ended_early(self) -> None:
        """A room that ends before it began is no error."""
        self.assertEqual(bot(FakeSocket(WELCOME, None)).run(), 0)

    def test_not_connected(self) -> None:
        """Nobody there, nobody who speaks, or a connection that breaks before the welcome."""
        for connection in (ConnectionRefusedError("refused"), FakeSocket(), FakeSocket(ConnectionResetError("reset"))):
            self.assertRaises(NotConnected, bot(connection).run)

    def test_broken_off(self) -> None:
        """An old server just goes away: once the room has begun, that is its end."""
        connection = FakeSocket(WELCOME, None, b"\nBatman: Do you want to eat?", None, ConnectionResetError("reset"))
        self.assertEqual(bot(connection).run(), 1)

    def test_closed(self) -> None:
        """Closed from elsewhere, before or while it waits, the bot ends without an error."""
        lars = bot(FakeSocket())
        lars.close()
        self.assertRaises(NotConnected, lars.run)
        for segments in ((), (OSError("closed"),), (b"some words", None)):
            connection = FakeSocket(*segments)
            lars = bot(connection)
            connection.when_read = lars.close
            self.assertEqual(lars.run(), 0)

    def test_too_much(self) -> None:
        """A server that never ends a message does not fill the memory."""
        for dialect in ("old", "netd"):
            connection = FakeSocket(WELCOME + b"\n", None, *[b"x" * 60_000] * 4, None)
            self.assertEqual(bot(connection, dialect).run(), 2 if dialect == "old" else 6)

    def test_wrong_arguments(self) -> None:
        """What cannot be is said before anything is sent."""
        for arguments, options in (
            (("h", 0, "Lars"), {}),
            (("h", 1, " "), {}),
            (("h", 1, "La\x07rs"), {}),
            (("h", 1, "x" * 201), {}),
            (("h", 1, "Lars", "cheeky"), {}),
            (("h", 1, "Lars"), {"dialect": "new"}),
        ):
            self.assertRaises(ValueError, Bot, *arguments, **options)


class TextTests(SynchronousTestCase):
    @given(st.text(), st.sampled_from(["old", "netd"]))
    def test_replies(self, reply: str, dialect: str) -> None:
        """Any reply travels as one line that is not empty and that every bot can read at once."""
        sent = reply_bytes(reply, dialect)
        self.assertEqual(sent.count(b"\n"), dialect == "netd")
        self.assertTrue(0 < len(sent.strip()) <= 500)
        sent.decode()

    @given(st.text())
    def test_any_message(self, message: str) -> None:
        """Whatever is heard, each character has an answer."""
        heard = Ear().hear(message)
        for name, character in CHARACTERS.items():
            self.assertTrue(character("Lars", heard).startswith("Lars: "), name)

    def test_names(self) -> None:
        """White space around a name is not part of it."""
        self.assertEqual(check_name(" Åse \n"), "Åse".encode())

    def test_gerund(self) -> None:
        """The bots know their grammar, as far as it goes."""
        words = ("hug", "play", "eat", "shop", "yell", "steal", "fight", "dance", "see")
        said = "hugging playing eating shopping yelling stealing fighting dancing seeing"
        self.assertEqual(" ".join(map(gerund, words)), said)


class CharacterTests(SynchronousTestCase):
    """The four differ, and know good from bad."""

    def test_characters(self) -> None:
        """Each says something of its own to each kind of message."""
        ear = Ear()
        messages = [ear.hear("Batman: Do you want to eat?"), ear.hear("Ida: no"), ear.hear(CONFIRMATION.decode())]
        for heard in messages:
            self.assertEqual(len({character("Lars", heard) for character in CHARACTERS.values()}), 4)
        self.assertEqual(CHARACTERS["happy"]("Lars", messages[0]), "Lars: I think eating sounds great! Awesome!")
        self.assertEqual(CHARACTERS["grumpy"]("Lars", messages[1]), "Lars: Who asked Ida? Again with the eating!")

    def test_good_and_bad(self) -> None:
        """The happy and the grumpy one do not like the same."""

        def opinion(name: str, action: str) -> str:
            said = CHARACTERS[name]("Lars", Ear().hear(f"Batman: {action}?"))
            return re.sub(gerund(action), "…", said, flags=re.IGNORECASE)

        for name in ("happy", "grumpy"):
            good, bad = ({opinion(name, action) for action in actions} for actions in (GOOD, BAD))
            self.assertEqual((len(good), len(bad), good & bad), (1, 1, set()))
