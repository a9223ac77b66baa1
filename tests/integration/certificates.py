"""A private authority and certificates of its making, for servers on loopback."""

from __future__ import annotations

import datetime
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Authority:
    """Signs certificates; `file` is what its clients trust."""

    file: Path
    key: ec.EllipticCurvePrivateKey
    name: x509.Name

    def certify(self, file: Path, *, expired: bool = False) -> Path:
        """Writes a server's key and its certificate for 127.0.0.1 and localhost to `file`, which comes back."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName(
            [
                x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
                x509.DNSName("localhost"),
            ]
        )
        ends = _now() - _DAY if expired else _now() + _DAY
        made = _draft(_name("server"), self.name, key, ends).add_extension(names, critical=False)
        certificate = made.sign(self.key, hashes.SHA256())
        file.write_bytes(_private(key) + certificate.public_bytes(Encoding.PEM))
        file.chmod(0o600)
        return file


def authority(file: Path) -> Authority:
    """A new authority, whose certificate is in `file`."""
    key, name = ec.generate_private_key(ec.SECP256R1()), _name("private authority")
    draft = _draft(name, name, key, _now() + _DAY)
    made = draft.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    file.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return Authority(file, key, name)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _draft(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, ends: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_now() - 3 * _DAY)
        .not_valid_after(ends)
    )


def _private(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
