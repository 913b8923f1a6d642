"""Medians over the rounds, as a table and as a document."""

from statistics import median

# Column, and the row and what of the measurement.
COLUMNS = [
    ("forgotten /s", "forget", "tasks"),
    ("answered /s", "single", "tasks"),
    ("1 task p50", "roundtrip", "p50"),
    ("p99 ms", "roundtrip", "p99"),
    ("chain of 3 p50", "chain", "p50"),
    ("1-100-1 p50 ms", "fan", "p50"),
]
ROLES = ["client", "orchestrator", "worker", "broker", "redis"]
WARRENER, ALONE = "warrener", "broker alone"
# Ratios that the targets are about: the row of Warrener against the row of the peer.
RATIOS = [
    ("forget", "forget"),
    ("forget_many", "forget"),
    ("forget", "forget_each"),
    ("single", "single"),
    ("single", "forget"),
    ("mapped", "forget"),
]
# What Warrener calls the throughput of a row.
THROUGHPUT = ("tasks", "jobs")


def medians(lines):
    """One measurement for each system, row and what; null where the peer has no means."""
    found = {}
    for line in lines:
        found.setdefault((line["system"], line["row"], line["what"]), []).append(line)
    result = []
    for (system, row, what), group in found.items():
        values = [line["value"] for line in group if line["value"] is not None]
        value = median(values) if values else None
        result.append({"system": system, "row": row, "what": what, "unit": group[0]["unit"], "value": value})
    return result


def ratios(lines, peers):
    """The median over the rounds of Warrener's rate against the peer's in the same round."""
    rates = {}
    for line in lines:
        if line["what"] in THROUGHPUT and line["value"]:
            rates[line["system"], line["row"], line["round"]] = line["value"]
    result = []
    for ours, theirs in RATIOS:
        for peer in peers:
            rounds = [number for system, row, number in rates if (system, row) == (peer, theirs)]
            pairs = [(rates.get((WARRENER, ours, number)), rates[peer, theirs, number]) for number in rounds]
            both = [one / other for one, other in pairs if one]
            if both:
                result.append({"ours": ours, "peer": peer, "theirs": theirs, "ratio": median(both)})
    return result


def text(middle, found_ratios, titles):
    """The tables that a person reads."""
    cells = {(line["system"], line["row"], line["what"]): line for line in middle}
    return "\n\n".join(
        [
            table("Medians", ["", *(title for title, _, _ in COLUMNS)], rate_rows(cells, titles)),
            table("CPU of each task, µs", ["", "row", "all", *ROLES], cost_rows(cells, titles)),
            table("Warrener against", ["", *(f"{ours} : {theirs}" for ours, theirs in RATIOS)],
                  ratio_rows(found_ratios, titles)),
        ]
    )


def rate_rows(cells, titles):
    for system, title in titles.items():
        yield [title, *(cell(cells, system, row, what) for _, row, what in COLUMNS)]
    for system in titles:
        if (system, "forget_each", "tasks") in cells:
            each = cell(cells, system, "forget_each", "tasks")
            yield [f"{titles[system]}: a call for each", each, "", "", "", "", ""]
    if (WARRENER, "forget_many", "jobs") in cells:
        many = cell(cells, WARRENER, "forget_many", "jobs")
        yield [f"{titles.get(WARRENER, WARRENER)}: 100 jobs in a message", many, "", "", "", "", ""]
    for system in (WARRENER, ALONE):
        if (system, "mapped", "tasks") in cells:
            mapped = cell(cells, system, "mapped", "tasks")
            yield [f"{titles.get(system, system)}: tasks of one job", "", mapped, "", "", "", ""]


def cell(cells, system, row, what):
    line = cells.get((system, row, what)) or cells.get((system, row, "jobs" if what == "tasks" else what))
    if line is None:
        return "-"
    return "can't" if line["value"] is None else number(line["value"])


def cost_rows(cells, titles):
    for system, title in titles.items():
        for row in ("forget", "single", "mapped"):
            costs = [cells.get((system, row, f"{role} CPU for each")) for role in ROLES]
            if any(costs):
                whole = number(sum(cost["value"] for cost in costs if cost))
                # Warrener's client is told only by a version that measures it, servers only if their process is known.
                whole += "" if costs[0] else " +client"
                whole += "" if any(costs[3:]) else " +servers"
                yield [title, row, whole, *(number(cost["value"]) if cost else "" for cost in costs)]


def ratio_rows(found, titles):
    by_pair = {(line["peer"], line["ours"], line["theirs"]): line["ratio"] for line in found}
    for system, title in titles.items():
        cells = [by_pair.get((system, *pair)) for pair in RATIOS]
        if any(cells):
            yield [title, *(f"{ratio:.2f}" if ratio else "-" for ratio in cells)]


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"


def table(title, header, rows):
    lines = [header, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(header))]
    return "\n".join([title, *(aligned(line, widths) for line in lines)])


def aligned(line, widths):
    """Names to the left, numbers to the right."""
    first, *others = zip(line, widths)
    return "  ".join([first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)])
