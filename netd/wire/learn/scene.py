"""What the reasoning about each kind of message has to know of all the others."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import Factory, define

from netd.wire.learn.utterances import Utterance
from netd.wire.learn.wording import decoded

__all__ = ["Scene"]


@define(eq=False)
class Scene:
    """What is known of the conversation as a whole.

    :ivar say: how the program is answered: the option ``say``, or else ``frame``.
    :ivar is_dialled: whether netd dials the program.
    :ivar is_udp: whether it sends datagrams: netd only replies then, for addresses can be forged.
    :ivar has_asks: whether netd asks it, and what the program says unasked is the rest.
    :ivar is_greeted: whether the program hears something before it says anything.
    :ivar names: what each connection said it was called.
    :ivar labels: what a word is, by the field that held it in another kind of message.
    """

    say: str
    encoding: str = "utf-8"
    is_dialled: bool = False
    is_udp: bool = False
    has_asks: bool = False
    is_greeted: bool = False
    names: dict[int, str] = Factory(dict)
    labels: dict[str, str] = Factory(dict)

    def text(self, utterance: Utterance) -> str:
        """The message as text, without blanks at its ends."""
        return decoded(utterance.data, self.encoding).strip(" \t\r\n")

    def base(self, utterance: Utterance) -> Mapping[str, str]:
        """The fields that each message has for a reply: ``text``, and ``name`` if the connection said one."""
        found = {"text": self.text(utterance)}
        if utterance.talk in self.names:
            found["name"] = self.names[utterance.talk]
        return found
