"""A PostgreSQL for one run, on a free port of the loopback, in a folder that goes away."""

import os
import shutil
import subprocess
from pathlib import Path

from .process import Process
from .servers import free_ports, program, wait_for

# Debian keeps the programs of each version out of the path.
FOLDERS = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
# The length of the message, then the number that asks for an encrypted connection: it answers with one letter.
SSL_REQUEST, NO = b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"N"


class Postgres:
    """With the settings that it comes with, but for folder and port. It refuses to be root, so root becomes another."""

    def __init__(self, folder):
        home = Path(folder) / "postgres"
        home.mkdir()
        other = []
        if os.getuid() == 0:
            shutil.chown(home, "postgres", "postgres")
            # Its user has to get into its folder.
            os.chmod(folder, 0o711)
            other = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups"]
        newest = FOLDERS[-1:] or [Path()]
        data, log = home / "data", home / "postgres.out"
        make = [*other, program("initdb", str(newest[0] / "initdb")), "-D", data, "-U", "postgres", "-A", "trust"]
        made = subprocess.run(make, capture_output=True, text=True, check=False, cwd=home)
        if made.returncode:
            raise RuntimeError(f"initdb ended with {made.returncode}:\n{made.stderr}")
        (port,) = free_ports(1)
        serve = [*other, program("postgres", str(newest[0] / "postgres")), "-D", str(data), "-p", str(port)]
        serve += ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={home}"]
        self.server = Process("PostgreSQL", serve, log, folder=home)
        try:
            wait_for(self.server, port, SSL_REQUEST, NO)
        except BaseException:
            self.stop()
            raise
        self.url = f"postgres://postgres@127.0.0.1:{port}/postgres"

    def stop(self):
        self.server.stop()
