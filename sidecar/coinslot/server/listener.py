"""The socket that the server listens on, opened before anything else is."""

from __future__ import annotations

import errno
import socket

_BACKLOG = 1024

_REASONS = {
    errno.EADDRINUSE: "another program listens there; stop it, or set another port",
    errno.EACCES: "this user may not; take a port from 1024 on",
    errno.EADDRNOTAVAIL: "this machine has no such address",
}


class CannotListenError(Exception):
    """`str()` is the message for the operator."""


def listener(host: str, port: int) -> socket.socket:
    """A listening socket. Raises `CannotListenError`."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        sock = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListenError(_sentence(host, port, error)) from error
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(address)
        sock.listen(_BACKLOG)
    except OSError as error:
        sock.close()
        raise CannotListenError(_sentence(host, port, error)) from error
    return sock


def _sentence(host: str, port: int, error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        reason = "nobody knows that name"
    else:
        reason = _REASONS.get(error.errno or 0, error.strerror or repr(error))
    return (
        f"Coinslot cannot listen on {host}, port {port}: {reason}"
        " (COINSLOT_SIDECAR_HOST, COINSLOT_SIDECAR_PORT, or PORT)"
    )
