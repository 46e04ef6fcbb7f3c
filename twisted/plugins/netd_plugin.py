"""What twistd finds of netd: names, nothing that is imported before it is used."""

from twisted.application.service import ServiceMaker

from netd.kinds import ServiceKind

netd = ServiceMaker("netd", "netd.tap", "One daemon for devices, scripts, bots and dashboards.", "netd")
relay = ServiceKind("relay", "netd.relay")
feed = ServiceKind("feed", "netd.feed")
session = ServiceKind("session", "netd.session")
command = ServiceKind("command", "netd.command")
room = ServiceKind("room", "netd.room")
recorder = ServiceKind("recorder", "netd.recorder", operations="history")
alert = ServiceKind("alert", "netd.alert")
bridge = ServiceKind("bridge", "netd.bridge")
forward = ServiceKind("forward", "netd.forward")
mqtt = ServiceKind("mqtt", "netd.mqtt")
wire = ServiceKind("wire", "netd.wire")
cluster = ServiceKind("cluster", "netd.cluster")
gateway = ServiceKind("gateway", "netd.gateway")
manhole = ServiceKind("manhole", "netd.manhole")

__all__: list[str] = []
