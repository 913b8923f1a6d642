"""Prints a job's output, JSON on stdin, the way a person likes to read it."""
import json
import sys


def show(value, indent):
    if not isinstance(value, dict):
        print(f"{indent}{value}")
        return
    width = max(map(len, value), default=0)
    for name, part in value.items():
        if isinstance(part, dict):
            print(f"{indent}{name}")
            show(part, indent + "  ")
        else:
            print(f"{indent}{name:<{width}}  {', '.join(map(str, part)) if isinstance(part, list) else part}")


show(json.load(sys.stdin), "    ")
