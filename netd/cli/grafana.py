"""``netd grafana``: what Grafana needs to draw what netd has recorded."""

from __future__ import annotations

from collections.abc import Mapping

import click

from netd.cli.invocation import Failure, Invocation, NetdCommand
from netd.cli.text import escaped

__all__ = ["grafana"]

PROVISIONING = """\
# {folder}/netd.yaml: a data source of Grafana, made by `netd grafana`.
# NETD_TOKEN in Grafana's environment is a token of netd: netd token add grafana --role viewer
apiVersion: 1
datasources:
  - name: netd
    uid: netd
    type: graphite
    access: proxy
    url: {url}
    basicAuth: true
    basicAuthUser: netd
    jsonData:
      graphiteVersion: "1.1"
      graphiteType: default
    secureJsonData:
      basicAuthPassword: $NETD_TOKEN
"""

FOLDER = "/etc/grafana/provisioning/datasources"


@click.command(cls=NetdCommand, common=("state", "context", "timeout"), short_help="Print a data source for Grafana.")
@click.pass_obj
def grafana(invocation: Invocation) -> None:
    """Print a data source for Grafana as its provisioning file, and on standard error what else there is to do.

    `netd grafana > netd.yaml` keeps the file alone.
    """
    url, others = _url(invocation)
    click.echo(PROVISIONING.format(folder=FOLDER, url=url), nl=False)
    steps = [
        "netd token add grafana --role viewer        # prints the token: the password of the data source",
        f"netd grafana > {FOLDER}/netd.yaml",
        "NETD_TOKEN=… in Grafana's environment, then restart Grafana",
        f"or by hand: Connections, Data sources, Graphite; URL {url}, Basic auth, any user, the token as password",
    ]
    told = "".join(f"\n  {number}. {step}" for number, step in enumerate(steps, 1))
    click.echo(escaped("netd:") + told, err=True)
    if others:
        click.echo(escaped(f"netd: {others}"), err=True)


def _url(invocation: Invocation) -> tuple[str, str]:
    """Return the address of the gateway, and what to do if Grafana is on another machine."""
    context = invocation.context()
    if context is not None:
        return context.url.rstrip("/"), ""
    with invocation.control() as control:
        status = control.call("system.status")
    gateways = [one for one in status["services"] if isinstance(one, Mapping) and one.get("kind") == "gateway"]
    for gateway in gateways:
        url, outward = (str(gateway.get(name) or "").rstrip("/") for name in ("url", "url_for_others"))
        if not url:
            continue
        if not outward:
            return url, "a Grafana on another machine cannot reach this gateway: `listen` of [gateway] decides who can"
        return url, "" if outward == url else f"for a Grafana on another machine, the URL is {outward}"
    raise Failure("the daemon has no gateway with a TCP port; a section [gateway] makes one")
