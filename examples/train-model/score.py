"""penguins.score: {"train", "features", "model", "size"} -> the same with "accuracy" and "f1", by cross-validation."""
import json
import sys

import models

FOLDS = 5

task = json.load(sys.stdin)
rows = models.read(task["train"])
truth, guesses = [], []
for fold in range(FOLDS):
    seen = [row for index, row in enumerate(rows) if index % FOLDS != fold]
    unseen = [row for index, row in enumerate(rows) if index % FOLDS == fold]
    trained = models.train(seen, task["model"], task["size"], task["features"])
    truth += [row["species"] for row in unseen]
    guesses += [models.best_guess(trained, row) for row in unseen]

result = models.judge(truth, guesses)
print(f"{task['model']} of size {task['size']}: f1 {result['f1']}", file=sys.stderr)
choice = {name: task[name] for name in ("model", "size", "features")}
json.dump({**choice, "accuracy": result["accuracy"], "f1": result["f1"]}, sys.stdout)
