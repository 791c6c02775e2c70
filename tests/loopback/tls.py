"""Certificates for a server on loopback, sound and unsound, from an authority of the test's own."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

FLAWS = ("", "self-signed", "expired", "wrong host")
"""What may be wrong with a certificate; the first one is sound."""
_DAY = timedelta(days=1)


class Authority:
    """Signs what it is told to; `file` is its own certificate, as SSL_CERT_FILE wants it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("modelctl test authority")
        self.file = directory / "authority.pem"
        certificate = self._signed(self._name, self._key, is_authority=True)
        self.file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def context(self, flaw: str) -> ssl.SSLContext:
        """What a server on 127.0.0.1 shows, with one of the flaws."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._signed(_name(f"server {flaw}"), key, flaw=flaw)
        file = self._directory / f"server-{flaw.replace(' ', '-') or 'sound'}.pem"
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False, flaw: str = ""
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        host = x509.DNSName("elsewhere.example") if flaw == "wrong host" else x509.IPAddress(ip_address("127.0.0.1"))
        own = flaw == "self-signed"
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject if own else self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - 30 * _DAY)
            .not_valid_after(now - _DAY if flaw == "expired" else now + _DAY)
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([host]), critical=False)
        )
        return builder.sign(key if own else self._key, hashes.SHA256())


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, common)])
