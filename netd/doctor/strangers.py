"""What the doctor says about programs that were not let in: what they look like, and the option that would let them in. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from netd.connection.handshakes import PLAIN, UNTRUSTED
from netd.connection.refusals import NOT_ADMITTED, PROOFS, UNKNOWN_PROXY, Refused
from netd.connection.stranger import Tongue
from netd.doctor.findings import Diagnosis, ok, warning
from netd.plaintext import duration
from netd.redaction import abridged

__all__ = ["examine_refusals"]

LATELY = 86400.0
"""Seconds for which a refusal is told."""

KINDS = {"relay": "--device", "session": "--agent", "room": "--bot", "command": "--command NAME", "feed": "--feed"}
"""For each kind, the option of ``netd token add``."""

_PROVE = (
    "if it is yours: `netd token list` on netd's machine tells which tokens there are, and `netd token rotate NAME` makes one "
    "anew; a name that is held is free again when its holder is gone, or has a token of its own"
)
BY_KIND = {
    UNKNOWN_PROXY: "if it is yours: proxies = {host} in [{section}]",
    UNTRUSTED.kind: "give the program netd's ca.pem as its cafile, or a browser as an authority to trust; docs: certificates",
    PLAIN.kind: "give the program netd's ca.pem as its cafile; or write tls = no in [{section}]; docs: certificates",
    **dict.fromkeys(PROOFS, _PROVE),
}
"""Remedies by the kind of refusal."""


def examine_refusals(refusals: Iterable[Refused], sections: Collection[str], now: float) -> Iterator[Diagnosis]:
    """Yield a finding for each kind of refusal of each network.

    :param sections: the names of the sections that run.
    :param now: the time, by the monotonic clock.
    """
    lately = [refused for refused in refusals if now - refused.last < LATELY]
    for refused in lately:
        times = "once" if refused.count == 1 else f"{refused.count} times"
        looks = f"; it looks like {refused.wire}" if refused.wire else ""
        when = f"{times}, last {duration(now - refused.last)} ago"
        reasons = "; before that: ".join(map(abridged, refused.reasons))
        text = f"[{refused.service}] refused {refused.address} {when}: {reasons}{looks}"
        yield warning("strangers", text, _remedy(refused, sections), refused.service)
    if not lately:
        yield ok("strangers", "no program was refused within the last day")


def _remedy(refused: Refused, sections: Collection[str]) -> str:
    section, kind = refused.service, refused.service.partition(":")[0]
    host = refused.address.rpartition(":")[0].strip("[]") or refused.address
    if refused.kind == NOT_ADMITTED:
        proof = f"; or `netd token add NAME {KINDS[kind]}` for its program, and access = tokens" if kind in KINDS else ""
        return f"if it is yours: access = peers, and {host} among `peers`, in [{section}]{proof}"
    if refused.kind == Tongue.HTTP.value and kind == "gateway":  # it speaks HTTP, so this is its TLS port
        return f"begin its address with https://; or write tls = no in [{section}]; docs: certificates"
    if refused.kind in BY_KIND:
        return BY_KIND[refused.kind].format(section=section, host=host)
    if refused.kind == Tongue.TLS.value or refused.serves == "tls":
        return f"tls = yes in [{section}], with a section [tls]; or have the program connect without TLS"
    if refused.serves == "haproxy":
        return f"write haproxy: before the endpoint in `listen` of [{section}], and the proxy's address in `proxies`"
    right = next((name for name in sections if name.partition(":")[0] == refused.serves), None)
    if right is not None and refused.serves != kind:
        return f"have it connect to [{right}]: `netd status` tells where that listens"
    if refused.serves and refused.serves != kind:
        return f"netd serves such programs with a section [{refused.serves}]"
    return f"docs/protocols/{kind}.md tells what [{section}] expects; the log has what was sent"
