"""Processes that were started here, and the processor time of all that they started in turn."""

import os
import signal
import subprocess
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
# Seconds that a process gets to end by itself.
PATIENCE = 15


class Process:
    """A child in a session of its own, so that it is ended, and counted, with everything that it started."""

    def __init__(self, name, command, log, env=None, folder=None, **pipes):
        self.name, self.log = name, Path(log)
        with open(self.log, "ab") as output:
            pipes.setdefault("stdin", subprocess.DEVNULL)
            pipes.setdefault("stdout", output)
            self.child = subprocess.Popen(
                command, stderr=output, start_new_session=True, env=env, cwd=folder, **pipes
            )

    @property
    def pid(self):
        return self.child.pid

    def check(self):
        """Fails if it has ended."""
        if self.child.poll() is not None:
            raise RuntimeError(f"{self.name} ended with {self.child.returncode}:\n{self.tail()}")

    def tail(self, lines=15):
        """The last that it said."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def stop(self):
        """Ends it: first politely, then with all that it left behind."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe:
                pipe.close()


def used(pid):
    """Seconds of CPU, user and system, of the session that this process leads; of the process alone if it leads none.

    Children that have ended are counted with the parent that waited for them.
    """
    stats = [stat for stat in map(read_stat, process_ids()) if stat]
    own = [stat for stat in stats if stat["pid"] == pid]
    mine = [stat for stat in stats if stat["session"] == pid] or own
    return sum(stat["ticks"] for stat in mine) / TICKS


def process_ids():
    return [name for name in os.listdir("/proc") if name.isdigit()]


def read_stat(pid):
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    # The name in brackets may hold anything, spaces and brackets too.
    fields = text.rpartition(")")[2].split()
    return {"pid": int(pid), "session": int(fields[3]), "ticks": sum(map(int, fields[11:15]))}
