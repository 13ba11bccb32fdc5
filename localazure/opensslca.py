"""A CA of OpenSSL in a folder, and the agent of docs/enterprise-ca.md beside it, taken from that page."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "enterprise-ca.md"
NEEDED = ("openssl", "curl")
CONFIG = """
[ca]
default_ca = corp
[corp]
new_certs_dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
certificate = {folder}/issuing.pem
private_key = {folder}/issuing.key
default_md = sha256
default_days = 90
unique_subject = no
copy_extensions = copy
policy = any
x509_extensions = leaf
[any]
commonName = supplied
[leaf]
basicConstraints = critical, CA:FALSE
[above]
basicConstraints = critical, CA:TRUE
"""


class OpenSslError(Exception):
    """OpenSSL or the agent failed; the text is its last words."""


def lacking() -> list[str]:
    """Return which programs that the agent needs this machine has not."""
    return [name for name in NEEDED if shutil.which(name) is None]


def openssl(*arguments: str, given: bytes = b"") -> bytes:
    """Run OpenSSL; return what it says. Raises OpenSslError."""
    done = subprocess.run(["openssl", *arguments], input=given, capture_output=True, check=False)
    if done.returncode != 0:
        raise OpenSslError(f"openssl {arguments[0]}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


class OpenSslCa:
    """A root, an issuing CA, and the configuration for `openssl ca`."""

    def __init__(self, folder: Path) -> None:
        """Make them in a folder that is not there yet. Raises OpenSslError."""
        folder.mkdir()
        self.folder, self.config, self.chain = folder, folder / "ca.cnf", folder / "chain.pem"
        self.config.write_text(CONFIG.format(folder=folder))
        (folder / "index.txt").touch()
        (folder / "serial").write_text("1000\n")
        for name in ("root", "issuing"):
            key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{folder}/{name}.key")
            openssl("req", "-new", *key, "-subj", f"/CN=Corp {name.title()}", "-out", f"{folder}/{name}.csr")
        above = ("-days", "3650", "-extfile", str(self.config), "-extensions", "above")
        openssl("x509", "-req", *above, *self._given("root"), "-key", f"{folder}/root.key")
        signed_by = ("-CA", f"{folder}/root.pem", "-CAkey", f"{folder}/root.key", "-set_serial", "2")
        openssl("x509", "-req", *above, *self._given("issuing"), *signed_by)
        self.chain.write_bytes((folder / "issuing.pem").read_bytes() + (folder / "root.pem").read_bytes())

    def _given(self, name: str) -> tuple[str, ...]:
        return "-in", f"{self.folder}/{name}.csr", "-out", f"{self.folder}/{name}.pem"

    def sign(self, csr: str) -> bytes:
        """Sign a CSR; return the certificate as PEM. Raises OpenSslError."""
        said = ("-batch", "-notext", "-config", str(self.config), "-in", "/dev/stdin", "-out", "/dev/stdout")
        return openssl("ca", *said, given=csr.encode())

    @property
    def issued(self) -> int:
        """How many certificates it has issued."""
        return len((self.folder / "index.txt").read_text().splitlines())


def agent(app: str, issuer: str, ca: OpenSslCa, state: Path) -> str:
    """Run the page's agent once beside a CA, for an app at an address; return what it says. Raises OpenSslError."""
    page = PAGE.read_text(encoding="utf-8")
    (script,) = (block for block in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if block.startswith("#!/bin/sh"))
    told = {"APP": app, "ISSUER": issuer, "CA_CONFIG": str(ca.config), "CA_CHAIN": str(ca.chain), "STATE": str(state)}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    done = subprocess.run(
        ["/bin/sh", "-c", script], env=told | {"PATH": path}, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise OpenSslError(f"the agent ended with {done.returncode}: {done.stderr.strip()}")
    return done.stdout
