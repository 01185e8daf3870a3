"""The listener's side of a connection: no peer may hold it for ever, nor fill the memory.

pynetdicom leaves three doors open, which are closed here: it does the TLS handshake in the thread that accepts
connections, so that one silent peer keeps all others out; its connections wait without limit for the rest of a PDU;
and a PDU may announce 4 GB, which are collected in memory before anybody asks who is calling.
"""

from __future__ import annotations

import errno
import os
import socket
import ssl
from threading import Thread
from typing import Any

from pynetdicom import AE, transport
from pynetdicom.association import Association

TIMEOUT_S = 30.0
"""How long a peer may take for its next bytes, for an answer, or to be reached at all."""

LARGEST_PDU = 2**20
"""Bytes. P-DATA is at most what we offer (16 kB); the largest request, 128 contexts of all syntaxes, is far smaller."""

POLL_S = 0.05
"""How often the accepting thread looks whether it is to end."""


class BoundedSocket(transport.AssociationSocket):
    """Refuses PDUs that no peer has a reason to send."""

    def recv(self, nr_bytes: int) -> bytearray:
        """See `AssociationSocket.recv`.

        Raises
        ------
        OSError
            More than `LARGEST_PDU` was announced; pynetdicom then drops the connection.
        """
        if nr_bytes > LARGEST_PDU:
            self.close()
            raise OSError(errno.EMSGSIZE, os.strerror(errno.EMSGSIZE))
        return super().recv(nr_bytes)


class _Handler(transport.RequestHandler):
    def _create_association(self) -> Association:
        association = super()._create_association()
        if association.dul.socket is not None:
            association.dul.socket.__class__ = BoundedSocket  # pynetdicom lets nobody name the class
        return association


class Server(transport.ThreadedAssociationServer):
    """Accepts connections that end when their peer falls silent; the TLS handshake is part of their first read."""

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        if self.socket is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        connection, address = self.socket.accept()
        connection.settimeout(TIMEOUT_S)
        if self.ssl_context:
            connection = self.ssl_context.wrap_socket(connection, server_side=True, do_handshake_on_connect=False)
        return connection, address


def serve(
    application: AE, address: tuple[str, int], handlers: list[Any], context: ssl.SSLContext | None
) -> transport.ThreadedAssociationServer:
    """Accept connections for an application, in a thread of its own; ends with the application's ``shutdown``.

    Raises
    ------
    OSError
        The address cannot be listened on.
    """
    server = application.make_server(
        address, ssl_context=context, evt_handlers=handlers, server_class=Server, request_handler=_Handler
    )
    Thread(target=server.serve_forever, args=(POLL_S,), name="listener", daemon=True).start()
    application._servers.append(server)  # as start_server does, so that shutdown finds it
    return server
