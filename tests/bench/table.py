#!/usr/bin/env python3
"""What is promised, what is wanted and what was measured, of Warrener alone and beside its peers, by one command.

It starts a RabbitMQ, a PostgreSQL and a Redis of its own, has `warrener bench` and `peers/run.py` measure, and writes
one table, to standard output and to `target/bench/table.md`. It takes a quarter of an hour (longer the first time, when
the peers are installed), and means something only on a machine that does nothing else. See NOTES.md.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
sys.path.insert(0, str(BENCH / "peers"))

from driver.postgres import Postgres  # noqa: E402
from driver.servers import Rabbitmq, Redis  # noqa: E402

ROWS = ["mapped", "single", "forget", "roundtrip", "chain", "fan", "scale", "shapes", "postgres", "limits", "large"]
# Rows of the table that `warrener bench` measures and knows the promises of: row, what, what it is for a reader.
MEASURES = [
    ("mapped", "tasks", "mapped tasks of one job, against the broker alone over two hops"),
    ("single", "jobs", "single jobs by AMQP with reply, against the broker alone over four hops"),
    ("roundtrip", "p50", "one task there and back, p50"),
    ("roundtrip", "p99", "one task there and back, p99"),
    ("chain", "p50", "chain of three, p50"),
    ("fan", "p50", "1 to 100 to 1, p50"),
    ("mapped", "orchestrator CPU for each", "orchestrator CPU for a mapped task"),
    ("large", "orchestrator memory, most", "orchestrator memory, 1,000,000 ready tasks"),
    ("scale", "time of a task, 100,000 against 1,000", "a task in a job of 100,000 items, against 1,000"),
    ("shapes", "star: time of a task, large against 1,000", "star of 100,000 tasks, a task against 1,000"),
    ("shapes", "fan-in: time of a task, large against 1,000", "fan-in of 100,000 tasks, a task against 1,000"),
    ("shapes", "layers: time of a task, large against 1,000", "random layers, 100,000 tasks, a task against 1,000"),
    ("shapes", "chain: time of a task, large against 1,000", "chain of 100,000 tasks, a task against 1,000"),
    ("large", "page of a filtered list, p95", "filtered page of 1,000,000 jobs, p95"),
    ("postgres", "mapped tasks, beside SQLite", "PostgreSQL against SQLite, mapped tasks"),
    ("limits", "jobs, with a limit that counts none of them", "single jobs beside an idle limit, against none"),
    ("limits", "jobs of 10,000 tenants who share the queue", "single jobs of 10,000 tenants, fair, against none"),
    ("limits", "jobs of 10,000 keys, one of each at once", "single jobs of 10,000 keys at concurrency 1, against none"),
    ("limits", "Jain's index while a tenant floods", "Jain's index of 21 tenants while one floods"),
    ("limits", "p99 of a quiet tenant while another floods", "p99 of a quiet tenant under a flood, against none"),
    ("large", "start until ready", "start with 1,000,000 finished and 1,000,000 open"),
    ("large", "an answer meanwhile, longest", "longest answer while finished jobs are removed"),
]
STALL = "an answer meanwhile, longest"
# Beside the peers: ours, theirs, what it is for a reader, which of them, at least, wanted.
OTHERS = ["celery", "dramatiq", "taskiq", "apalis"]
RATIOS = [
    ("forget", "forget", "single jobs, forgotten, against {}", ["bullmq"], 1.0, 1.3),
    ("mapped", "forget", "tasks (of one job), against {}", OTHERS, 6.0, 10.0),
    ("forget_many", "forget", "jobs, 100 in a message, against {}", OTHERS, 6.0, 10.0),
    ("forget", "forget", "jobs, a message for each, against {}", OTHERS, 6.0, 10.0),
    ("single", "single", "answered jobs, a message for each, against {}", OTHERS, 6.0, 10.0),
]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of `warrener bench`")
    parser.add_argument("--tasks", type=int, default=10_000, help="tasks of a round")
    parser.add_argument("--flood", type=int, default=1_000_000, help="jobs of the tenant that floods")
    parser.add_argument("--only", default=",".join(ROWS), help="rows of `warrener bench`, with commas between")
    parser.add_argument("--peer-rounds", type=int, default=2, help="rounds beside the peers; 0 leaves them out")
    parser.add_argument("--peer-tasks", type=int, default=1_500, help="tasks of a peer's round")
    parser.add_argument("--output", type=Path, default=ROOT / "target" / "bench", help="folder for table and documents")
    args = parser.parse_args()
    args.warrener = os.environ.get("WARRENER_BIN", str(ROOT / "target" / "release" / "warrener"))
    if not shutil.which(args.warrener):
        parser.error(f"{args.warrener} is not there: `cargo build --release`, or name it in WARRENER_BIN")
    return args


def main():
    args = arguments()
    # Being told to end is an exception, so that everything is taken down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    args.output.mkdir(parents=True, exist_ok=True)
    folder, started, peers, failure = Path(tempfile.mkdtemp(prefix="warrener-table-")), [], None, None

    def start(server):
        started.append(server(folder))
        return started[-1]

    try:
        broker = start(Rabbitmq)
        database = start(Postgres) if "postgres" in args.only.split(",") else None
        bench = measure(args, broker, database)
        if args.peer_rounds:
            try:
                peers = measure_peers(args, broker, start(Redis))
            except RuntimeError as error:
                # What was measured before is told all the same.
                failure = error
    finally:
        for server in reversed(started):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text = table(bench, peers)
    (args.output / "table.md").write_text(text)
    print(text)
    if failure:
        raise failure
    return 0


def measure(args, broker, database):
    """Everything of Warrener alone, as the document of `warrener bench`."""
    command = [args.warrener, "bench", "--rounds", args.rounds, "--tasks", args.tasks, "--only", args.only]
    command += ["--flood", args.flood]
    command += ["-o", "json", "--broker-pid", broker.pid]
    command += ["--postgres", database.url] if database else []
    # Any other variable of its own would be a setting, or a mistake in one.
    env = {key: value for key, value in os.environ.items() if not key.startswith("WARRENER_")}
    env["WARRENER_AMQP__URL"] = broker.url
    return run(command, args.output / "bench.json", env)


def measure_peers(args, broker, redis):
    """With equal guarantees and as they come, a call for each task."""
    document = args.output / "peers.json"
    only = ",".join(["warrener", "bullmq", *OTHERS])
    command = [BENCH / "peers" / "run.py", "--plain", "--safe", "--only", only, "--json", document]
    command += ["--rounds", args.peer_rounds, "--tasks", args.peer_tasks]
    command += ["--url", broker.url, "--broker-pid", broker.pid, "--redis", redis.url, "--redis-pid", redis.pid]
    run(command, args.output / "peers.log", os.environ | {"WARRENER_BIN": args.warrener})
    return json.loads(document.read_text())


def run(command, output, env):
    """Keeps what a program says, and gives it where it is a document."""
    with open(output, "wb") as file:
        ended = subprocess.run(list(map(str, command)), stdout=file, env=env, check=False).returncode
    if ended:
        raise RuntimeError(f"{command[0]} ended with {ended}; what it said is in {output}")
    return json.loads(output.read_text()) if output.suffix == ".json" else None


def table(bench, peers):
    lines = ["| what | must | | want | | measured (spread) |", "|---|---|---|---|---|---|"]
    items = {(item["row"], item["what"]): item for item in bench["items"]}
    for row, what, title in MEASURES:
        if item := items.get((row, what)):
            value = item["value"] if item["ratio"] is None else item["ratio"]
            unit = item["unit"] if item["ratio"] is None else ""
            limits = [one(item[name]) for name in ("promise", "want")]
            lines.append(line(title, limits, value, unit, item["spread"], note(items, what)))
    for ours, theirs, title, names, least, wanted in RATIOS:
        for name in names:
            limits = [(">=", least), (">=", wanted)]
            if found := ratio(peers, ours, theirs, name):
                lines.append(line(title.format(name), limits, found, "", None, ""))
    return "\n".join([*lines, "", about(bench), "", costs(items)]).rstrip() + "\n"


def one(limit):
    ((sort, value),) = limit.items()
    return (">=" if sort == "at_least" else "<="), value


def line(title, limits, value, unit, spread, remark):
    cells = [title]
    for sort, limit in limits:
        met = value >= limit if sort == ">=" else value <= limit
        cells += [f"{sort} {limit:g}", "met" if met else "**missed**"]
    between = f" ({spread[0]:.3g} to {spread[1]:.3g})" if spread else ""
    return f"| {' | '.join(cells)} | {value:.3g} {unit}".rstrip() + f"{between}{remark} |"


def note(items, what):
    """How long the longest answer was in as much time with nothing to remove: then it was the machine."""
    idle = items.get(("large", "as long with nothing to remove: an answer, longest"))
    return f"; {idle['value']:.3g} ms with nothing to remove" if what == STALL and idle else ""


def ratio(peers, ours, theirs, name):
    found = [one["ratio"] for one in (peers or {}).get("ratios", []) if
             (one["ours"], one["theirs"], one["peer"]) == (ours, theirs, name)]
    return found[0] if found else None


def about(bench):
    said = bench["about"]
    sync = "p50 {:.2f}, p99 {:.2f}, longest {:.1f} ms".format(*said["sync_ms"])
    return (f"warrener {said['version']}, commit {said['commit'] or 'unknown'}, {said['processors']} processors; "
            f"meanwhile the disk kept a page in {sync}; the broker held us back {said['blocked']} times.")


def costs(items):
    """The largest costs of a mapped task, and whose they are."""
    roles = ["broker", "orchestrator", "worker", "client"]
    found = [(items[key]["value"], role) for role in roles if (key := ("mapped", f"{role} CPU for each")) in items]
    largest = (f"{role} {value:.0f} µs" for value, role in sorted(found, reverse=True))
    return f"CPU for a mapped task: {', '.join(largest)}." if found else ""


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"table.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
