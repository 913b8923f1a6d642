"""penguins.preprocess: {"data", "seed"} -> {"folder", "train", "holdout", "rows"}, split alike within each species."""
import csv
import json
import os
import random
import sys
import tempfile

import models

HOLDOUT = 0.25

task = json.load(sys.stdin)
try:
    rows = models.read(task["data"])
except (OSError, KeyError, ValueError) as problem:
    print(f"reading the penguins: {task['data']}: {problem}", file=sys.stderr)
    sys.exit(65)

train, holdout = [], []
for species in sorted({row["species"] for row in rows}):
    same = [row for row in rows if row["species"] == species]
    random.Random(task["seed"]).shuffle(same)
    cut = round(len(same) * HOLDOUT)
    holdout += same[:cut]
    train += same[cut:]

folder = tempfile.mkdtemp(prefix="warrener-penguins-")
files = {"train": train, "holdout": holdout}
for name, part in files.items():
    with open(os.path.join(folder, f"{name}.csv"), "w", newline="", encoding="utf-8") as table:
        writer = csv.DictWriter(table, ["species", *models.MEASURES])
        writer.writeheader()
        writer.writerows(part)

print(f"{len(train)} rows to train, {len(holdout)} held out, in {folder}", file=sys.stderr)
json.dump(
    {
        "folder": folder,
        "train": os.path.join(folder, "train.csv"),
        "holdout": os.path.join(folder, "holdout.csv"),
        "rows": {name: len(part) for name, part in files.items()},
    },
    sys.stdout,
)
