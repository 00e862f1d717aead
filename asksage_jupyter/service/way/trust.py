"""Whose word counts for who a host is: the bundle that the person names, else what this machine trusts."""

from __future__ import annotations

import os
import ssl
import sys
from pathlib import Path

from ...errors import ConfigurationError

# Where systems keep what they trust, for a Python that was built to look elsewhere.
_SYSTEM = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)


def trusted(ca_bundle: str | None) -> ssl.SSLContext:
    """What certificates are checked with.

    Parameters
    ----------
    ca_bundle : str or None
        File or folder of the only certificates to trust; None trusts what this machine does, and what
        SSL_CERT_FILE and SSL_CERT_DIR name.

    Raises
    ------
    ConfigurationError
        They cannot be read.
    """
    try:
        context = _of_bundle(Path(ca_bundle).expanduser()) if ca_bundle else _of_machine()
    except (OSError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "not PEM"
        which = f"{ca_bundle} (ASKSAGE_CA_BUNDLE)." if ca_bundle else "check SSL_CERT_FILE and SSL_CERT_DIR."
        reason = f"the certificates cannot be read ({why}): {which}"
    else:
        # Python 3.13 and newer want a form that the certificates of many an agency's proxy do not have. Whom
        # to trust is no question of form: curl and browsers do not insist on it.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        return context
    raise ConfigurationError(reason)


def _of_bundle(path: Path) -> ssl.SSLContext:
    if path.is_dir():
        return ssl.create_default_context(capath=path)
    return ssl.create_default_context(cafile=path)


def _of_machine() -> ssl.SSLContext:
    told = os.environ.get("SSL_CERT_FILE")
    if sys.platform == "darwin" and not told:
        import truststore  # OpenSSL knows nothing of the keychain

        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Reads OpenSSL's usual places and both variables; on Windows the system's stores.
    context = ssl.create_default_context()
    if told:
        context.load_verify_locations(cafile=told)  # where it cannot be read, that is an error and no silence
    if not context.cert_store_stats()["x509_ca"] and not _has_folder():
        context.load_verify_locations(cafile=next(filter(os.path.isfile, _SYSTEM), None) or _bundled())
    return context


def _has_folder() -> bool:
    """Whether there is a folder from which OpenSSL takes certificates as they are needed."""
    folder = ssl.get_default_verify_paths().capath
    return folder is not None and any(Path(folder).glob("*.[0-9]"))


def _bundled() -> str:
    """The public authorities, which come with the HTTP library."""
    import certifi

    return certifi.where()
