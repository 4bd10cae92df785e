import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.prediction.heads import HeadKind
from audit_lib.probes.prediction.orders import (
    PATHS,
    RULES,
    directional,
    head_kinds,
    made_up_index,
    orders,
    path_orders,
    written,
)
from audit_lib.probes.questions.asking import Reply, ask, ask_many
from audit_lib.probes.questions.samples import few, inputs, predictions

ROWS = 12  # of one date, which compete with each other
FEW = 3  # of them that hold what is asked about, where the others say nothing
STRONGEST = "strongest of the sample"
ALIKE = (STRONGEST, "strongest there can be", "neutral")
"""cases in which all rows are alike; a rule that compares rows trades none of them"""


class RulesTradeWhenTheyShould(Check):
    """Strong scores are traded, neutral and undefined ones never are.

    What it checks
        Real and stretched features lead to some orders, and features that are NaN to none. Where
        the rule set is exposed: with every directional head at its strongest there are buys, at
        neutral scores there is no order, and none (or an error) where a head that matters is NaN.
    Why it matters
        A threshold outside the range of the scores makes a strategy that never trades and a
        backtest without losses. A comparison with NaN that falls through trades on nothing.
    How
        Drives every decision hook on sample features, and every rule set on made-up predictions:
        directional heads at their extremes in the sample and beyond, other heads at their median;
        for all rows of a date, and for a quarter of them beside neutral ones, since a book may
        compare its rows.
    Limitations
        Neutral is 0 for a return and 0.5 for a probability; `neutral` says otherwise for a head.
        A strategy that is long only has no sells by design. One that trades the same of rows that
        are alike at neutral and at the strongest scores is taken for one that compares its rows.
    Remediation
        Compare thresholds with the distribution of scores, and test for NaN before comparing.
    Sources
        Breck et al. (2017), The ML Test Score, section IV (end-to-end smoke test).
    """

    code = "INT003"
    severity = Severity.HIGH
    needs = ("predictor.required",)

    seed: int = Field(13, description="of everything random")
    rows: int = Field(400, ge=10, description="rows of the sample that are used")
    neutral: dict[str, float] = Field({}, description="head to the score that says nothing")

    def run(self, subject: Subject) -> Answers:
        """Trade the sample, then the extremes, then nothing."""
        shares: list[tuple[str, float, str]] = []
        for hook in written(subject, PATHS):
            yield from self._paths(subject, hook, shares)
        rules = [hook for hook in RULES if subject.has(hook)]
        for hook in rules:
            try:
                yield from self._rules(subject, hook, shares)
            except NotAssessed as error:  # what the paths showed stands, and so does its evidence
                yield Gap(hook, str(error))
        yield Evidence(
            "traded",
            "Share of rows that are traded",
            ("label", "value", "group"),
            tuple(shares),
            View.BARS,
            "per cent; rows that are neutral or undefined must be at 0, but for those marked as "
            "of no effect on orders",
        )

    def _paths(self, subject: Subject, hook: str, shares: list[tuple[str, float, str]]) -> Answers:
        traded = answered = 0
        questions = path_orders(subject, hook, rows=self.rows, seed=self.seed)
        for name, features, reply in questions:
            if reply.answered:
                answered += len(reply.got)
                traded += self._count(reply)
                shares.append((name, 100 * self._count(reply) / len(features), hook))
            elif reply.failure is not None:
                yield Gap(f"{hook}, {name}", reply.why)
        yield Examined(answered, f"orders of {hook}")
        path = hook.split(".")[1]
        if answered and not traded:
            yield self._report(
                hook,
                f"none of {answered} rows is traded by {path}, real and stretched ones alike",
                "an order for some",
                "never",
            )
        blank = ask(subject.hook(hook), few(subject, ROWS) * np.nan, into=orders)
        if blank.answered:
            shares.append(("features NaN", 100 * self._count(blank) / ROWS, hook))
        if blank.answered and self._count(blank):
            yield self._report(
                hook,
                f"{path} trades {self._count(blank)} of {len(blank.got)} rows without any feature",
                "no order, or a refusal",
                "NaN features",
            )

    def _rules(self, subject: Subject, hook: str, shares: list[tuple[str, float, str]]) -> Answers:
        heads = [h.name for h in directional(subject) if h.name in predictions(subject)]
        if not heads:
            raise NotAssessed("no directional head is among the predictions")
        cases, probes = self._cases(subject, heads), self._levels(subject, heads)
        still = cases["neutral"]
        tables = [
            self._table(subject, row, row if name in ALIKE else still)
            for name, row in (*cases.items(), *probes.items())
        ]
        answers = ask_many(subject.hook(hook), [(table,) for table in tables], into=orders)
        replies = dict(zip(cases, answers, strict=False))
        levels = dict(zip(probes, answers[len(cases) :], strict=True))
        yield Examined(sum(r.answered for r in replies.values()), f"cases of {hook}")
        name_of = {name.removeprefix("NaN in "): name for name in replies if "NaN in " in name}
        effect = {head: self._matters(head, levels) for head in name_of}
        for name, reply in replies.items():
            head = name.removeprefix("NaN in ")
            if reply.failure is not None:
                if head not in name_of or not reply.failure.startswith("raised "):
                    yield Gap(f"{hook}, {name}", reply.why)  # a rule set that raises trades nothing
            elif reply.answered:
                sized = np.isfinite(reply.got["size"]).all()
                idle = head in name_of and effect[head] is False and sized
                label = f"{name}, which has no effect on orders" if idle else name
                rows = ROWS if name in ALIKE else FEW
                shares.append((label, 100 * self._count(reply, rows=rows) / rows, hook))
                if head in name_of and effect[head] is None:
                    yield Gap(f"{hook}, {name}", f"no order was given for any level of {head}")
        strong = [r for n, r in replies.items() if n.startswith("strongest") and r.answered]
        if strong and not any(self._count(r, 1.0) for r in strong):
            yield self._report(
                hook,
                "with every directional head at its strongest nothing is bought",
                "a buy",
                "strongest",
            )
        for name, reply in replies.items():
            nan_of = name.removeprefix("NaN in ")
            rows = ROWS if name in ALIKE else FEW
            unsized = reply.answered and not np.isfinite(reply.got["size"].iloc[:rows]).all()
            quiet = name == "neutral" or (nan_of != name and (effect[nan_of] or unsized))
            ranks = name == "neutral" and self._ranks(reply, replies[STRONGEST])
            if quiet and reply.answered and not ranks and self._count(reply, rows=rows):
                yield self._report(
                    hook,
                    f"{self._count(reply, rows=rows)} of {rows} rows are traded with scores {name}",
                    "no order",
                    name,
                )

    @staticmethod
    def _ranks(neutral: Reply[pd.DataFrame], strong: Reply[pd.DataFrame]) -> bool:
        """Whether rows that are alike are told apart: to such a book no level says nothing.

        It buys some and sells others of them, or trades the same ones at the strongest scores.
        """
        if not neutral.answered or neutral.got["side"].nunique() < 2:
            return False
        sides = neutral.got["side"]
        same = strong.answered and (sides.to_numpy() == strong.got["side"].to_numpy()).all()
        return {-1.0, 1.0} <= set(sides) or bool(same)

    def _cases(self, subject: Subject, heads: list[str]) -> dict[str, pd.Series]:
        sample, kinds = predictions(subject), head_kinds(subject)
        middle = sample.median()
        top = sample[heads].quantile(0.999)
        beyond = {h: 1.0 if kinds.get(h) is HeadKind.PROBABILITY else 2 * top[h] for h in heads}
        still = {
            h: self.neutral.get(h, 0.5 if kinds.get(h) is HeadKind.PROBABILITY else 0.0)
            for h in heads
        }
        strongest = pd.Series({**middle, **top})
        cases = {
            STRONGEST: strongest,
            "strongest there can be": pd.Series({**middle, **beyond}),
            "strongest beside neutral ones": strongest,
            "neutral": pd.Series({**middle, **still}),
        }
        for head in sample.columns:
            cases[f"NaN in {head}"] = pd.Series({**strongest, head: np.nan})
        return cases

    @staticmethod
    def _levels(subject: Subject, heads: list[str]) -> dict[tuple[str, float], pd.Series]:
        """Strong scores with one head at each of five levels, from low to high."""
        sample = predictions(subject)
        strong = {**sample.median(), **sample[heads].quantile(0.999)}
        levels = {}
        for head in sample.columns:
            for level in (0.0, 0.02, 0.5, 0.98, 1.0):
                value = float(sample[head].quantile(level))
                far = value if 0 < level < 1 else value * 3
                levels[str(head), level] = pd.Series({**strong, head: far})
        return levels

    @staticmethod
    def _matters(head: str, levels: dict[tuple[str, float], Reply[pd.DataFrame]]) -> bool | None:
        """Whether that head has any effect on orders at strong scores; None where none came."""
        seen = {
            tuple(reply.got.iloc[0][["side", "size"]])
            for (name, _), reply in levels.items()
            if name == head and reply.answered
        }
        return len(seen) > 1 if seen else None

    @staticmethod
    def _table(subject: Subject, row: pd.Series, others: pd.Series) -> pd.DataFrame:
        index = made_up_index(inputs(subject).index, ROWS)
        columns = predictions(subject).columns
        held = [row] * FEW + [others] * (ROWS - FEW)
        return pd.DataFrame([r[columns].to_numpy(np.float64) for r in held], index, columns)

    @staticmethod
    def _count(
        reply: Reply[pd.DataFrame], side: float | None = None, rows: int | None = None
    ) -> int:
        """Orders, of one side where it is named, among the first ``rows``."""
        sides = reply.got["side"].iloc[:rows]
        return int((sides != 0).sum() if side is None else (sides == side).sum())

    def _report(self, hook: str, message: str, expected: str, key: str) -> Answer:
        both = {"never": "nothing is traded", "NaN features": "trades without a feature"}
        return self.departs(
            message,
            hook=hook,
            expected=expected,
            key=key,
            cause=both.get(key, ""),
            evidence=("traded",),
        )
