"""The targets of alerts and bridges, as the options ``then`` and ``to`` name them."""

from __future__ import annotations

from urllib.parse import urlsplit

from attrs import frozen

__all__ = ["Execute", "Mail", "Publish", "Run", "Send", "Target", "Webhook"]


@frozen
class Webhook:
    """A JSON text is posted to *url*."""

    url: str

    @property
    def label(self) -> str:
        """The action for people. Paths of webhooks are secrets as often as not, and are left out."""
        parts = urlsplit(self.url)
        return f"webhook {parts.scheme}://{parts.netloc}/…"


@frozen
class Execute:
    """A program is run.

    :ivar words: its path and its arguments.
    """

    words: tuple[str, ...]

    @property
    def label(self) -> str:
        """The action for people, without the arguments."""
        return f"exec {self.words[0]}"


@frozen
class Mail:
    """A mail is sent to *address*."""

    address: str

    @property
    def label(self) -> str:
        """The action for people."""
        return f"mail {self.address}"


@frozen
class Publish:
    """The event is published under *subject*, too."""

    subject: str

    @property
    def label(self) -> str:
        """The action for people."""
        return f"publish {self.subject}"


@frozen
class Send:
    """A text is sent to a device of a relay, or to a program of a wire.

    :ivar kind: which of them has it: ``relay`` or ``wire``.
    """

    kind: str
    instance: str
    device: str

    @property
    def label(self) -> str:
        """The action for people."""
        return f"{self.kind}.{self.instance}.{self.device}"


@frozen
class Run:
    """A command is run.

    :ivar instance: the command service.
    """

    instance: str
    command: str

    @property
    def label(self) -> str:
        """The action for people."""
        return f"command.{self.instance}.{self.command}"


Target = Webhook | Execute | Mail | Publish | Send | Run
