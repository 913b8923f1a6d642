"""text.count: {"file"} -> {"file", "lines", "words", "bytes", "counts"}, one part of the map step."""
import collections
import json
import re
import sys

file = json.load(sys.stdin)["file"]
with open(file, "rb") as text:
    data = text.read()

words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", data.decode("utf-8", "replace").lower())
json.dump(
    {
        "file": file,
        "lines": data.count(b"\n"),
        "words": len(data.split()),  # what `wc` calls a word: anything between white space
        "bytes": len(data),
        "counts": collections.Counter(words),  # what a reader calls a word: letters only
    },
    sys.stdout,
)
