"""A database of somebody's Redis: it has to be empty, and it is left so."""

import socket
from urllib.parse import unquote, urlparse


class Database:
    """Speaks the few words that are needed, so that the driver needs no library."""

    def __init__(self, url):
        self.url = urlparse(url)
        self.number = int(self.url.path.strip("/") or 0)

    def claim(self):
        """Fails unless it is empty."""
        if keys := self.ask("DBSIZE"):
            raise RuntimeError(f"database {self.number} at {self.url.hostname} holds {keys} keys: give an empty one")

    def empty(self):
        self.ask("FLUSHDB")

    def ask(self, *words):
        address = (self.url.hostname or "127.0.0.1", self.url.port or 6379)
        with socket.create_connection(address, 10) as connection, connection.makefile("rwb") as stream:
            if self.url.password:
                user = [unquote(self.url.username)] if self.url.username else []
                command(stream, "AUTH", *user, unquote(self.url.password))
            command(stream, "SELECT", str(self.number))
            return command(stream, *words)


def command(stream, *words):
    stream.write(f"*{len(words)}\r\n".encode())
    for word in words:
        stream.write(f"${len(word.encode())}\r\n{word}\r\n".encode())
    stream.flush()
    answer = stream.readline().decode().strip()
    if answer.startswith("-"):
        raise RuntimeError(f"Redis says: {answer[1:]}")
    return int(answer[1:]) if answer.startswith(":") else answer
