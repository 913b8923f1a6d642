"""penguins.cleanup: {"folder"} -> {"removed"}; takes away the temporary folder of preprocess and nothing else."""
import json
import os
import shutil
import sys
import tempfile

folder = json.load(sys.stdin)["folder"]
if folder is None:  # preprocess never came so far
    json.dump({"removed": None}, sys.stdout)
    sys.exit(0)

home, name = os.path.split(os.path.realpath(folder))
if home != os.path.realpath(tempfile.gettempdir()) or not name.startswith("warrener-penguins-"):
    print(f"removing the temporary folder: {folder} is not one that preprocess makes", file=sys.stderr)
    sys.exit(65)
shutil.rmtree(folder, ignore_errors=True)  # gone already is fine: a task may run twice
json.dump({"removed": folder}, sys.stdout)
