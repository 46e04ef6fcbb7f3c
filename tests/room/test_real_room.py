"""Old bots, as processes and as sockets with their habits, in the rooms of a real daemon."""

from __future__ import annotations

import ast
import time

from tests.process import CHECKOUT, LOOPBACK, Daemon, Program, RealTestCase

OLD_BOT = CHECKOUT / "tests" / "legacy" / "old_bot.py"
OLD_CHAT = CHECKOUT / "tests" / "legacy" / "old_chat_client.py"

NAMES = ("Lars", "Ida", "Ola", "Åse")


class OldBotTests(RealTestCase):
    """Unmodified programs."""

    def start_room(self, options: str = "") -> tuple[Daemon, int]:
        """A daemon with rooms, in a hurry unless *options* say otherwise, and their port."""
        options = options or "start_delay = 300ms\nreply_gap = 50ms\nreply_timeout = 1s\n"
        daemon = self.start(self.write_ini(f"[room]\nlisten = {LOOPBACK}\nactions = play\n{options}"))
        return daemon, daemon.port("room")

    def bot(self, port: int, name: str, *cut: float) -> Program:
        """An old bot that has its place."""
        program = self.program(OLD_BOT, "127.0.0.1", port, name, *cut)
        program.wait_for("has been sucessfully connected")
        return program

    def heard(self, bot: Program) -> list[str]:
        """Each message as one ``recv(500)`` gave it; the bot has ended by itself."""
        self.assertEqual(bot.wait(), 0, bot.output)
        *messages, farewell = bot.output.splitlines()
        self.assertEqual(farewell, "bye")
        return [ast.literal_eval(message) for message in messages]

    def test_four_old_bots(self) -> None:
        """Four old bots, one of which replies in pieces, read exactly what the wire page says, one message at a time."""
        _daemon, port = self.start_room()
        bots = [self.bot(port, name, *([0.02] if name == "Ola" else [])) for name in NAMES]
        heard = [self.heard(bot) for bot in bots]
        confirmation = "This clients response has been sendt to the server\n"
        said = [
            "Lars responded: playing it is, I like that! \n",
            "\nIda responded: playing is what I do best!\n",
            "Ola responded: more playing, please",
            "Åse responded: let us play all day! \n",
        ]
        for index, name in enumerate(NAMES):
            self.assertEqual(
                heard[index],
                [
                    f"\nBot: {name} has been sucessfully connected\n{index + 1}/4 bots have been connected soo far\n \n"
                    "waiting for the rest of the bots to be connected before starting the chat room....",
                    "\nBatman: Do you want to play?",
                    *(confirmation if turn == index else said[turn] for turn in range(4)),
                ],
            )

    def test_all_are_heard(self) -> None:
        """With all replies passed on, old bots of one name read what the three others said, in one message a round."""
        options = "start_delay = 300ms\nreply_gap = 50ms\nreply_timeout = 1s\nreplies = all\n"
        daemon, port = self.start_room(options)
        bots = [self.bot(port, "Lars") for _ in NAMES]
        self.assertEqual(
            [bot["name"] for bot in daemon.call("room.list")["rows"][0]["bots"]], ["Lars", "Lars (2)", "Lars (3)", "Lars (4)"]
        )
        said = [
            "Lars responded: playing it is, I like that!",
            "Lars responded: playing is what I do best!",
            "Lars responded: more playing, please",
            "Lars responded: let us play all day!",
        ]
        for bot in bots:
            self.assertEqual(self.heard(bot)[2:6], ["\n".join([words] * 3) for words in said])

    def test_chat(self) -> None:
        """Old chat clients, which wait to be asked for their names, talk in a room without turns beside a bot of lines."""
        _daemon, port = self.start_room("turns = no\nreply_gap = 50ms\nask_name = USRNM\n")
        line = self.connect(port).makefile("rw", encoding="utf-8", newline="\n")
        line.write("Nova\n")
        line.flush()
        self.assertIn("USRNM", line.readline())
        reader = self.program(OLD_CHAT, "127.0.0.1", port, "Ida", *["…"] * 6)
        reader.wait_for("has been sucessfully connected")
        talker = self.program(OLD_CHAT, "127.0.0.1", port, "Lars", "hello", "again")
        talker.wait_for("bye")
        said = [line.readline() for _ in range(5)]
        self.assertEqual([words for words in said if "Lars" in words], ["Lars: hello\n", "Lars: again\n"])
        self.assertIn("Ida: …\n", said)
        reader.wait_for("bye")
        heard = [ast.literal_eval(message) for message in reader.output.splitlines()[1:-1]]
        self.assertEqual(heard, ["Lars: hello", "Lars: again"])

    def test_two_rooms(self) -> None:
        """While four talk, the next four gather and talk in a room of their own; the operator sees both, and ends one at once."""
        daemon, port = self.start_room("start_delay = 2s\nreply_gap = 50ms\n")
        first = [self.bot(port, name) for name in NAMES]
        second = [self.bot(port, name) for name in NAMES]
        rooms = daemon.call("room.list")["rows"]
        self.assertEqual([len(room["bots"]) for room in rooms], [4, 4])
        began = time.monotonic()
        daemon.call("room.end", room=rooms[1]["room"])
        for bot in second:
            self.assertEqual(len(self.heard(bot)), 2)  # the welcome, and the end of the connection
        self.assertLess(time.monotonic() - began, 1.9)
        for bot in first:
            self.assertEqual(len(self.heard(bot)), 6)

    def test_one_leaves_one_is_silent_one_floods(self) -> None:
        """A bot that leaves, one that never answers and one that floods lose their turns; the fourth finishes."""
        _daemon, port = self.start_room()
        leaver, mute, flooder = (self.connect(port) for _ in range(3))
        for name, connection in zip(NAMES[:3], (leaver, mute, flooder), strict=True):
            connection.sendall(name.encode())
            self.assertIn(b"sucessfully", connection.recv(500))
        bot = self.bot(port, "Åse")
        bot.wait_for("Batman")
        leaver.close()
        try:
            for _ in range(100):
                flooder.sendall(b"x" * 10_000)
        except OSError:
            pass  # it was cut off
        *_, sentence, confirmation, end = self.heard(bot)
        self.assertEqual((sentence, confirmation[:12], end), ("\nBatman: Do you want to play?", "This clients", ""))

    def test_line_bots_beside_old_ones(self) -> None:
        """A newer bot in a room of old ones reads each message as one line, and answers with one."""
        _daemon, port = self.start_room()
        old = [self.bot(port, name) for name in NAMES[:3]]
        newer = self.connect(port).makefile("rw", encoding="utf-8", newline="\n")
        newer.write("Nova\n")
        newer.flush()
        lines = [newer.readline()]
        for line in newer:
            lines.append(line)
            newer.write(f"Nova: I heard {len(lines)}\n")
            newer.flush()
        self.assertEqual(
            lines,
            [
                "Bot: Nova has been sucessfully connected 4/4 bots have been connected soo far "
                "waiting for the rest of the bots to be connected before starting the chat room....\n",
                "Batman: Do you want to play?\n",
                "Lars responded: playing it is, I like that!\n",
                "Ida responded: playing is what I do best!\n",
                "Ola responded: more playing, please\n",
                "This clients response has been sendt to the server\n",
            ],
        )
        self.assertEqual(self.heard(old[0])[-1], "Nova: I heard 5")
