"""One round of a peer, and one of Warrener, as measurements in one form.

A measurement is `{"system", "round", "row", "what", "unit", "value"}`; the value is null where the peer has no means.
"""

import json
import os
import subprocess
import threading

from .process import Process, used

# Seconds in which a round of the slowest peer is long finished, and those that each task may add.
ROUND_TIMEOUT, TASK_TIMEOUT = 240, 0.02
# Tasks of a warm-up, as in `warrener bench`.
WARM_UP = 500
# Jobs of `warrener bench --only single` are a quarter of its `--tasks`.
QUARTER = 4
ROWS = ["mapped", "single", "roundtrip", "chain", "fan"]
FORGET = "forget"
LATENCIES = ("roundtrip", "chain", "fan")
STRIKE_TIMEOUT = 60


class Stage:
    """What all rounds have in common."""

    def __init__(self, args, servers, folder):
        self.args, self.folder = args, folder
        self.url, self.redis = servers["broker"].url, servers["redis"].url
        self.pids = {name: server.pid for name, server in servers.items() if server.pid}


def round_of_peer(stage, peer, number):
    """Starts a worker and a client, notes what the client says, and ends both."""
    args = stage.args
    done = stage.folder / f"done-{peer.name}-{number}"
    os.mkfifo(done)
    shared = ["--url", stage.url, "--redis", stage.redis, "--queue", f"{args.prefix}-{peer.name}", "--done", done]
    shared += ["--tasks", args.tasks * peer.factor, "--warm", WARM_UP * peer.factor]
    shared += [f"--{name}" for name in ("safe", "plain") if getattr(args, name)]
    program = peer.command(args.build)

    def start(mode, **pipes):
        command = [str(part) for part in (*program, mode, *shared)]
        log = stage.folder / f"{peer.name}-{mode}.log"
        return Process(f"{peer.title}, {mode},", command, log, folder=program[-1].parent, **pipes)

    worker = start("worker")
    try:
        client = start("client", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        try:
            return listen(stage, peer, worker, client)
        finally:
            client.stop()
    finally:
        worker.stop()
        strike(start("strike"))
        done.unlink()


def strike(process):
    """Lets a peer delete what it has declared at the broker."""
    try:
        if process.child.wait(STRIKE_TIMEOUT):
            process.check()
    finally:
        process.stop()


def listen(stage, peer, worker, client):
    """Turns what the client says into measurements; it waits for our answer where processor time is noted."""
    pids = {"client": client.pid, "worker": worker.pid}
    pids |= {name: stage.pids[name] for name in peer.servers if name in stage.pids}
    heard, before = [], {}
    # A client that hears nothing would wait for ever.
    alarm = threading.Timer(patience(stage, peer.factor), client.child.kill)
    alarm.start()
    try:
        for line in client.child.stdout:
            said = json.loads(line)
            if said["say"] == "begin":
                before = {name: used(pid) for name, pid in pids.items()}
            spent = {name: used(pid) - before[name] for name, pid in pids.items()} if said["say"] == "end" else {}
            heard += measurements(said, spent)
            if said["say"] in ("begin", "end"):
                client.child.stdin.write(b"\n")
                client.child.stdin.flush()
    finally:
        alarm.cancel()
    if client.child.wait():
        raise RuntimeError(f"{client.name} ended badly:\n{client.tail()}\n{worker.name} said:\n{worker.tail()}")
    return heard


def patience(stage, factor):
    return ROUND_TIMEOUT + stage.args.tasks * factor * TASK_TIMEOUT


def measurements(said, spent):
    """What one line of a client amounts to."""
    row, say = said["row"], said["say"]
    if say == "end":
        count = said["count"]
        costs = {f"{name} CPU for each": ("µs", seconds * 1e6 / count) for name, seconds in spent.items()}
        found = {"tasks": ("/s", count / said["seconds"])} | costs
    elif say == "times":
        found = {f"p{percent}": ("ms", percentile(said["ms"], percent)) for percent in (50, 99)}
    elif say == "cannot":
        found = {"p50" if row in LATENCIES else "tasks": ("", None)}
    else:
        found = {}
    return [{"row": row, "what": what, "unit": unit, "value": value} for what, (unit, value) in found.items()]


def percentile(values, percent):
    """The value that so many percent of all don't exceed, as `warrener bench` has it."""
    return sorted(values)[min(len(values) * percent // 100, len(values) - 1)]


# What Warrener calls its jobs in lists, as the clients of BullMQ and apalis-amqp send theirs.
MANY = "jobs, 100 in a message"


def rows_of_warrener(binary):
    """The rows that this `warrener bench` knows; `forget` is younger than the others."""
    text = subprocess.run([binary, "bench", "--help"], check=True, capture_output=True, text=True).stdout
    return [*ROWS, FORGET] if f"- {FORGET}:" in text else ROWS


def round_of_warrener(stage):
    """One round of `warrener bench`, beside the broker alone."""
    args = stage.args
    command = [args.warrener, "bench", "--rounds", "1", "--tasks", args.tasks * QUARTER, "-q", "-o", "json"]
    command += ["--only", ",".join(rows_of_warrener(args.warrener))]
    if "broker" in stage.pids:
        command += ["--broker-pid", stage.pids["broker"]]
    # Any other variable of its own would be a setting, or a mistake in one.
    env = {key: value for key, value in os.environ.items() if not key.startswith("WARRENER_")}
    env["WARRENER_AMQP__URL"] = stage.url
    log = stage.folder / "warrener.log"
    process = Process("warrener bench", list(map(str, command)), log, env, stage.folder, stdout=subprocess.PIPE)
    alarm = threading.Timer(patience(stage, QUARTER), process.child.kill)
    alarm.start()
    try:
        text = process.child.stdout.read()
        if process.child.wait():
            process.check()
    finally:
        alarm.cancel()
        process.stop()
    heard = []
    for item in json.loads(text)["items"]:
        heard.append({key: item[key] for key in ("row", "what", "unit", "value")})
        if item["what"] == MANY:
            heard[-1] |= {"row": "forget_many", "what": "jobs"}
        if item["raw"] is not None:
            heard.append(heard[-1] | {"system": "broker alone", "value": item["raw"]})
    return heard
