#!/usr/bin/env python3
"""Warrener beside what a user would choose instead: same broker, same payload, in turn, in one run. See README.md."""

import argparse
import json
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

from driver import report
from driver.peers import PEERS
from driver.redis_database import Database
from driver.rounds import Stage, round_of_peer, round_of_warrener, rows_of_warrener
from driver.servers import Rabbitmq, Redis

ROOT = Path(__file__).resolve().parents[3]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    names = [report.WARRENER, *(peer.name for peer in PEERS)]
    parser.add_argument("--only", help=f"systems to run, with commas between: {', '.join(names)}")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; in each, every system runs once")
    parser.add_argument("--tasks", type=int, default=5000, help="tasks of a throughput row; quick peers get four times")
    parser.add_argument("--safe", action="store_true", help="quorum queues and confirms for every peer that can")
    parser.add_argument("--plain", action="store_true", help="peers with the settings that they come with")
    parser.add_argument("--url", default=os.environ.get("WARRENER_AMQP__URL"), help="broker, or one of our own")
    parser.add_argument("--broker-pid", type=int, help="its process, to measure its CPU too")
    parser.add_argument("--redis", help="an empty database of a Redis, or one of our own")
    parser.add_argument("--redis-pid", type=int, help="its process, to measure its CPU too")
    parser.add_argument("--build", type=Path, default=ROOT / "target" / "peers", help="where peers are installed")
    parser.add_argument("--install", action="store_true", help="install only")
    parser.add_argument("--json", type=Path, help="the document; result.json in the build folder by default")
    args = parser.parse_args()
    args.chosen = args.only.split(",") if args.only else names
    if unknown := [name for name in args.chosen if name not in names]:
        parser.error(f"no such system: {', '.join(unknown)}; there are {', '.join(names)}")
    args.build = args.build.resolve()
    args.json = args.json or args.build / "result.json"
    args.warrener = os.environ.get("WARRENER_BIN", str(ROOT / "target" / "release" / "warrener"))
    args.prefix = f"peers-{secrets.token_hex(3)}"
    return args


def main():
    args = arguments()
    # Being told to end is an exception, so that everything is taken down.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    peers = [peer for peer in PEERS if peer.name in args.chosen]
    args.build.mkdir(parents=True, exist_ok=True)
    for peer in peers:
        say(f"installing {peer.title}")
        peer.install(args.build)
    if report.WARRENER in args.chosen:
        if not shutil.which(args.warrener):
            sys.exit(f"{args.warrener} is not there: `cargo build --release`, or name it in WARRENER_BIN")
        if "forget" not in rows_of_warrener(args.warrener):
            say("this `warrener bench` has no row `forget`: nothing is compared with the peers' forgotten tasks")
    if args.install:
        return 0
    failures = []
    lines = measure(args, peers, failures)
    finish(args, peers, lines)
    for failure in failures:
        say(failure)
    return 1 if failures else 0


def measure(args, peers, failures):
    """Everything, in rounds; each line goes out as soon as it is known."""
    folder = Path(tempfile.mkdtemp(prefix="warrener-peers-"))
    started, lines = [], []
    try:
        servers = {"broker": given(args.url, args.broker_pid), "redis": given(args.redis, args.redis_pid)}
        for name, server in (("broker", Rabbitmq), ("redis", Redis)):
            if not servers[name].url:
                say(f"starting a {server.__name__} of our own")
                servers[name] = server(folder)
                started.append(servers[name])
        database = Database(servers["redis"].url)
        database.claim()
        stage = Stage(args, servers, folder)
        for number in range(1, args.rounds + 1):
            for system in in_turn(args, peers, number):
                lines += one_round(stage, system, number, failures)
                database.empty()
    finally:
        for server in reversed(started):
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return lines


def in_turn(args, peers, number):
    """Every system once; every second round the other way round, so that none always follows the same one."""
    systems = [None] * (report.WARRENER in args.chosen) + peers
    return systems if number % 2 else systems[::-1]


def one_round(stage, peer, number, failures):
    name = peer.name if peer else report.WARRENER
    say(f"round {number}: {name}")
    try:
        heard = round_of_peer(stage, peer, number) if peer else round_of_warrener(stage)
    except (RuntimeError, OSError, ValueError) as error:
        failures.append(f"{name} failed in round {number}: {error}")
        say(failures[-1])
        return []
    lines = [{"system": name, "round": number} | line for line in heard]
    for line in lines:
        print(json.dumps(line, ensure_ascii=False), flush=True)
    return lines


def finish(args, peers, lines):
    titles = {report.WARRENER: "Warrener"} if report.WARRENER in args.chosen else {}
    titles |= {report.ALONE: "broker alone"} if titles else {}
    titles |= {peer.name: peer.title for peer in peers}
    middle = report.medians(lines)
    found = report.ratios(lines, [peer.name for peer in peers])
    document = {
        "rounds": args.rounds,
        "tasks": args.tasks,
        "safe": args.safe,
        "plain": args.plain,
        "cores": len(os.sched_getaffinity(0)),
        "medians": middle,
        "ratios": found,
        "lines": lines,
    }
    args.json.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    print(report.text(middle, found, titles))
    say(f"everything is in {args.json}")


def given(url, pid):
    return SimpleNamespace(url=url, pid=pid)


def say(text):
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except RuntimeError as error:
        sys.exit(f"run.py: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
