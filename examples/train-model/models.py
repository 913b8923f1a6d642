"""Three small classifiers in plain Python. A trained model is a JSON object; `predict` needs nothing else."""
import collections
import csv
import math

MEASURES = ("bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g")
LEARNING_RATE = 1.0
PASSES_PER_SIZE = 30


def read(path):
    """The complete rows of a table of penguins; rows with a gap are left out."""
    with open(path, newline="", encoding="utf-8") as table:
        rows = list(csv.DictReader(table))
    return [
        {"species": row["species"], **{name: float(row[name]) for name in MEASURES}}
        for row in rows
        if all(row[name] not in ("", "NA") for name in MEASURES)
    ]


def train(rows, model, size, features):
    """Fits one model; `size` is the neighbours asked, the depth of the tree or the passes (times 30)."""
    scale = [standard_scale([row[name] for row in rows]) for name in features]
    species = sorted({row["species"] for row in rows})
    trained = {"model": model, "size": size, "features": features, "scale": scale, "species": species}
    points = [(scaled(trained, row), row["species"]) for row in rows]
    if model == "neighbours":
        trained["points"] = points
    elif model == "tree":
        trained["tree"] = grow(points, size)
    elif model == "logistic":
        trained["weights"] = descend(points, species, PASSES_PER_SIZE * size)
    else:
        raise ValueError(f"unknown model {model!r}: it is one of neighbours, tree, logistic")
    return trained


def predict(trained, row):
    """How likely each species is, by name."""
    point = scaled(trained, row)
    if trained["model"] == "neighbours":
        nearest = sorted(trained["points"], key=lambda known: math.dist(known[0], point))[: trained["size"]]
        votes = collections.Counter(species for _, species in nearest)
    elif trained["model"] == "tree":
        node = trained["tree"]
        while "votes" not in node:
            node = node["below"] if point[node["feature"]] < node["at"] else node["above"]
        votes = node["votes"]
    else:
        votes = softmax(trained["weights"], point)
    total = sum(votes.values())
    return {species: votes.get(species, 0) / total for species in trained["species"]}


def best_guess(trained, row):
    """The most likely species."""
    likely = predict(trained, row)
    return max(likely, key=likely.get)


def judge(truth, guesses):
    """Accuracy, F1 (the mean over the species) and the confusion matrix `{truth: {guess: n}}`."""
    names = sorted(set(truth) | set(guesses))
    confusion = {name: dict.fromkeys(names, 0) for name in names}
    for is_, guess in zip(truth, guesses):
        confusion[is_][guess] += 1
    right = {name: confusion[name][name] for name in names}
    f1 = [2 * right[name] / (truth.count(name) + guesses.count(name)) for name in names]
    return {
        "accuracy": round(sum(right.values()) / len(truth), 4),
        "f1": round(sum(f1) / len(f1), 4),
        "confusion": confusion,
    }


def standard_scale(values):
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
    return [mean, deviation or 1.0]


def scaled(trained, row):
    return [(row[name] - mean) / width for name, (mean, width) in zip(trained["features"], trained["scale"])]


def grow(points, depth):
    """A decision tree: the cut that leaves the purest halves, again and again."""
    votes = collections.Counter(species for _, species in points)
    cut = best_cut(points) if depth > 0 and len(votes) > 1 else None
    if cut is None:
        return {"votes": votes}
    feature, at = cut
    below = [known for known in points if known[0][feature] < at]
    above = [known for known in points if known[0][feature] >= at]
    return {"feature": feature, "at": at, "below": grow(below, depth - 1), "above": grow(above, depth - 1)}


def best_cut(points):
    best = None
    for feature in range(len(points[0][0])):
        ordered = sorted(points, key=lambda known: known[0][feature])
        below, above = collections.Counter(), collections.Counter(species for _, species in ordered)
        for (left, species), (right, _) in zip(ordered, ordered[1:]):
            below[species] += 1
            above[species] -= 1
            if left[feature] < right[feature]:
                mixed = impurity(below) + impurity(above)
                if best is None or mixed < best[0]:
                    best = (mixed, feature, (left[feature] + right[feature]) / 2)
    return best and best[1:]


def impurity(votes):
    """The Gini impurity, weighted by the number of points."""
    total = sum(votes.values())
    return total - sum(count * count for count in votes.values()) / total


def descend(points, species, passes):
    """Logistic regression by gradient descent; the last weight of each species is its offset."""
    weights = {name: [0.0] * (len(points[0][0]) + 1) for name in species}
    for _ in range(passes):
        slope = {name: [0.0] * len(row) for name, row in weights.items()}
        for point, truth in points:
            for name, likely in softmax(weights, point).items():
                error = likely - (name == truth)
                for index, value in enumerate([*point, 1.0]):
                    slope[name][index] += error * value
        for name, row in weights.items():
            weights[name] = [w - LEARNING_RATE * s / len(points) for w, s in zip(row, slope[name])]
    return weights


def softmax(weights, point):
    sums = {name: sum(w * v for w, v in zip(row, [*point, 1.0])) for name, row in weights.items()}
    top = max(sums.values())
    powers = {name: math.exp(value - top) for name, value in sums.items()}
    total = sum(powers.values())
    return {name: power / total for name, power in powers.items()}
