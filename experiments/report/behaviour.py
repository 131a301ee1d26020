"""What was shown and to whom: exposure by popularity, coverage and novelty as `simulator run` measures them, and from the events of runs that
kept them the diversity of sessions and returns by groups of users."""

from html import escape

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .html import digits, plain, table, with_interval
from .questions import MAIN
from .statistics import interval

SAMPLED = 300  # sessions a seed whose lists are looked at for diversity


class Catalogue:
    """Items and users of one environment, and what the whole log says of them."""

    def __init__(self, folder):
        log = pq.read_table(folder / "interactions.parquet", columns=["user_id", "item_id"])
        items = pq.read_table(folder / "items.parquet")
        users = pq.read_table(folder / "users.parquet") if (folder / "users.parquet").exists() else None
        self.items = items["item_id"].combine_chunks()
        self.users = (users if users is not None else log)["user_id"].combine_chunks().unique()
        names = items["categories"].to_pylist() if "categories" in items.column_names else [None] * len(self.items)
        self.categories = [frozenset(named or ()) for named in names]
        # A pair counts once, however often it stands in the log.
        pairs = np.unique(np.stack([places(log["user_id"], self.users), places(log["item_id"], self.items)]), axis=1)
        pairs = pairs[:, (pairs >= 0).all(axis=0)]
        lengths = np.bincount(pairs[0], minlength=len(self.users))
        # Head, middle and tail: the most popular items that together have a third of the log, the next third, the rest.
        ordered = np.sort(np.bincount(pairs[1], minlength=len(self.items)))[::-1]
        third = np.where(ordered > 0, 3 * (np.cumsum(ordered) - ordered) // max(1, ordered.sum()), 2)
        self.thirds = np.bincount(third, minlength=3)
        self.groups = self._groups(lengths, users)

    @staticmethod
    def _groups(lengths, users):
        """{kind: (names, the group of each user or -1)}: by how much the log has of them, and by gender and age where the data tell."""
        thirds = np.empty(len(lengths), dtype=np.int64)
        thirds[np.argsort(lengths, kind="stable")] = 3 * np.arange(len(lengths)) // max(1, len(lengths))
        groups = {"log": (["fewest interactions in the log", "middle", "most interactions in the log"], thirds)}
        if users is None or "attributes" not in users.column_names:
            return groups
        attributes = [dict(named or ()) for named in users["attributes"].to_pylist()]
        for kind, name in (("age", age_group), ("gender", str)):
            of = [name(named[kind]) if kind in named else None for named in attributes]
            # Those under some age first.
            names = sorted({group for group in of if group is not None}, key=lambda group: (not group.startswith("under"), group))
            if names:
                groups[kind] = (names, np.array([names.index(group) if group is not None else -1 for group in of]))
        return groups


def places(column, ids):
    """Where each value of `column` stands among `ids`; -1 where it does not."""
    found = pc.index_in(column, value_set=ids.cast(column.type))
    return pc.fill_null(found, -1).to_numpy().astype(np.int64)


def age_group(value):
    """Ages in years as four groups; what is a group already stays as it is."""
    if not str(value).isdigit():
        return str(value)
    age = int(value)
    return "under 25" if age < 25 else "25 to 34" if age < 35 else "35 to 49" if age < 50 else "50 and older"


class Shown:
    """What one seed of one method showed: per recommendation the item, the user (their places), the session, and whether it was liked."""

    def __init__(self, path, catalogue):
        events = pq.read_table(path, columns=["user_id", "item_id", "feedback", "episode"])
        self.items = places(events["item_id"], catalogue.items)
        self.users = places(events["user_id"], catalogue.users)
        self.episodes = events["episode"].to_numpy()
        self.likes = events["feedback"].to_numpy()


def diversity(shown, catalogue):
    """1 - Jaccard of the categories, over all pairs of a session's items, of sessions evenly spread over the run; NaN without categories."""
    if not any(catalogue.categories):
        return float("nan")
    order = np.argsort(shown.episodes, kind="stable")
    episodes, starts = np.unique(shown.episodes[order], return_index=True)
    lists = np.split(shown.items[order], starts[1:])
    chosen = np.unique(np.linspace(0, len(episodes) - 1, min(SAMPLED, len(episodes))).astype(int))
    distances = []
    for at in chosen:
        sets = [catalogue.categories[item] for item in lists[at]]
        for first in range(len(sets)):
            for second in range(first + 1, len(sets)):
                union = len(sets[first] | sets[second])
                distances.append(1 - len(sets[first] & sets[second]) / union if union else 0.0)
    return float(np.mean(distances)) if distances else float("nan")


def behaviour(results):
    """Question 7, and cold users of question 6: (HTML on exposure, HTML on groups of users)."""
    shown_parts, group_parts = [], []
    for environment, label in results.plan["environments"].items():
        methods = [
            method
            for method in results.methods(environment, "1", *MAIN)
            if (results.folder / "events" / environment / "1" / "long" / f"{method}-0.parquet").exists()
        ]
        if not methods:
            continue
        catalogue = Catalogue(results.folder / "data" / environment / "1" / "cut-0" / "log")
        rows, grouped = [], {kind: {} for kind in sorted(catalogue.groups)}
        for method in methods:
            ours = results.plan["methods"][method]["kind"] == "ours"
            seeds = [
                Shown(results.folder / "events" / environment / "1" / "long" / f"{method}-{seed}.parquet", catalogue)
                for seed in range(results.plan["seeds"])
            ]
            rows.append((results.label(method), _exposure_cells(results.get(environment, "1", "long", method), seeds, catalogue), ours))
            for kind in grouped:
                grouped[kind][method] = [_returns(shown, catalogue.groups[kind]) for shown in seeds]
        shares = catalogue.thirds
        head = [
            "share of recommendations",
            "head",
            "middle",
            "tail",
            "head: first tenth → last",
            "catalogue shown",
            "Gini of exposure",
            "diversity of a session",
            "novelty, bits",
        ]
        note = (
            f"Head, middle and tail: {shares[0]:,}, {shares[1]:,} and {shares[2]:,} items with a third of the log each, the most popular first. Diversity: mean "
            "1 − Jaccard of two items' categories in a session. Novelty: −log₂ of the share of users who have the item in the log. Mean over seeds."
        )
        shown_parts.append(f"<h3>{escape(label)}</h3>" + table(head, rows, note))
        group_parts.append(_group_tables(results, label, grouped, {kind: names for kind, (names, _) in catalogue.groups.items()}))
    return "".join(shown_parts), "".join(group_parts)


def _exposure_cells(played, seeds, catalogue):
    def mean(metric):
        return float(played.value(metric).mean())

    cells = [f"{100 * mean(f'exposure_{part}'):.1f} %" for part in ("head", "middle", "tail")]
    cells.append(f"{100 * mean('exposure_head_first'):.1f} → {100 * mean('exposure_head_last'):.1f} %")
    cells += [f"{100 * mean('coverage'):.1f} %", plain(mean("gini"), 3)]
    cells.append(plain(float(np.mean([diversity(shown, catalogue) for shown in seeds])), 3))
    return [*cells, plain(mean("novelty"), 2)]


def _returns(shown, groups):
    """{group: likes per session} of one seed, drawn. A session has one user."""
    names, of = groups
    _, starts = np.unique(shown.episodes, return_index=True)
    sessions = of[shown.users[starts]]
    rows = of[shown.users]
    return {
        name: float(shown.likes[rows == at].sum() / np.count_nonzero(sessions == at))
        for at, name in enumerate(names)
        if (sessions == at).any()
    }


def _group_tables(results, label, grouped, order):
    parts = []
    for kind, methods in grouped.items():
        there = {group for seeds in methods.values() for seed in seeds for group in seed}
        groups = [group for group in order[kind] if group in there]
        if len(groups) < 2:
            continue
        rows = []
        for method, seeds in methods.items():
            cells = []
            for group in groups:
                values = [seed[group] for seed in seeds if group in seed]
                triple = interval(values)
                cells.append(with_interval(triple, plain, digits(*triple)))
            rows.append((results.label(method), cells, results.plan["methods"][method]["kind"] == "ours"))
        title = {"log": "by how much the log has of a user"}.get(kind, f"by {kind}")
        parts.append(f"<h3>{escape(label)}, {title}</h3>" + table(["likes per session", *groups], rows))
    return "".join(parts)
