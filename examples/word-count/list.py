"""text.list: {"folder"} -> {"files", "skipped"}, the readable text files of a folder, each once."""
import json
import os
import sys

folder = os.path.realpath(json.load(sys.stdin)["folder"])
if not os.path.isdir(folder):
    print(f"listing texts: {folder} is not a folder; give another one with --set input.folder=PATH", file=sys.stderr)
    sys.exit(65)  # the input is wrong: trying again would not help

files, skipped = set(), []
for name in sorted(os.listdir(folder)):
    path = os.path.realpath(os.path.join(folder, name))  # several names may lead to one file
    if os.path.commonpath([folder, path]) != folder:
        skipped.append(f"{name}: leads out of the folder")
    elif not os.path.isfile(path):
        skipped.append(f"{name}: not a file")
    elif not os.access(path, os.R_OK):
        skipped.append(f"{name}: not readable")
    else:
        files.add(path)

print(f"{len(files)} files, {len(skipped)} skipped", file=sys.stderr)
json.dump({"files": sorted(files), "skipped": skipped}, sys.stdout)
