"""penguins.predict: {"penguin", "models"} -> {"species", "certainty", "model"}, by the deployed or shipped model."""
import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "train-model"))
import models  # noqa: E402  (the same code that trained the model)

task = json.load(sys.stdin)
deployed = os.path.join(task["models"], "penguins.json")
source = deployed if os.path.exists(deployed) else os.path.join(HERE, "penguins.json")
with open(source, encoding="utf-8") as file:
    likely = models.predict(json.load(file), task["penguin"])

species = max(likely, key=likely.get)
model = "deployed" if source == deployed else "shipped"
json.dump({"species": species, "certainty": round(likely[species], 3), "model": model}, sys.stdout)
