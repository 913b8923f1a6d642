"""penguins.log: {"file", "line"} -> {"logged"}; adds one line to a file, once per job however often the task runs."""
import json
import os
import sys
import time

task = json.load(sys.stdin)
os.makedirs(os.path.dirname(os.path.abspath(task["file"])), exist_ok=True)
with open(task["file"], "a+", encoding="utf-8") as log:
    log.seek(0)
    job = os.environ.get("WARRENER_JOB", "")
    logged = any(job and job in line for line in log)
    if not logged:
        log.write(f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} {task['line']}\n")
json.dump({"logged": not logged}, sys.stdout)
