"""TLS for both sides: each shows a certificate, and each trusts only those that it was given.

There is no authority and no host name to check: a certificate in the file of the other side is the permission
to connect. Make a pair of files with
``openssl req -x509 -newkey rsa -noenc -days 3650 -subj /CN=lab -keyout lab.key -out lab.pem``.
"""

from __future__ import annotations

import ssl
from pathlib import Path

from control.errors import ConfigError


def server_context(certificate: Path, key: Path, peers: Path) -> ssl.SSLContext:
    """Return the TLS of a server, which demands a certificate of its clients.

    Args:
        certificate: PEM file with its own certificate.
        key: PEM file with the key to it.
        peers: PEM file with the certificates of all its clients.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    return _load(context, certificate, key, peers)


def client_context(certificate: Path, key: Path, peer: Path) -> ssl.SSLContext:
    """Return the TLS of a client, which trusts one server.

    Args:
        certificate: PEM file with its own certificate.
        key: PEM file with the key to it.
        peer: PEM file with the certificate of the server.

    Raises:
        ConfigError: a file cannot be read, or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False  # the certificate itself is known, whatever the machine is called
    return _load(context, certificate, key, peer)


def _load(context: ssl.SSLContext, certificate: Path, key: Path, peers: Path) -> ssl.SSLContext:
    context.verify_mode = ssl.CERT_REQUIRED
    try:
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(peers)
    except OSError as error:  # of TLS, too
        files = f"{certificate}, {key} and {peers}"
        raise ConfigError((f"TLS cannot use {files}: {error.strerror or error}",)) from error
    return context
