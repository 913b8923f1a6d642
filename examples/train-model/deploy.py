"""penguins.deploy: {"model", "models", "f1"} -> {"file", "f1"}; readers see the old or the new model, never a half."""
import json
import os
import shutil
import sys

task = json.load(sys.stdin)
os.makedirs(task["models"], exist_ok=True)
target = os.path.join(task["models"], "penguins.json")
draft = f"{target}.{os.getpid()}"
shutil.copyfile(task["model"], draft)
os.replace(draft, target)
print(f"deployed {target}", file=sys.stderr)
json.dump({"file": target, "f1": task["f1"]}, sys.stdout)
