"""Debian's nginx in front of a netd, for tests of what a proxy makes of requests."""

from __future__ import annotations

from pathlib import Path

from tests.browser.chromium import free_ports
from tests.debian import program
from tests.process import CHECKOUT, Program, RealTestCase

__all__ = ["recipe", "start_nginx"]

CONFIGURATION = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr notice;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port}{tls};
        {locations}
    }}
}}
"""


def recipe(gateway: int) -> str:
    """The locations of ``etc/nginx.conf``, for a gateway on this port of loopback."""
    text = (CHECKOUT / "etc" / "nginx.conf").read_text(encoding="utf-8")
    assert "127.0.0.1:8080" in text
    return text.replace("127.0.0.1:8080", f"127.0.0.1:{gateway}")


def start_nginx(test: RealTestCase, locations: str, pem: Path | None = None) -> int:
    """Start an nginx with these *locations*, as whoever runs the test; it ends with the test.

    :param pem: a certificate with its key, where nginx speaks TLS.
    :returns: its port.
    """
    folder = Path(test.folder) / "nginx"
    folder.mkdir()
    (port,) = free_ports(1)
    path = folder / "nginx.conf"
    tls = "" if pem is None else f" ssl; ssl_certificate {pem}; ssl_certificate_key {pem}"
    path.write_text(CONFIGURATION.format(folder=folder, port=port, tls=tls, locations=locations), encoding="utf-8")
    server = Program([program("nginx"), "-p", folder, "-e", "stderr", "-c", path], folder)
    test.addCleanup(server.end)
    server.wait_for("event method")  # after it listens
    return port
