"""What a third party's distribution adds to netd: the kind of service ``pump``."""

from netd.kinds import ServiceKind

pump = ServiceKind("pump", "pumps")
