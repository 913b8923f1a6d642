"""A RabbitMQ and a Redis for one run, on free ports of the loopback, in a folder that goes away."""

import os
import shutil
import socket
import time
from pathlib import Path

from .process import Process

START_TIMEOUT = 90
# Debian's script in /usr/sbin would change the user first.
RABBITMQ = ["/usr/lib/rabbitmq/bin/rabbitmq-server", "rabbitmq-server", "/usr/sbin/rabbitmq-server"]


class Rabbitmq:
    """A node of its own, with an epmd of its own: it meets no other node of this machine."""

    def __init__(self, folder):
        home = Path(folder) / "rabbitmq"
        (home / "data").mkdir(parents=True)
        (home / "log").mkdir()
        (home / "plugins").write_text("[].\n")
        (home / "rabbitmq.conf").write_text("")
        port, dist, names = free_ports(3)
        env = {key: value for key, value in os.environ.items() if not key.startswith(("RABBITMQ_", "ERL_"))}
        env |= {
            "HOME": str(home),
            "ERL_EPMD_PORT": str(names),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # The script then becomes the server instead of waiting for it.
            "RUNNING_UNDER_SYSTEMD": "1",
            "RABBITMQ_NODENAME": f"warrener-peers-{os.getpid()}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(port),
            "RABBITMQ_DIST_PORT": str(dist),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(home / "none"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "none.config"),
        }
        env.pop("NOTIFY_SOCKET", None)
        self.names = Process("epmd", [program(*epmds()), "-port", str(names)], home / "epmd.out", env, home)
        self.node = None
        try:
            self.node = Process("RabbitMQ", [program(*RABBITMQ)], home / "rabbitmq.out", env, home)
            # A node that isn't ready closes the connection without a word.
            wait_for(self.node, port, b"AMQP\x00\x00\x09\x01", b"\x01\x00\x00")
        except BaseException:
            self.stop()
            raise
        self.url = f"amqp://guest:guest@127.0.0.1:{port}/%2f"
        self.pid = self.node.pid

    def stop(self):
        for process in (self.node, self.names):
            if process:
                process.stop()


class Redis:
    """Appends to a file and syncs it every second, as its documentation advises where data matter."""

    def __init__(self, folder):
        home = Path(folder) / "redis"
        home.mkdir()
        (port,) = free_ports(1)
        options = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(home)]
        options += ["--save", "", "--appendonly", "yes", "--appendfsync", "everysec"]
        command = [program("redis-server", "valkey-server"), *options]
        self.server = Process("Redis", command, home / "redis.out", folder=home)
        try:
            wait_for(self.server, port, b"PING\r\n", b"+PONG")
        except BaseException:
            self.stop()
            raise
        self.url = f"redis://127.0.0.1:{port}/0"
        self.pid = self.server.pid

    def stop(self):
        self.server.stop()


def free_ports(count):
    """Ports that nobody listens on now. They are free again before they are used: good enough on one machine."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def program(*names):
    for name in names:
        if found := shutil.which(name):
            return found
    raise RuntimeError(f"{names[0]} is not installed")


def epmds():
    return ["epmd", *map(str, Path("/usr/lib/erlang").glob("erts-*/bin/epmd"))]


def wait_for(process, port, question, answer):
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        process.check()
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.sendall(question)
                if connection.recv(16).startswith(answer):
                    return
        except OSError:
            pass
        time.sleep(0.2)
    raise RuntimeError(f"{process.name} is not ready after {START_TIMEOUT} s:\n{process.tail()}")
