"""A certificate authority of an agency's own, for servers on this machine."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from pathlib import Path


def agency(folder: Path) -> tuple[Path, Path]:
    """Its certificate, and one of its for 127.0.0.1 with its key: two PEM files."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    now = dt.datetime.now(dt.UTC)

    def certificate(subject, key, issuer, issuer_key, extension):
        names = [
            x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in (subject, issuer)
        ]
        builder = x509.CertificateBuilder(names[1], names[0], key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(
            now + dt.timedelta(days=1)
        )
        return builder.add_extension(extension, True).sign(issuer_key, hashes.SHA256())

    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    root = certificate("agency", keys[0], "agency", keys[0], x509.BasicConstraints(True, None))
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    leaf = certificate("host", keys[1], "agency", keys[0], address)
    pem = serialization.Encoding.PEM
    private = keys[1].private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "root.pem").write_bytes(root.public_bytes(pem))
    (folder / "leaf.pem").write_bytes(leaf.public_bytes(pem) + private)
    return folder / "root.pem", folder / "leaf.pem"


def serving(authority: tuple[Path, Path]) -> ssl.SSLContext:
    """What a server needs to be trusted by whoever trusts the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority[1])
    return context
