"""Prints a job's output, JSON on stdin, the way a person likes to read it."""
import json
import sys


def show(value, indent):
    if not isinstance(value, dict):
        print(f"{indent}{word(value)}")
        return
    width = max(map(len, value), default=0)
    for name, part in value.items():
        if isinstance(part, dict):
            print(f"{indent}{name}")
            show(part, indent + "  ")
        else:
            print(f"{indent}{name:<{width}}  {word(part)}")


def word(value):
    if isinstance(value, list):
        return ", ".join(map(word, value)) or "none"
    return value if isinstance(value, str) else json.dumps(value)


show(json.load(sys.stdin), "    ")
