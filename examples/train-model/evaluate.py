"""penguins.evaluate: {"model", "holdout"} -> {"accuracy", "f1", "confusion"} on penguins the model has never seen."""
import json
import sys

import models

task = json.load(sys.stdin)
with open(task["model"], encoding="utf-8") as file:
    trained = json.load(file)
rows = models.read(task["holdout"])
json.dump(models.judge([row["species"] for row in rows], [models.best_guess(trained, row) for row in rows]), sys.stdout)
