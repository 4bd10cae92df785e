"""What changed in what was learned, from one version to another."""

import math
from collections.abc import Iterable, Iterator
from typing import Literal

from audit_lib.explain.records import Head, Measured, Record, RuleRecord, Rules, Summary, TopFactor

#: a share of importance must change by that much, beyond what its interval explains
MOVED = 0.05
#: a factor must have that share in both for its direction to be compared
MATTERS = 0.02
#: stability from which a rule is compared
STABLE = 0.5


class Change(Record):
    """One thing that changed."""

    head: str
    kind: Literal["share", "direction", "regime", "rule gone", "rule new", "head gone", "head new"]
    what: str
    before: str = ""
    after: str = ""


class Between(Record):
    """``between.json``: changes from one version to another, in the order of the heads."""

    format: Literal["learned-between/1"] = "learned-between/1"
    subject: str
    before: str
    after: str
    changes: tuple[Change, ...]

    @property
    def words(self) -> str:
        """The changes in a line."""
        if not self.changes:
            return f"as {self.before}: nothing changed beyond its interval"
        kinds = dict.fromkeys(c.kind for c in self.changes)
        counted = (f"{sum(c.kind == k for c in self.changes)} {_WORDS[k]}" for k in kinds)
        moved = [c for c in self.changes if c.kind in ("direction", "share")][:2]
        first = "; ".join(f"{c.head}: {c.what} {c.before} → {c.after}" for c in moved)
        return f"since {self.before}: {', '.join(counted)}" + (f" ({first})" if first else "")


_WORDS = {
    "share": "factors with another weight",
    "direction": "factors turned round",
    "regime": "factors with another weight in some regime alone",
    "rule gone": "rules gone",
    "rule new": "rules new",
    "head gone": "heads gone",
    "head new": "heads new",
}


def between(before: Summary, after: Summary) -> Between:
    """Everything that changed beyond what the intervals explain."""
    old, new = ({h.name: h for h in s.heads} for s in (before, after))
    changes: list[Change] = []
    changes += [Change(head=n, kind="head gone", what=n) for n in old if n not in new]
    changes += [Change(head=n, kind="head new", what=n) for n in new if n not in old]
    for name in (n for n in new if n in old):
        changes += _factors(old[name], new[name])
    was, now = ({r.head: r for r in s.learned} for s in (before, after))
    for name in (n for n in now if n in was):
        changes += _rules(was[name], now[name])
    return Between(
        subject=after.subject, before=before.version, after=after.version, changes=tuple(changes)
    )


def _factors(before: Head, after: Head) -> Iterator[Change]:
    old = {f.factor: f for f in before.factors}
    new = {f.factor: f for f in after.factors}
    if before.method == after.method:  # else the two are not in one unit
        overall = list(_weights(after.name, "share", before.factors, after.factors))
        yield from overall
        moved = {change.what for change in overall}
        for regime in (r for r in after.regimes if r in before.regimes):
            for change in _weights(
                after.name, "regime", before.regimes[regime], after.regimes[regime]
            ):
                if change.what not in moved:
                    yield change.model_copy(update={"what": f"{change.what} in {regime}"})
    for name in (n for n in new if n in old):
        ways = [f.direction for f in (old[name], new[name])]
        enough = min(f.share or 0 for f in (old[name], new[name])) >= MATTERS
        signs = [_sign(w) for w in ways]
        if enough and signs[0] * signs[1] < 0:
            was, now = (f"{w.value:+.2f}" for w in ways)
            yield Change(head=after.name, kind="direction", what=name, before=was, after=now)


def _weights(
    head: str,
    kind: Literal["share", "regime"],
    before: Iterable[TopFactor],
    after: Iterable[TopFactor],
) -> Iterator[Change]:
    """Factors whose share moved by more than its interval explains."""
    old, new = ({f.factor: f for f in factors} for factors in (before, after))
    for name in dict.fromkeys([*new, *old]):
        was, now = _share(old.get(name)), _share(new.get(name))
        moved = abs(now[0] - was[0])
        if moved > MOVED and moved > 1.96 * math.hypot(was[1], now[1]):
            shares = {"before": f"{was[0]:.0%}", "after": f"{now[0]:.0%}"}
            yield Change(head=head, kind=kind, what=name, **shares)


def _share(factor: TopFactor | None) -> tuple[float, float]:
    """Share and its standard error; nothing where the factor is none of the version's."""
    if factor is None or not factor.importance.value:
        return 0.0, 0.0
    share = factor.share or 0.0
    return share, share * (factor.importance.error or 0.0) / factor.importance.value


def _sign(measured: Measured) -> int:
    if measured.low is None or measured.high is None:
        return 0
    return 1 if measured.low > 0 else -1 if measured.high < 0 else 0


def _rules(before: Rules, after: Rules) -> Iterator[Change]:
    old, new = ({_kind(r): r for r in learned.rules} for learned in (before, after))
    for kind, rule in old.items():
        if kind not in new and rule.stability >= STABLE:
            yield Change(head=after.head, kind="rule gone", what=kind, before=rule.sentence)
    for kind, rule in new.items():
        if kind not in old and rule.stability >= STABLE:
            yield Change(head=after.head, kind="rule new", what=kind, after=rule.sentence)


def _kind(rule: RuleRecord) -> str:
    """Factors, sides and outcome, without the numbers."""
    sides = sorted(
        f"{c.factor} {side}"
        for c in rule.conditions
        for side, bound in (("above", c.above), ("up to", c.up_to))
        if bound is not None
    )
    outcome = f"{rule.event.value:g}" if rule.event.kind == "equals" else rule.event.kind
    return f"{', '.join(sides)}: {outcome}"
