"""A row in different companies: alone, in another order, beside others, padded."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from audit_lib.arrays import Floats, Integers
from audit_lib.model import Bound, Evidence, Examined, Gap, View
from audit_lib.probes.questions.asking import ask_many, floats, unanswered
from audit_lib.subject.hooks import Hook

AGAIN = "the same call again"


class Company(NamedTuple):
    """What is asked, and which of the known rows stand first in it, in order."""

    name: str
    asked: tuple[Floats | Integers, ...]
    rows: Integers


class Changes(NamedTuple):
    """How far outputs moved in each company, in spreads of the output.

    Attributes:
        moved: the companies that answered, by name.
        broken: those beyond what is allowed.
        told: evidence, counts and gaps to yield.
    """

    moved: dict[str, float]
    broken: dict[str, float]
    told: list[Evidence | Examined | Gap]

    @property
    def said(self) -> str:
        """The worst, in words."""
        worst = max(self.broken, key=self.broken.__getitem__)
        if AGAIN in self.broken:  # then no company tells anything
            return (
                "the same rows get other outputs when they are asked again: by "
                f"{self.broken[AGAIN]:.3g} spreads of the output"
            )
        return (
            f"outputs change in {len(self.broken)} of {len(self.moved)} batches, most with "
            f"{worst}: by {self.broken[worst]:.3g} spreads of the output"
        )


def changes(
    hook: Hook,
    companies: Sequence[Company],
    due: Floats,
    *,
    name: str,
    tolerance: float,
    exact: str = "",
) -> Changes:
    """Ask in every company, and compare with what each row is due.

    Args:
        due: outputs of the known rows, shape (n, k).
        name: of the evidence.
        tolerance: in spreads of ``due``.
        exact: the company that must answer to the last bit.
    """
    spread = float(np.std(due)) or 1.0
    replies = ask_many(hook, [company.asked for company in companies], into=floats(-1, -1))
    moved, broken, rows = {}, {}, []
    for company, reply in zip(companies, replies, strict=True):
        if not reply.answered:
            continue
        got, wanted = reply.got[: len(company.rows)], due[company.rows]
        gap = float(np.max(np.abs(got - wanted))) if got.shape == wanted.shape else np.inf
        moved[company.name] = gap / spread
        allowed = 0.0 if company.name == exact else tolerance
        rows.append((company.name, gap / spread, allowed))
        if not gap <= allowed * spread:
            broken[company.name] = gap / spread
    answers: list[Evidence | Examined | Gap] = [*unanswered(replies, name)]
    if moved:
        shown = f"largest change, in spreads of the output ({spread:.3g}); {tolerance:g} allowed"
        title = "Change of a row's output with its company"
        answers.append(Examined(len(moved), f"{name} compared"))
        heads = ("label", "value", "allowed")
        held = Bound("value", "allowed", "spreads of the output")
        answers.append(Evidence(name, title, heads, tuple(rows), View.BARS, shown, held))
    return Changes(moved, broken, answers)
