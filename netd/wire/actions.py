"""What is done with a message that a rule takes, by the verb of the rule, and with one that no rule takes. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from netd.wire.fields import Match
from netd.wire.identity import WireIdentity
from netd.wire.outlet import Answer, IWireOutlet, WireNote
from netd.wire.plan import Unmatched
from netd.wire.rules import Rule, Verb
from netd.wire.voice import WireVoice

__all__ = ["IWireActor", "act", "act_unmatched"]


class IWireActor(Protocol):
    """A connection, as far as the actions of rules change it."""

    @property
    def identity(self) -> WireIdentity: ...
    @property
    def voice(self) -> WireVoice: ...
    @property
    def outlet(self) -> IWireOutlet: ...
    @property
    def is_open(self) -> bool: ...

    def hold(self) -> None:
        """Take no message more until :meth:`go_on`: an answer is awaited, and what follows stays behind it."""

    def go_on(self, now: float) -> None:
        """The answer has come."""

    def close(self, reason: str) -> None:
        """End the connection."""


def act(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    """Do what *rule* has for *message*. A peer that has to prove its name first is turned away if this is no proof."""
    if actor.identity.needs_proof and (rule.verb is not Verb.NAME or "token" not in match.values):
        why = "it has not proved who it is: its first message is to be one with its token"
        actor.outlet.note(WireNote.UNPROVEN, why, b"")
        _turn_away(actor, why, now)
        return
    _ACTIONS[rule.verb](actor, rule, match, message, now)


def act_unmatched(actor: IWireActor, message: bytes, now: float) -> None:
    """Do what ``unmatched`` has for *message*, which no rule takes. A peer that has to prove its name gets no answer."""
    plan, identity = actor.voice.plan, actor.identity
    is_stranger = identity.needs_proof and plan.unmatched is not Unmatched.CLOSE
    unmatched = Unmatched.COUNT if is_stranger else plan.unmatched
    if unmatched is Unmatched.EVENT:
        actor.outlet.said(identity.known(), {"text": _text(actor, message)}, None)
    elif unmatched is Unmatched.REPLY and plan.unmatched_reply is not None:
        actor.voice.fill(plan.unmatched_reply, {**identity.given(), "text": _text(actor, message)}, now)
    elif unmatched is Unmatched.CLOSE:
        actor.close("no rule matches what it said")


def _sample(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    name = actor.identity.name or actor.identity.known()
    if match.readings:
        actor.outlet.sample(name, match.readings, match.time, rule)
    _reply(actor, rule, match, message, now)


def _event(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    identity = actor.identity
    actor.outlet.said(str(match.values.get("name", "")) or identity.name or identity.known(), match.values, rule)
    _reply(actor, rule, match, message, now)


def _name(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    identity, name = actor.identity, str(match.values.get("name", ""))
    if name and (name != identity.name or identity.needs_proof):
        refusal = actor.outlet.named(name, str(match.values.get("token", "")))
        if refusal:
            _turn_away(actor, refusal, now)
            return
        identity.name, identity.needs_proof = name, False
    _reply(actor, rule, match, message, now)


def _bye(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    _reply(actor, rule, match, message, now)
    actor.voice.flush()
    actor.close("goodbye")


def _tell(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    name, voice = actor.identity.known(), actor.voice
    values = _values(actor, match, message)
    payload = voice.passed_on(message) if rule.reply is None else voice.rendered(rule.reply, values)
    actor.outlet.said(name, match.values, rule)
    if payload is not None:
        actor.outlet.told(name, payload, rule.verb is Verb.TELL_ALL)


def _call(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    answer = _awaited(actor, rule, match, message, "result")
    actor.outlet.called(rule.target or "", match.values, answer)


def _send(actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float) -> None:
    values = _values(actor, match, message)
    target = rule.target or ""
    if target.startswith("{"):
        target = str(values.get(target[1:-1], ""))
    actor.outlet.sent(target, str(values["text"]), _awaited(actor, rule, match, message, "answer"))


def _awaited(actor: IWireActor, rule: Rule, match: Match, message: bytes, member: str) -> Answer:
    """Hold what follows *message* back, and return the function that goes on with the answer to it."""
    actor.identity.known()
    actor.hold()

    def answered(text: str | None, error: str, now: float) -> None:
        if actor.is_open:
            _reply(actor, rule, match, message, now, {member: f"error: {error}" if text is None else text, "error": error})
        actor.go_on(now)

    return answered


def _reply(
    actor: IWireActor, rule: Rule, match: Match, message: bytes, now: float, more: Mapping[str, Any] | None = None
) -> None:
    if rule.reply is not None:
        actor.voice.fill(rule.reply, {**_values(actor, match, message), **(more or {})}, now)


def _turn_away(actor: IWireActor, why: str, now: float) -> None:
    """Tell the peer, in words as they stand at the door, that it may not be here, and end the connection."""
    actor.voice.say(f"error: {why}".encode(actor.voice.plan.encoding, "replace"), now)
    actor.voice.flush()
    actor.close(why)


def _values(actor: IWireActor, match: Match, message: bytes) -> dict[str, Any]:
    return {**actor.identity.given(), "text": _text(actor, message), **match.values}


def _text(actor: IWireActor, message: bytes) -> str:
    return message.decode(actor.voice.plan.encoding, "replace")


_ACTIONS: Mapping[Verb, Callable[[IWireActor, Rule, Match, bytes, float], None]] = {
    Verb.SAMPLE: _sample,
    Verb.EVENT: _event,
    Verb.NAME: _name,
    Verb.BYE: _bye,
    Verb.TELL: _tell,
    Verb.TELL_ALL: _tell,
    Verb.CALL: _call,
    Verb.SEND: _send,
    Verb.IGNORE: _reply,
}
