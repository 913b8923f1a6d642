"""penguins.request: a penguin as the caller sent it -> the same, checked; a wrong request is refused for good."""
import json
import math
import sys

MEASURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")

penguin = json.load(sys.stdin)
if not isinstance(penguin, dict):
    print(f"reading the request: a penguin is an object with {', '.join(MEASURES)}", file=sys.stderr)
    sys.exit(65)
for name in MEASURES:
    value = penguin.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        print(f"reading the request: {name} has to be a number above 0, not {json.dumps(value)}", file=sys.stderr)
        sys.exit(65)
json.dump({name: penguin[name] for name in MEASURES}, sys.stdout)
