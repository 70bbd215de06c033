"""What the same costs in Python: signxml over lxml (libxml2) verifies alerts of 2 KB and 100 KB, RSA-SHA256.

    pip install signxml && python3 benches/signature_rivals.py

Beside it runs `cargo bench --bench signature`, whose alerts have the same sizes.
"""

import datetime
import time

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from lxml import etree
from signxml import XMLSigner, XMLVerifier, methods

ROUNDS = 50
CAP = "urn:oasis:names:tc:emergency:cap:1.2"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"


def certificate(key):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Office")])
    usage = x509.KeyUsage(True, True, False, False, False, False, False, False, False)
    now = datetime.datetime.now(datetime.timezone.utc)
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), True)
        .add_extension(usage, True)
    )
    return built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


def alert(size):
    points = " ".join(f"{40 + n % 3}.{n * 7 % 1000:03},5.{n * 13 % 1000:03}" for n in range(20))
    area = f"<area><areaDesc>District</areaDesc><polygon>{points}</polygon></area>"
    return f'<alert xmlns="{CAP}"><info><event>Storm</event>{area * (size // len(area))}</info></alert>'


def main():
    key = rsa.generate_private_key(65537, 2048)
    pem = certificate(key)
    signer = XMLSigner(method=methods.enveloped, c14n_algorithm=EXCLUSIVE)
    for size in (2_000, 100_000):
        signed = etree.tostring(signer.sign(etree.fromstring(alert(size)), key=key, cert=pem))
        best = float("inf")
        for _ in range(ROUNDS):
            started = time.perf_counter()
            XMLVerifier().verify(signed, x509_cert=pem)
            best = min(best, time.perf_counter() - started)
        print(f"{len(signed):>10} bytes  signxml {best * 1e3:.3f} ms")


if __name__ == "__main__":
    main()
