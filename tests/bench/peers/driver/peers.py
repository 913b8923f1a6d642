"""The peers: how each is installed and started."""

import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent.parent


class Peer:
    """One of those that a user would choose instead.

    `factor` stretches the throughput rows of the quick ones, which would be over before they are in full flow.
    """

    def __init__(self, name, title, servers, factor=1):
        self.name, self.title, self.servers, self.factor = name, title, servers, factor


class InPython(Peer):
    def command(self, build):
        return [build / self.name / "bin" / "python", HERE / "python" / f"{self.name}_peer.py"]

    def install(self, build):
        wanted = HERE / "python" / f"{self.name}.txt"
        home = build / self.name
        if is_fresh(home, wanted):
            return
        run([sys.executable, "-m", "venv", "--clear", home])
        run([home / "bin" / "pip", "install", "--quiet", "--no-deps", "--requirement", wanted])
        mark(home, wanted)


class InNode(Peer):
    def command(self, build):
        return ["node", build / self.name / "peer.mjs"]

    def install(self, build):
        home, source = build / self.name, HERE / self.name
        home.mkdir(parents=True, exist_ok=True)
        # Node looks for modules beside the program only, and nothing is to be installed into the sources.
        for name in ("peer.mjs", "package.json", "package-lock.json"):
            (home / name).write_bytes((source / name).read_bytes())
        wanted = source / "package-lock.json"
        if not is_fresh(home, wanted):
            run(["npm", "ci", "--silent", "--no-fund", "--no-audit"], folder=home)
            mark(home, wanted)


class InRust(Peer):
    def command(self, build):
        return [build / "rust" / "release" / self.name.replace("-", "_")]

    def install(self, build):
        binary = self.name.replace("-", "_")
        manifest = HERE / "rust" / "Cargo.toml"
        command = ["cargo", "build", "--release", "--locked", "--quiet", "--manifest-path", manifest, "--bin", binary]
        run(command, env=os.environ | {"CARGO_TARGET_DIR": str(build / "rust")})


def is_fresh(home, wanted):
    stamp = home / "installed"
    return stamp.is_file() and stamp.read_bytes() == wanted.read_bytes()


def mark(home, wanted):
    (home / "installed").write_bytes(wanted.read_bytes())


def run(command, folder=None, env=None):
    """What installs says much on stdout; that is for our own data."""
    subprocess.run(list(map(str, command)), check=True, cwd=folder, env=env, stdout=sys.stderr)



PEERS = [
    InRust("rusty-celery", "rusty-celery 0.5.5", ["broker"], factor=4),
    InNode("bullmq", "BullMQ 6.7.0", ["redis"], factor=4),
    InRust("apalis", "apalis-amqp 1.0.0", ["broker"]),
    InPython("taskiq", "taskiq 0.13.0", ["broker", "redis"]),
    InPython("dramatiq", "Dramatiq 2.2.1", ["broker", "redis"]),
    InPython("celery", "Celery 5.7.0", ["broker", "redis"]),
]
