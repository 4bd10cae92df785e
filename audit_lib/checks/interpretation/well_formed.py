from collections.abc import Iterator
from typing import Literal

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.prediction.orders import (
    PATHS,
    RULES,
    Question,
    grid_orders,
    path_orders,
    written,
    wrong_fields,
)
from audit_lib.probes.questions.domain import quantile_mix
from audit_lib.probes.questions.relations import dominance_breaks
from audit_lib.probes.questions.samples import numeric


class OrdersAreWellFormed(Check):
    """Orders have a side, a size that fits it, and gates that only reduce.

    What it checks
        Sides are -1, 0 or 1; sizes are finite, not negative, at most `largest` where the
        parameters declare one, zero exactly when there is no side; declared fields (`orders` in
        `subject.yaml`) are there, and within their bounds or choices; and where the parameters
        say in which heads sizing is monotone
        (`sizing`), an order that no gate touched is at least as large as every order, gated or
        not, whose scores are no better in any of them: gates only reduce.
    Why it matters
        A NaN size is an order of undefined amount; a gate that raises a size is a limit with its
        sign reversed.
    How
        Drives every decision hook there is on real, stretched, shuffled and incomplete features,
        and the rule sets on made-up predictions. Sizing is judged over pairs of rows of the same
        side, one of which is at least as good in every head that is named.
    Limitations
        What a gated order would have been without the gate is not known, so without `sizing` a
        gate that raises a size within `largest` is not seen.
    Remediation
        Apply gates as a minimum of the wished size and the limit, after sizing, and refuse NaN.
    Sources
        Monotonicity as a metamorphic relation (Segura et al. 2016, doi:10.1109/TSE.2016.2532875).
    """

    code = "INT002"
    severity = Severity.HIGH
    needs = ("predictor.required",)
    cites = ("sizes",)

    seed: int = Field(13, description="of everything random")
    rows: int = Field(400, ge=10, description="rows of the sample that are used")
    grid: int = Field(1_000, ge=10, description="made-up predictions")
    largest: float | None = Field(
        None,
        gt=0,
        description="largest size, as a fraction of equity; null where none is promised, and a "
        "size above 1 is a note then",
    )
    sizing: dict[str, Literal["increasing", "decreasing"]] = Field(
        {}, description="head to how size of a long follows it; a short mirrors increasing ones"
    )

    def run(self, subject: Subject) -> Answers:
        """Ask every hook in every scenario."""
        sizes: list[tuple[float, float, str]] = []
        count = 0
        for hook, (name, features, reply) in self._questions(subject):
            if not reply.answered:
                if reply.failure is not None:
                    yield Gap(f"{hook}, {name}", reply.why)
                continue
            got = reply.got
            yield Examined(len(got), f"orders of {hook}, {name}")
            placed = got.loc[got["side"] != 0, "size"].to_numpy()
            count += len(placed)
            if name == "as they are" or hook in RULES:
                sizes += [(i / 20, v, hook) for i, v in enumerate(quantile_mix(placed, 21))]
            for text, wrong in (self._wrong(got) | wrong_fields(subject, got)).items():
                if wrong.any():
                    yield self._report(subject, hook, name, text, wrong, got)
            if hook in RULES and self.sizing:
                yield from self._sizing(hook, features, got)
        if not count:
            yield Gap("orders", "none was placed in any scenario")
        yield Evidence(
            "sizes",
            "Sizes of the orders",
            ("x", "value", "series"),
            tuple(sizes),
            View.LINES,
            "x: quantile; fraction of equity",
        )

    def _questions(self, subject: Subject) -> Iterator[tuple[str, Question]]:
        for hook in written(subject, PATHS):
            for question in path_orders(subject, hook, rows=self.rows, seed=self.seed):
                yield hook, question
        if subject.has("predictor.predict"):
            for hook in RULES:
                if subject.has(hook):
                    yield hook, grid_orders(subject, hook, rows=self.grid, seed=self.seed)

    def _wrong(self, got: pd.DataFrame) -> dict[str, Flags]:
        side, size = got["side"].to_numpy(), got["size"].to_numpy()
        return {
            "a side that is none of -1, 0, 1": ~np.isin(side, (-1.0, 0.0, 1.0)),
            "a size that is not finite": ~np.isfinite(size),
            "a negative size": size < 0,
            self._above: np.isfinite(size) & (size > (self.largest or 1.0) + 1e-12),
            "a side without a size": (side != 0) & (size == 0),
            "a size without a side": (side == 0) & (size > 0),
        }

    @property
    def _above(self) -> str:
        return f"a size above {self.largest or 1.0:g}"

    def _report(
        self, subject: Subject, hook: str, name: str, text: str, wrong: Flags, got: pd.DataFrame
    ) -> Answer:
        noted = text == self._above and self.largest is None
        first, path = got.iloc[int(np.flatnonzero(wrong)[0])], hook.split(".")[1]
        declared = "".join(f", {n} {first[n]!r}" for n in subject.parameters.orders)
        shown = f"side {first['side']:g}, size {first['size']:g}, gate {first['gate']!r}{declared}"
        return self.departs(
            f"{int(wrong.sum())} of {len(got)} orders of {path} ({name}) have {text}, first "
            f"{shown}",
            hook=hook,
            measured=shown,
            expected=f"no order with {text}",
            key=f"{text} {name}",
            cause=f"{path}: {text}",
            severity=Severity.INFO if noted else None,
        )

    def _sizing(self, hook: str, features: pd.DataFrame, got: pd.DataFrame) -> Answers:
        unknown = [head for head in self.sizing if head not in features]
        if unknown:
            yield Gap("monotone sizing", f"no head is called {unknown[0]!r} (option sizing)")
            return
        for way, word in ((1.0, "long"), (-1.0, "short")):
            rows = (got["side"] == way).to_numpy()
            free = (got.loc[rows, "gate"] == "").to_numpy()
            signs = [way if how == "increasing" else -1.0 for how in self.sizing.values()]
            scores = numeric(features.loc[rows, list(self.sizing)]) * np.asarray(signs)
            sizes = got.loc[rows, "size"].to_numpy()
            pairs, broken, worst = dominance_breaks(scores, sizes, free, slack=1e-12)
            yield Examined(pairs, f"pairs of {word} orders")
            if worst:
                yield self.departs(
                    f"{broken} of {pairs} pairs of {word} orders get a smaller size, with no gate, "
                    f"for scores at least as good in {', '.join(self.sizing)}: by up to "
                    f"{worst.amount:.4g}",
                    hook=hook,
                    measured=f"{broken} pairs",
                    expected="0 pairs",
                    key=f"sizing {word}",
                )
