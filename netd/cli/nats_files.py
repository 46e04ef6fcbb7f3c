"""The configuration of NATS servers for a cluster of netd, and what each node writes into its own.  Pure.

The server's configuration has public keys alone. That of a leaf node has a seed, with which the leaf node logs in at the hub.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

__all__ = [
    "CLIENT_PORT",
    "LEAF_PORT",
    "NODE_FOLDER",
    "NODE_INI",
    "SERVER_FOLDER",
    "Hub",
    "leaf_configuration",
    "node_ini",
    "node_lines",
    "node_unit",
    "unit",
    "user_line",
]

CLIENT_PORT = 4222
"""The port at which a NATS server serves nodes."""

LEAF_PORT = 7422
"""The port at which a hub serves leaf nodes."""

SERVER_FOLDER = "/etc/netd/nats"
"""Where the files of a NATS server belong on its machine."""

NODE_FOLDER = "/etc/netd/cluster"
"""Where the files of a node belong on its machine."""

NODE_INI = "/etc/netd/netd.ini"
"""The configuration of a node, on its machine."""

PROGRAM = "/usr/local/bin/nats-server"
"""Where the program is expected on the machine of a server. Where it is on this one says nothing about that one."""

_HUB = """\
# The NATS server of the netd cluster {cluster}, a hub for leaf nodes, too. Made by `netd cluster init`; change it as you like.
# After a change: nats-server -t -c FILE, then systemctl reload nats-server. It needs nats-server 2.10 or newer.

server_name: {server_name}
listen: "0.0.0.0:{port}"

tls {{
  cert_file: "/etc/netd/nats/server.pem"
  key_file: "/etc/netd/nats/server-key.pem"
  timeout: 5
}}

accounts {{
  # The nodes, and nothing else. A node has the seed of its key; here is the public half, which is no secret.
  NETD {{
    jetstream: enabled
    users: [
{users}
    ]
    default_permissions {{
      publish: ["netd.{cluster}.>", "_INBOX.>", "$JS.API.>", "$JS.ACK.>", "$SYS.REQ.USER.INFO"]
      subscribe: ["netd.{cluster}.>", "_INBOX.>"]
    }}
    # What nodes publish for others, see `publish` in [cluster]: netd.{cluster}.ev.NODE.SUBJECT
    exports: [ {{ stream: "netd.{cluster}.ev.>" }} ]
  }}

  # Programs of others. They see {cluster}.NODE.SUBJECT, and can neither publish nor call an operation of netd.
  WORLD {{
    jetstream: enabled
    users: [
      # {{ user: panel, password: "$2a$11$..." }}
    ]
    default_permissions {{
      publish: {{ deny: ">" }}
      subscribe: ["{cluster}", "{cluster}.>", "_INBOX.>"]
    }}
    imports: [ {{ stream: {{ account: NETD, subject: "netd.{cluster}.ev.*.>" }}, to: "{cluster}.$1.>" }} ]
  }}
}}

# Sites behind NAT dial in here.
leafnodes {{
  listen: "0.0.0.0:{leaf_port}"
  tls {{
    cert_file: "/etc/netd/nats/server.pem"
    key_file: "/etc/netd/nats/server-key.pem"
    timeout: 5
  }}
}}

# For `history` in [cluster]. Without sync_interval, what was acknowledged in the last two minutes is lost with the power.
jetstream {{
  store_dir: "/var/lib/nats"
  sync_interval: always
  max_file_store: 10GB
}}
"""

_LEAF = """\
# The NATS server of the site of node {node}, a leaf node of the netd cluster {cluster}. Made by `netd cluster init`.
# It dials the hub, so the site needs no open port. It holds the seed of a key: nobody else may read this file.

server_name: {server_name}
listen: "127.0.0.1:{port}"

accounts {{
  NETD {{
    users: [
      {{ nkey: {public} }}
    ]
  }}
}}

leafnodes {{
  reconnect: 1s
  remotes: [
    {{
      url: "tls://{host}:{leaf_port}"
      account: NETD
      nkey: {seed}
      tls {{ ca_file: "/etc/netd/nats/ca.pem", timeout: 5 }}
    }}
  ]
}}
"""

_UNIT = """\
# /etc/systemd/system/netd.service: made by `netd cluster init`. `command -v netd` says the path for ExecStart.
[Unit]
Description=netd, node {node} of the cluster {cluster}
Wants=network-online.target
After=network-online.target

[Service]
User=netd
Group=netd
ExecStart=/usr/local/bin/netd run -c {ini}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartPreventExitStatus=78
LimitNOFILE=65536
StateDirectory=netd
StateDirectoryMode=0700
NoNewPrivileges=yes

[Install]
WantedBy=multi-user.target
"""

_UNIT = """\
# /etc/systemd/system/nats-server.service: made by `netd cluster init`.
[Unit]
Description=NATS server of the netd cluster {cluster}
Documentation=https://docs.nats.io
Wants=network-online.target
After=network-online.target

[Service]
User=netd
Group=netd
ExecStart={program} -c /etc/netd/nats/nats-server.conf
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=1
LimitNOFILE=65536
StateDirectory=nats
StateDirectoryMode=0700
NoNewPrivileges=yes
PrivateDevices=yes
PrivateTmp=yes
ProtectHome=yes
ProtectSystem=strict

[Install]
WantedBy=multi-user.target
"""


@dataclass(frozen=True)
class Hub:
    """The NATS server that all nodes reach.

    :ivar cluster: the name of the cluster.
    :ivar host: an address or a name that the nodes reach it by.
    """

    cluster: str
    host: str
    port: int = CLIENT_PORT
    leaf_port: int = LEAF_PORT

    def configuration(self, nodes: Mapping[str, str]) -> str:
        """Return the configuration of the hub for *nodes*: the public key of each, by name."""
        return _HUB.format(
            cluster=self.cluster,
            server_name=_quoted(f"{self.cluster}-hub"),
            port=self.port,
            leaf_port=self.leaf_port,
            users="\n".join(f"      {user_line(name, public)}" for name, public in nodes.items()),
        )


def user_line(node: str, public: str) -> str:
    """Return the entry of *node* among the users of the hub."""
    return f"{{ nkey: {public} }}  # {node}"


def leaf_configuration(hub: Hub, node: str, public: str, seed: str) -> str:
    """Return the configuration of the leaf node beside *node*, which it serves on loopback."""
    return _LEAF.format(
        cluster=hub.cluster,
        node=node,
        server_name=_quoted(f"{hub.cluster}-{node}"),
        port=hub.port,
        public=public,
        seed=seed,
        host=_bracketed(hub.host),
        leaf_port=hub.leaf_port,
    )


def unit(cluster: str) -> str:
    """Return the unit of systemd for a NATS server."""
    return _UNIT.format(cluster=cluster, program=PROGRAM)


def node_unit(packaged: str, cluster: str, node: str) -> str:
    """Return *packaged*, the unit of systemd that comes with netd, as the one of *node*."""
    return packaged.replace("\nDescription=netd\n", f"\nDescription=netd, node {node} of the cluster {cluster}\n", 1)


def node_ini(packaged: str, hub: Hub, node: str, *, has_leaf: bool) -> str:
    """Return *packaged*, the INI with all options, as the one of *node*: with its name and the cluster's section.

    :param has_leaf: as for :func:`node_lines`.
    """
    lines = node_lines(hub, node, has_leaf=has_leaf)
    section = "\n".join(lines[lines.index("[cluster]") :])
    named = packaged.replace("\n;name = auto\n", f"\nname = {node}\n", 1)
    return named.replace("\n;[cluster]\n", f"\n{section}\n", 1)


def node_lines(hub: Hub, node: str, *, has_leaf: bool) -> list[str]:
    """Return the lines that a node has in its INI file.

    :param has_leaf: whether the node has a leaf node beside it, on loopback.
    """
    server = f"nats://127.0.0.1:{hub.port}" if has_leaf else f"tls://{_bracketed(hub.host)}:{hub.port}"
    authority = [] if has_leaf else [f"tls_ca = {NODE_FOLDER}/ca.pem"]
    own = ["[netd]", f"name = {node}", ""]
    return [*own, "[cluster]", f"servers = {server}", f"name = {hub.cluster}", f"credentials = {NODE_FOLDER}/node.nk", *authority]


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _quoted(text: str) -> str:
    return json.dumps(text)
