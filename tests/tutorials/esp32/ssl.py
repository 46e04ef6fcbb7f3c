"""TLS over the sockets beside it."""

import tls
from tls import CERT_REQUIRED, PROTOCOL_TLS_CLIENT

__all__ = ["CERT_REQUIRED", "PROTOCOL_TLS_CLIENT", "SSLContext"]


class SSLContext:
    def __init__(self, protocol):
        self._context = tls.SSLContext(protocol)

    def __setattr__(self, name, value):
        if name == "verify_mode":
            self._context.verify_mode = value
        else:
            super().__setattr__(name, value)

    def load_verify_locations(self, cadata):
        self._context.load_verify_locations(cadata)

    def wrap_socket(self, sock, server_hostname):
        return self._context.wrap_socket(sock.native, server_hostname=server_hostname)
