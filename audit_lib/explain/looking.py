"""Drive a version's hooks for all that is explained: rows, contributions, rules, decisions."""

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields

import numpy as np

from audit_lib.arrays import Floats
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.explain import evidence, learned
from audit_lib.explain.answers import HookFunction, decisions_of, heads_of
from audit_lib.explain.attribution import Attributed, Setting, attribute, lines
from audit_lib.explain.conditions import Learned, split_in_time
from audit_lib.explain.factors import DecisionLine, Difference, decision_lines, winners_and_losers
from audit_lib.explain.importance import groups
from audit_lib.explain.orders import decisions_hook, orders_of
from audit_lib.explain.rows import Rows, inputs_of
from audit_lib.explain.rules import learn
from audit_lib.explain.verdicts import Observations
from audit_lib.host import HookError
from audit_lib.model import Evidence
from audit_lib.probes.questions.samples import declared_targets
from audit_lib.subject.subject import Subject

Progress = Callable[[str], None]
ORDERS, WINNERS = "decision_factor_attribution.csv", "winners_losers.csv"
#: bars between the rows that rules are learned on and those they are judged on, at least
PURGE = 20


def look(
    subject: Subject, setting: Setting, progress: Progress = lambda _: None
) -> tuple[Observations, dict[str, str]]:
    """Drive the hooks: what was seen, and what could not be told, with the reason.

    Raises:
        NotAssessed, NotApplicable: as :func:`explain`.
    """
    progress("asking for rows")
    rows, rng = inputs_of(subject), np.random.default_rng(setting.seed)
    lacking: dict[str, str] = {}
    answers_of: dict[str, HookFunction] = {}
    heads = heads_of(subject.hook("predictor.predict", again=False), rows, rng)
    answers_of["predictor.predict"] = heads
    try:
        hook = decisions_hook(subject)
        answers_of[hook] = decisions_of(subject.hook(hook, again=False), rows, rng)
    except (NotAssessed, NotApplicable) as error:
        lacking["decision"] = str(error)
    whole = not all(a.together for a in answers_of.values())
    sample = rows.drawn(setting.rows, rng, whole_dates=whole)
    attributed: list[Attributed] = []
    hooks: dict[str, str] = {}
    for name, answers in answers_of.items():
        progress(f"attributing the answers of {name}")
        try:
            heads_here = attribute(answers, sample, setting, subject=subject)
        except (NotAssessed, HookError) as error:
            lacking[name] = str(error)
            continue
        attributed += heads_here
        hooks |= {a.name: name for a in heads_here}
    if not attributed:
        raise NotAssessed("; ".join(f"{k}: {v}" for k, v in lacking.items()))
    lacking |= _silences(sample)
    if subject.has("predictor.sides"):
        lacking["tables beside the features"] = "held as they are: what they do is not told apart"
    for head in attributed:
        if all(head.idle(i) for i in range(len(head.sizes))):
            lacking[head.name] = "no factor moves it: what does is no column of the features"
    progress("learning rules")
    together = groups(sample.table)
    wide = rows.latest(setting.surrogate_rows)
    answered = _answered(answers_of, wide, lacking)
    conditions = tuple(_rules(subject, wide, answered, together, setting, progress))
    progress("telling decisions")
    drawn = {h.name: list(lines(h, sample, setting.seed)) for h in attributed}
    pictures = list(evidence.drawn(attributed, sample, drawn, setting.seed))
    pictures += evidence.conditions([learned.rules_record(subject, c) for c in conditions])
    tables = _decided(subject, hooks, attributed, sample, pictures, lacking, setting.seed)
    seen = Observations(
        wide,
        answered,
        sample,
        tuple(attributed),
        conditions,
        tuple(together),
        hooks,
        tuple(pictures),
        {**{n: learned.attribution_csv(part) for n, part in drawn.items()}, **tables},
        drawn,
    )
    return seen, lacking


def _decided(
    subject: Subject,
    hooks: dict[str, str],
    heads: list[Attributed],
    sample: Rows,
    pictures: list[Evidence],
    lacking: dict[str, str],
    seed: int,
) -> dict[str, bytes]:
    """Tables about single decisions: their factors, gates and outcomes; winners and losers."""
    decided = next((h for h in reversed(heads) if h.name in ("position", "decision")), None)
    if decided is None:
        return {}
    try:
        orders = orders_of(subject, hooks[decided.name], sample)
    except (NotAssessed, NotApplicable) as error:
        lacking["orders"] = str(error)
        return {}
    lacking |= orders.lacking
    differences, why = winners_and_losers(orders, sample, decided, seed)
    if why:
        lacking["winners and losers"] = why
    else:
        pictures.append(evidence.compared(differences))
    pictures.append(evidence.funnel(orders))
    decisions = decision_lines(orders, sample, decided)
    return {
        ORDERS: learned.as_csv([f.name for f in fields(DecisionLine)], map(asdict, decisions)),
        WINNERS: learned.as_csv([f.name for f in fields(Difference)], map(asdict, differences)),
    }


def _answered(
    hooks: dict[str, HookFunction], rows: Rows, lacking: dict[str, str]
) -> dict[str, Floats]:
    """What every head and the decision answer to the rows that rules are learned on."""
    answered: dict[str, Floats] = {}
    for name, answers in hooks.items():
        try:
            got = answers.one(rows.table)
        except (NotAssessed, HookError) as error:
            lacking[f"rules of {name}"] = str(error)
            continue
        answered |= {head: got[:, i] for i, head in enumerate(answers.names)}
    side = answered.get("decision")
    if side is not None:
        if len(np.unique(side[np.isfinite(side)])) > 2:
            answered["enter"] = np.where(np.isnan(side), np.nan, (side != 0).astype(float))
        if "position" in answered:
            held = np.abs(answered.pop("position"))
            answered["size"] = np.where(side != 0, held, np.nan)
        leaves = _exits(side, rows)
        if leaves is None:
            lacking["exit"] = "rows have no dates and assets, so that nothing follows anything"
        else:
            answered["exit"] = leaves
    return answered


def _exits(side: Floats, rows: Rows) -> Floats | None:
    """1 where an asset's side differs from that of its row before, which was a position; else 0."""
    if rows.dates is None or rows.assets is None:
        return None
    order = np.lexsort((rows.dates, rows.assets))
    before = np.full(len(side), np.nan)
    same = rows.assets[order][1:] == rows.assets[order][:-1]
    before[order[1:][same]] = side[order[:-1][same]]
    held = np.isfinite(before) & (before != 0) & np.isfinite(side)
    return np.where(held, (side != before).astype(float), np.nan)


def _rules(
    subject: Subject,
    rows: Rows,
    answered: dict[str, Floats],
    together: list[tuple[str, ...]],
    setting: Setting,
    progress: Progress,
) -> Iterator[Learned]:
    split = split_in_time(rows, purge_of(subject))
    group = {name: members[0] for members in together for name in members}
    for name, values in answered.items():
        progress(f"learning rules of {name}")
        yield learn(name, values, rows, split, seed=setting.seed, group=group)


def purge_of(subject: Subject) -> int:
    """Bars that no row of the earlier part may share with a label of the later one."""
    declared = [t.get("horizon") for t in declared_targets(subject).values()]
    return max([PURGE, *(h for h in declared if isinstance(h, int))])


def _silences(sample: Rows) -> dict[str, str]:
    lacking = {}
    if sample.regimes is None:
        lacking["regimes"] = "no row says which regime it is in (regimes of explain.inputs)"
    if sample.dates is None:
        lacking["periods"] = "rows have no dates (dates of explain.inputs, or a level of the index)"
    text = [c for c in sample.columns if c not in sample.numeric]
    if text:
        lacking["rules over text"] = f"{', '.join(text[:5])}: rules are made of numbers alone"
    return lacking
