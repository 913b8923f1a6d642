"""penguins.fit: {"train", "best", "file"} -> {"file"}, the chosen model trained on the whole training part."""
import json
import sys

import models

task = json.load(sys.stdin)
best = task["best"]
trained = models.train(models.read(task["train"]), best["model"], best["size"], best["features"])
with open(task["file"], "w", encoding="utf-8") as out:
    json.dump(trained, out)
json.dump({"file": task["file"]}, sys.stdout)
