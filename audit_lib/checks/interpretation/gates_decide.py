import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Scalar, Severity
from audit_lib.probes.prediction.heads import HeadKind
from audit_lib.probes.prediction.orders import head_kinds, orders_of
from audit_lib.probes.prediction.thresholds import thresholds
from audit_lib.probes.questions.asking import Reply, ask, ask_many, frame, mapping
from audit_lib.probes.questions.samples import inputs, whole_dates

STAGES, ORDERS, RULES = "explain.stages", "decisions.backtest", "decisions.rules_backtest"
COLUMNS = ("row", "gate", "value", "threshold", "passed")
STRETCHES = (1.0, 3.0, 10.0)


class GatesDecideByTheirThreshold(Check):
    """Each risk gate follows its threshold, can be reached, and is what stopped the order.

    What it checks
        For each gate of `explain.stages`: it passes on one side of its threshold and refuses on the
        other, in every row; a value that is NaN does not pass; over real rows it does not refuse
        every order, and its threshold lies within `far` times what its values reach; no earlier
        stage cuts its values off at the threshold, or a head short of a score at which the rules
        change. An order that names a gate was refused by it, and one that a gate refused is not
        placed as if none had.
    Why it matters
        A limit in per cent beside a value that is a fraction never trips, and one per minute beside
        one per year always does. Both look like a working gate until the day it is needed.
    How
        Asks `explain.stages` for values, thresholds and verdicts of real rows, and of rows whose
        features are three and ten times as large; and `decisions.backtest` for the orders of the
        same rows. A head is cut off where its largest or smallest value is served for many raw
        outputs that differ; the scores at which `decisions.rules_backtest` changes are measured.
    Limitations
        Gates without a number (a calendar, a list of names) are looked at for whom they stopped
        only. A threshold that a quiet sample does not reach is no fault within `far`. Where the map
        of a probability ends is learnt, and is shown only.
    Remediation
        Keep threshold and value in one unit, write the comparison once, and refuse what is NaN.
    Sources
        SR 11-7 section V (limits on model use); IEEE 754-2019 section 5.11.
    """

    code = "INT007"
    severity = Severity.HIGH
    needs = (STAGES,)
    offered = (STAGES,)

    rows: int = Field(4000, ge=50, description="rows of the sample that are used")
    fewest: int = Field(30, ge=5, description="verdicts of a gate below which nothing is told")
    far: float = Field(30.0, gt=1, description="times its values at which a threshold is too far")

    def run(self, subject: Subject) -> Answers:
        """Ask about real rows and stretched ones."""
        features = whole_dates(inputs(subject), self.rows)
        stages = {s: self._stages(subject, features * s) for s in STRETCHES}
        tables = {s: self._gates(reply) for s, reply in stages.items()}
        real = tables[1.0]
        every = pd.concat([t for t in tables.values() if len(t)] or [real], ignore_index=True)
        if not len(every):
            raise NotAssessed(f"{STAGES} tells of no gate on these rows")
        rows: list[tuple[Scalar, ...]] = []
        findings: list[Answer] = []
        for name, table in every.groupby("gate", sort=True):
            own = real[real["gate"] == name]
            values = table["value"].to_numpy(np.float64)
            low, high = (float(f(values)) if np.isfinite(values).any() else 0.0
                         for f in (np.nanmin, np.nanmax))  # fmt: skip
            share = float(own["passed"].mean()) if len(own) else "no real row"
            rows.append((str(name), len(table), len(own), share, low, high))
            findings += self._judged(str(name), table, own)
        yield Examined(len(every), "verdicts of gates")
        columns = ("gate", "verdicts", "on real rows", "of these pass", "lowest", "highest")
        yield Evidence("gates", "What each gate was shown, and said", columns, tuple(rows))
        yield from findings
        if subject.has(ORDERS):
            for stretch, table in tables.items():
                order_findings = list(self._orders(subject, features * stretch, table))
                yield from order_findings
                if order_findings:
                    break
        if subject.has(RULES) and subject.has("predictor.predict"):
            raw = pd.concat([frame(reply.get("raw", pd.DataFrame())) for reply in stages.values()])
            yield from self._cut_off(subject, features, raw)

    def _cut_off(self, subject: Subject, features: pd.DataFrame, raw: pd.DataFrame) -> Answers:
        """Heads that end, for raw outputs that go on, before a score at which the rules change."""
        questions = [(features * s,) for s in STRETCHES] if len(raw.columns) else []
        replies = ask_many(subject.hook("predictor.predict"), questions, into=frame)
        if not replies or not all(r.answered and len(r.got) == len(features) for r in replies):
            return
        served = pd.concat([r.got for r in replies])
        try:
            steps, kinds = thresholds(subject, RULES), head_kinds(subject)
        except NotAssessed:
            return  # nobody says what the heads are
        rows: dict[tuple[str, float, int, float], None] = {}
        for step in steps:
            if step.head not in raw or len(raw) != len(served):
                continue
            head, source = (t[step.head].to_numpy(np.float64) for t in (served, raw))
            for end, beyond in ((np.nanmax(head), step.below), (np.nanmin(head), step.above)):
                over = beyond > end if end == np.nanmax(head) else beyond < end
                held = np.unique(source[(head == end) & np.isfinite(source)])
                if over and len(held) >= self.fewest:
                    rows[step.head, float(end), len(held), beyond] = None
        yield Evidence(
            "cut off",
            "Scores at which the rules change, beyond what any raw output gives",
            ("head", "ends at", "raw outputs there", "rules change at"),
            tuple(rows),
        )
        for name, end, many, beyond in rows:
            if kinds.get(name) is not HeadKind.PROBABILITY:
                what = f"ends at {end:.4g} for {many} raw outputs that differ"
                yield self.departs(
                    f"head {name} {what}; the rules change at {beyond:.4g}, which nothing reaches",
                    hook="predictor.predict",
                    measured=what,
                    expected=f"values on both sides of {beyond:.4g}",
                    key=f"{name} cut off",
                    cause=f"{name} is cut off",
                    severity=Severity.MEDIUM,
                    evidence=("cut off",),
                )

    @staticmethod
    def _stages(subject: Subject, features: pd.DataFrame) -> dict[str, object]:
        reply: Reply[dict[str, object]] = ask(subject.hook(STAGES), features, into=mapping)
        return reply.needed(STAGES)

    @staticmethod
    def _gates(answer: dict[str, object]) -> pd.DataFrame:
        table = frame(answer.get("gates", pd.DataFrame(columns=list(COLUMNS))))
        if missing := [c for c in COLUMNS if c not in table]:
            raise NotAssessed(f"{STAGES}: gates has no column {missing[0]!r}")
        numbers = {c: pd.to_numeric(table[c], errors="coerce") for c in ("value", "threshold")}
        return table.assign(**numbers, passed=table["passed"].astype(bool))

    def _judged(self, name: str, table: pd.DataFrame, own: pd.DataFrame) -> Answers:
        value, limit = (table[c].to_numpy(np.float64) for c in ("value", "threshold"))
        passed = table["passed"].to_numpy(bool)
        blind = np.isnan(value) & np.isfinite(limit) & passed
        if blind.any():
            what = f"passes {int(blind.sum())} of {int(np.isnan(value).sum())} values that are NaN"
            yield self._report(name, what, "a refusal", "passes NaN")
        if len(own) >= self.fewest and not own["passed"].any():
            what = f"refuses all of {len(own)} orders on real rows"
            yield self._report(name, what, "some that pass", "always", Severity.MEDIUM)
        at = int((value == limit).sum())
        if passed.all() and at >= max(self.fewest, 0.05 * len(value)) and not (value > limit).any():
            what = (
                f"never refuses: an earlier stage cut {at} of {len(value)} values off at its limit"
            )
            expected = "a value beyond it, or no gate"
            yield self._report(name, what, expected, "cut off", Severity.LOW)
            return
        clear = np.isfinite(value) & np.isfinite(limit) & (value != limit)
        if clear.sum() < self.fewest:
            yield Gap(f"gate {name}", f"{int(clear.sum())} verdicts with a value and a threshold")
            return
        against = sum(
            _against(passed[part], value[part] < limit[part])
            for part in (clear & (limit >= 0), clear & (limit < 0))
        )
        if against:
            what = f"says in {against} of {int(clear.sum())} rows the opposite of its threshold"
            yield self._report(name, what, "one answer on each side", "threshold")
        elif passed[clear].all():
            real = clear[: len(own)] if len(own) >= self.fewest else clear
            yield from self._reach(name, value[: len(real)][real], limit[clear])

    def _reach(self, name: str, value: Floats, limit: Floats) -> Answers:
        """Whether a gate that never refused could."""
        if not len(value):
            return
        nearest, size = float(np.abs(limit).min()), float(np.abs(value).max())
        smallest, largest = float(np.abs(value).min()), float(np.abs(limit).max())
        too_high, too_low = nearest > self.far * size, smallest > self.far * largest > 0
        if size == 0 or too_high or too_low:
            seen = f"{value.min():.4g} to {value.max():.4g}"
            what = f"never refuses: values are {seen}, and its threshold is {limit[0]:.4g}"
            yield self._report(name, what, f"within {self.far:g} times", "reach", Severity.MEDIUM)

    def _orders(self, subject: Subject, features: pd.DataFrame, gates: pd.DataFrame) -> Answers:
        reply = ask(subject.hook(ORDERS), features, into=orders_of(subject))
        if not reply.answered or len(reply.got) != len(features):
            yield Gap("whom the gates stopped", reply.why or f"{ORDERS} answers other rows")
            return
        named = reply.got["gate"].fillna("").astype(str).to_numpy()
        placed = reply.got["side"].to_numpy() != 0
        refused: dict[int, set[str]] = {}
        for row, gate in gates.loc[~gates["passed"], ["row", "gate"]].itertuples(index=False):
            refused.setdefault(int(row), set()).add(str(gate))
        declared = set(gates["gate"].astype(str))
        free = [i for i, by in refused.items() if placed[i] and not named[i] and by]
        if free:
            name = sorted(refused[free[0]])[0]
            what = f"refused {len(free)} orders that are placed as if no gate had"
            yield self._report(name, what, "a gate that is named, or no order", "placed")
        wrong = [i for i, n in enumerate(named) if n in declared and n not in refused.get(i, set())]
        if wrong:
            what = f"is named by {len(wrong)} orders that it had passed"
            yield self._report(named[wrong[0]], what, "orders that it refused", "named")

    def _report(
        self, gate: str, what: str, expected: str, kind: str, severity: Severity | None = None
    ) -> Answer:
        return self.departs(
            f"gate {gate} {what}",
            hook=STAGES if kind not in ("placed", "named") else ORDERS,
            measured=what,
            expected=expected,
            key=f"{gate} {kind}",
            severity=severity,
            evidence=("gates",),
        )


def _against(passed: Flags, below: Flags) -> int:
    """Verdicts that the others of the same gate contradict, whichever side it lets through."""
    differ = int((passed != below).sum())
    return min(differ, len(passed) - differ)
