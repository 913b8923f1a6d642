"""Writes the golden table of ticks around changes of clocks: `python make.py > transitions.jsonl`.

It knows zones by zoneinfo (with the package tzdata) and cron texts by croniter, which is asked for local times alone,
without any zone. What happens where clocks are set is worked out here second by second: each UTC minute of the span is
looked at, which no search of ours does. So this table shares neither code nor method with what it tests.
"""
import datetime as d
import importlib.metadata
import json
import zoneinfo

import croniter
import tzdata

UTC = d.timezone.utc
MINUTE = d.timedelta(minutes=1)


def named(cron, start, end):
    """The local times of a cron text in a span of local time, as naive times."""
    found, it = [], croniter.croniter(cron, start - MINUTE)
    while True:
        at = it.get_next(d.datetime)
        if at > end:
            return found
        found.append(at)


def ticks(cron, zone, start, end, gap, fold):
    tz = zoneinfo.ZoneInfo(zone)
    wanted = set(named(cron, (start.astimezone(tz).replace(tzinfo=None) - d.timedelta(days=2)),
                       (end.astimezone(tz).replace(tzinfo=None) + d.timedelta(days=2))))
    out, shown, at = {}, {}, start - d.timedelta(days=2)
    before = None
    while at <= end + d.timedelta(days=2):
        local = at.astimezone(tz)
        naive = local.replace(tzinfo=None, fold=0)
        if before is not None and naive - before > MINUTE:
            skipped = before + MINUTE
            while skipped < naive:
                if skipped in wanted and gap == "shift":
                    out[at] = "gap"
                skipped += MINUTE
        if naive in wanted:
            shown.setdefault(naive, []).append(at)
        before = naive
        at += MINUTE
    for naive, moments in shown.items():
        kept = {"first": moments[:1], "last": moments[-1:], "both": moments}[fold]
        for moment in kept:
            if out.get(moment) != "gap" or naive in wanted:
                out[moment] = "fold" if len(moments) > 1 else None
    return [[m.strftime("%Y-%m-%dT%H:%M:%SZ"), mark] for m, mark in sorted(out.items()) if start <= m <= end]


# Zone, and days around which its clocks are set (or are not any more).
PLACES = [
    ("Europe/Berlin", ["2026-03-29", "2026-10-25"]),
    ("America/New_York", ["2026-03-08", "2026-11-01"]),
    ("America/Sao_Paulo", ["2018-11-04", "2019-02-17", "2026-11-01"]),
    ("Australia/Lord_Howe", ["2026-04-05", "2026-10-04"]),
    ("Africa/Casablanca", ["2026-02-15", "2026-03-22"]),
    ("Asia/Tehran", ["2022-03-22", "2022-09-22", "2026-03-22"]),
    ("Pacific/Apia", ["2011-12-30", "2021-04-04", "2026-04-05"]),
    ("Asia/Gaza", ["2026-03-28"]),
    ("America/Havana", ["2026-03-08", "2026-11-01"]),
    ("Asia/Beirut", ["2026-03-29"]),
    ("Antarctica/Troll", ["2026-03-29", "2026-10-25"]),
    ("Europe/Dublin", ["2026-10-25"]),
    ("UTC", ["2026-03-29"]),
    ("Asia/Kathmandu", ["2026-03-29"]),
]
# Cron text, and the rules by which it is looked at; the first are its defaults.
CRONS = [
    ("30 2 * * *", [("shift", "first"), ("skip", "last"), ("skip", "both")]),
    ("0,30 0,1,3 * * *", [("shift", "first"), ("shift", "both")]),
    ("15 * * * *", [("skip", "both"), ("skip", "first"), ("shift", "last")]),
    ("*/20 0-3 * * *", [("skip", "both"), ("shift", "first")]),
]

rows = []
for zone, days in PLACES:
    for day in days:
        noon = d.datetime.fromisoformat(day + "T12:00:00").replace(tzinfo=zoneinfo.ZoneInfo(zone))
        middle = noon.astimezone(UTC).replace(second=0)
        start, end = middle - d.timedelta(hours=30), middle + d.timedelta(hours=18)
        for cron, rules in CRONS:
            for number, (gap, fold) in enumerate(rules):
                rows.append({
                    "zone": zone, "cron": cron, "default": number == 0, "gap": gap, "fold": fold,
                    "after": start.strftime("%Y-%m-%dT%H:%M:%SZ"), "until": end.strftime("%Y-%m-%dT%H:%M:%SZ"),
                    "ticks": ticks(cron, zone, start + MINUTE, end, gap, fold),
                })
print(json.dumps({"croniter": importlib.metadata.version("croniter"), "tzdata": tzdata.IANA_VERSION}))
for row in rows:
    print(json.dumps(row))
