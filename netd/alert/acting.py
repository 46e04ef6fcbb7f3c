"""Carries out the actions of one alert: posts, runs, mails and publishes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define
from twisted.internet.defer import Deferred, succeed
from twisted.python.failure import Failure

from netd.alert.config import Config
from netd.alert.events import AlertChanged
from netd.alert.mail import MailServer, compose, send
from netd.alert.program import run
from netd.alert.webhook import Webhooks
from netd.codec.jsontext import encode
from netd.interfaces import IBus
from netd.message import Message
from netd.plaintext import moment
from netd.reaction.actions import Execute, Mail, Publish, Target, Webhook
from netd.reaction.delivery import DeliveryFailed
from netd.secrets.private_files import PrivateFileError
from netd.threads import Threads

__all__ = ["Acting"]


@define(eq=False)
class Acting:
    """Carries out actions.

    :ivar config: the options in force.
    :ivar agent: posts webhooks.
    :ivar spawn: see :func:`netd.alert.program.run`.
    :ivar threads: for mails.
    :ivar mail: sends a mail, blocking.
    """

    config: Config
    bus: IBus
    agent: Any
    spawn: Callable[..., Any]
    threads: Threads
    mail: Callable[[MailServer, Any], None] = send

    def attempt(self, target: Target, event: AlertChanged) -> Deferred[None]:
        """Carry out *target* for *event*. The Deferred fails with :class:`DeliveryFailed`."""
        if isinstance(target, Webhook):
            return Webhooks(self.agent, self._secret(self.config.secret)).post(target, encode(event))
        if isinstance(target, Execute):
            return self._run(target, event)
        if isinstance(target, Mail):
            return self._mail(target, event)
        assert isinstance(target, Publish), "`then` names no other"
        return self._publish(target, event)

    def _secret(self, path: Any) -> str:
        try:
            return self.config.secret_of(path)
        except PrivateFileError as error:
            raise DeliveryFailed(str(error)) from None

    def _run(self, target: Execute, event: AlertChanged) -> Deferred[None]:
        program = self.config.program(target)
        if program is None:
            raise DeliveryFailed("there is no such program", may_pass=False)
        told = {
            "NETD_ALERT": event.alert,
            "NETD_ALERT_SUBJECT": event.subject,
            "NETD_ALERT_STATE": event.state,
            "NETD_ALERT_OCCASION": event.occasion,
            "NETD_ALERT_VALUE": str(event.value).replace("\0", ""),
            "NETD_ALERT_WHEN": event.when,
            "NETD_ALERT_SINCE": f"{event.since:.3f}",
        }
        return run(self.spawn, program, target.words[1:], self.config.directory, told, encode(event) + b"\n")

    def _mail(self, target: Mail, event: AlertChanged) -> Deferred[None]:
        config = self.config
        if config.mail_server is None:
            raise DeliveryFailed("there is no `mail_server`", may_pass=False)
        password = self._secret(config.mail_password)
        server = MailServer(*config.mail_server, config.mail_tls, config.mail_user or "", password)
        title = f"{event.alert}: {event.subject} {event.state}"
        text = (
            f"{event.subject} is {event.state}.\n\nvalue: {event.value}\nwhen: {event.when}\nsince: {moment(event.since)}\n"
            f"alert: {event.alert}\n\n`netd alert acknowledge {event.alert}` acknowledges it.\n"
        )
        mail = compose(config.mail_from or target.address, target.address, title, text, event.time)

        def give_up(_sent: object) -> None:
            assert task is not None, "otherwise nothing waits"
            task.is_wanted = False  # it is tried again later, and would leave twice

        sent: Deferred[None] = Deferred(give_up)

        def report(result: Any) -> None:
            if isinstance(result, Failure):
                sent.errback(result)
            else:
                sent.callback(None)

        task = self.threads.run(lambda: self.mail(server, mail), report)
        if task is None:
            raise DeliveryFailed("too many mails wait")
        return sent

    def _publish(self, target: Publish, event: AlertChanged) -> Deferred[None]:
        self.bus.publish(Message(target.subject, event))
        return succeed(None)
