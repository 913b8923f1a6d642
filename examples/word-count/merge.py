"""text.merge: {"parts", "top"} -> {"totals", "top"}, the reduce step."""
import collections
import json
import sys

task = json.load(sys.stdin)
totals = {"files": len(task["parts"]), "lines": 0, "words": 0, "bytes": 0}
counts = collections.Counter()
for part in task["parts"]:
    for unit in ("lines", "words", "bytes"):
        totals[unit] += part[unit]
    counts.update(part["counts"])

by_count_then_name = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
json.dump({"totals": totals, "top": dict(by_count_then_name[: task["top"]])}, sys.stdout)
