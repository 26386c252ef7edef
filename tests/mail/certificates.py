"""An authority of our own and certificates of it, made with `openssl`."""

import ssl
import subprocess


class Authority:
    def __init__(self, folder):
        self.folder = folder
        folder.mkdir()
        self.certificate = folder / "authority.pem"
        self.self_signed("authority", "basicConstraints=critical,CA:TRUE", "/CN=Leadgauge test")

    def self_signed(self, name, extension, subject):
        self.openssl(
            *["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject],
            *["-addext", extension, "-keyout", f"{name}.key", "-out", f"{name}.pem"],
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def issue(self, name, names, days="2"):
        """A certificate and key for `names`, as `DNS:localhost,IP:127.0.0.1`."""
        (self.folder / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        self.openssl(
            *["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=mail"],
            *["-keyout", f"{name}.key", "-out", f"{name}.csr"],
        )
        self.openssl(
            *["x509", "-req", "-in", f"{name}.csr", "-CA", "authority.pem", "-days", days],
            *["-CAkey", "authority.key", "-CAcreateserial", "-extfile", f"{name}.ext"],
            *["-out", f"{name}.pem"],
        )
        return self.folder / f"{name}.pem", self.folder / f"{name}.key"

    def openssl(self, *args):
        subprocess.run(["openssl", *args], cwd=self.folder, check=True, capture_output=True)


def context(files):
    """What a server needs to speak TLS with a certificate and key."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.load_cert_chain(*files)
    return made
