"""What the peers in Python share: the command line, the driver's protocol, the pipe of finished tasks."""

import argparse
import json
import os
import sys
import time

# 200 bytes as JSON.
PAYLOAD = "x" * 198
FAN = 100


def options():
    """The command line, the same for every peer; a worker, which its own program starts, has it in PEER_OPTIONS."""
    parser = argparse.ArgumentParser()
    parser.add_argument("mode", choices=["worker", "client", "strike"])
    parser.add_argument("--url", required=True)
    parser.add_argument("--redis", required=True)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--done", required=True, help="the pipe of finished tasks")
    parser.add_argument("--tasks", type=int, default=5000)
    parser.add_argument("--warm", type=int, default=500)
    parser.add_argument("--trips", type=int, default=200)
    parser.add_argument("--chains", type=int, default=100)
    parser.add_argument("--fans", type=int, default=20)
    parser.add_argument("--safe", action="store_true", help="quorum queues and confirms where the peer can")
    parser.add_argument("--plain", action="store_true", help="settings as they are, a call for each task")
    handed = os.environ.get("PEER_OPTIONS")
    return parser.parse_args(json.loads(handed) if handed else None)


def become(program, *arguments):
    """Becomes the peer's own program, which imports the module of its tasks and so needs our options."""
    os.environ["PEER_OPTIONS"] = json.dumps(sys.argv[1:])
    path = os.path.join(os.path.dirname(sys.executable), program)
    os.execv(path, [path, *arguments])


class Finishing:
    """The worker's side of the pipe: a byte for each finished task. Each process opens it for itself."""

    def __init__(self, path):
        self.pipe = os.open(path, os.O_WRONLY)

    def one(self):
        os.write(self.pipe, b".")


class Bench:
    """The client's side: the driver's protocol, and the other end of the pipe."""

    def __init__(self, chosen):
        # For writing too, so that it neither waits for a worker nor ends with it.
        self.pipe = os.open(chosen.done, os.O_RDWR)

    def finished(self, count):
        """Waits for so many finished tasks."""
        while count:
            count -= len(os.read(self.pipe, min(count, 65536)))
            if count > 1:
                # Waking up for each would take time from the others.
                time.sleep(0.001)

    def rate(self, row, count, run):
        """Measures how long so many tasks take."""
        start = self.begin(row, count)
        run(count)
        self.end(row, count, start)

    def begin(self, row, count):
        tell(say="begin", row=row, count=count)
        sys.stdin.readline()
        return time.perf_counter()

    def end(self, row, count, start):
        seconds = time.perf_counter() - start
        tell(say="end", row=row, count=count, seconds=seconds)
        sys.stdin.readline()

    def times(self, row, count, once):
        """Measures each of so many, one after the other."""
        took = []
        for _ in range(count):
            start = time.perf_counter()
            once()
            took.append((time.perf_counter() - start) * 1e3)
        tell(say="times", row=row, ms=took)

    async def async_times(self, row, count, send, answered):
        """The same of a client that is asynchronous."""
        took = []
        for _ in range(count):
            start = time.perf_counter()
            await answered(await send())
            took.append((time.perf_counter() - start) * 1e3)
        tell(say="times", row=row, ms=took)


def tell(**line):
    print(json.dumps(line), flush=True)


def expect(result):
    """Insists on the echo of our input."""
    if result != PAYLOAD:
        raise ValueError(f"another result than expected: {result!r:.100}")
