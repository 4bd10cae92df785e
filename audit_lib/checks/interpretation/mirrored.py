import ast
import re

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Location, Scalar, Severity
from audit_lib.probes.prediction.heads import HeadKind
from audit_lib.probes.prediction.orders import (
    RULES,
    directional,
    head_kinds,
    made_up_index,
    orders,
    prediction_grid,
    written,
)
from audit_lib.probes.prediction.thresholds import Threshold, table, thresholds
from audit_lib.probes.questions.asking import ask_many
from audit_lib.probes.questions.samples import inputs, predictions
from audit_lib.subject.places import units_entered

ALIKE = 1e-9
DESIGN = 0.1
"""share of the names of a date by which longs may outnumber shorts where that is by design"""


class MirroredScoresGiveMirroredOrders(Check):
    """Where a rule set treats both sides alike, mirrored scores give mirrored orders.

    What it checks
        With every directional head mirrored about its neutral score, buys become sells of the same
        size, also at the very thresholds; and a date whose scores are symmetric, of any number of
        names, gets as many longs as shorts. Sizes do not fall all the way as every directional
        head grows, and code that can say "short" is reached by some score.
    Why it matters
        A `>=` beside a `<`, or a `//` that rounds the sells up, is a book that leans to one side
        on the days that look alike: exposure that nobody chose, and no backtest shows.
    How
        Drives each rule set on seeded made-up predictions and their mirror images; on the
        thresholds that are found in it, and their mirror images; and on one date of up to `names`
        names with symmetric scores. Rows whose side a gate took away do not count,
        nor sizes that one set.
    Limitations
        A rule set that never sells and has no word for it, or whose thresholds or numbers of names
        differ between the sides by design, is not asked for symmetry: that is a note. `neutral` is
        0 for a return and 0.5 for a probability where nothing else is said.
    Remediation
        Write the rule once, for the score times its sign, and take the same number from both ends.
    Sources
        Antisymmetry as a metamorphic relation; Chen, Cheung and Yiu (1998).
    """

    code = "INT008"
    severity = Severity.MEDIUM
    needs = ("predictor.required",)
    offered = RULES
    cites = ("books",)

    seed: int = Field(27, description="of the made-up predictions")
    rows: int = Field(400, ge=20, description="made-up predictions")
    names: int = Field(41, ge=5, description="most names of a date")
    neutral: dict[str, float] = Field({}, description="head to the score that says nothing")

    def run(self, subject: Subject) -> Answers:
        """Ask each rule set."""
        heads = [h.name for h in directional(subject) if h.name in predictions(subject)]
        if not heads:
            raise NotAssessed("no directional head is among the predictions")
        rows: list[tuple[Scalar, ...]] = []
        counts: list[tuple[Scalar, ...]] = []
        one_sided = 0
        hooks = written(subject, RULES)
        for hook in hooks:
            grid = prediction_grid(subject, rows=self.rows, seed=self.seed)
            answers = ask_many(
                subject.hook(hook), [(grid,), (self._mirror(subject, grid, heads),)], into=orders
            )
            if not all(r.answered for r in answers):
                yield Gap(hook, next(r.why for r in answers if not r.answered))
                continue
            there, back = (r.got.reindex(grid.index) for r in answers)
            yield from self._falling(subject, hook, heads)
            free = ~(_stopped(there) | _stopped(back)).to_numpy()
            yield Examined(int(free.sum()), f"pairs of mirrored predictions of {hook}")
            sold = -1.0 in {*there["side"], *back["side"]}
            numbers = sorted({*range(2, 14), *range(17, self.names + 1, 6), self.names})
            if not sold and not self._sells(subject, hook, heads, numbers):
                one_sided += 1
                continue
            cuts = thresholds(subject, hook)
            if leans := self._leaning(cuts, subject, heads):
                yield self._note(hook, leans)
            else:
                books = self._books(subject, hook, heads, numbers)
                counts += [(hook, *book) for book in books]
                by_row = any(t.head in heads for t in cuts)  # then the pairs tell all
                lopsided = [] if by_row else list(self._counted(hook, books))
                bounds = list(self._at_thresholds(subject, hook, heads, cuts))
                yield from [*lopsided, *bounds]
                if not lopsided:  # the same rule, seen again
                    least = 0.5 if bounds else 0.0
                    yield from self._mirrored(hook, there[free], back[free], rows, least)
        if one_sided == len(hooks):
            if (line := next(filter(None, (_says_short(subject, h) for h in hooks)), None)) is None:
                raise NotApplicable("nothing is ever sold: the rules know one side")
            yield self.finding(
                line,
                f"{line.symbol} can say short, and no score makes it: of {2 * self.rows} made-up "
                "predictions, mirrored ones among them, none is sold",
                measured="nothing sold",
                expected="a sell for some scores, or no word of it",
                key="never short",
                related=subject.where(hooks[0]),
            )
        heading = ("rule set", "names", "longs", "shorts")
        yield Evidence("books", "Books of symmetric scores", heading, tuple(counts))
        columns = ("rule set", "side", "size", "mirrored side", "mirrored size")
        yield Evidence("pairs", "Orders that are not mirrored", columns, tuple(rows))

    def _centre(self, subject: Subject, head: str) -> float:
        probability = head_kinds(subject).get(head) is HeadKind.PROBABILITY
        return self.neutral.get(head, 0.5 if probability else 0.0)

    def _mirror(self, subject: Subject, given: pd.DataFrame, heads: list[str]) -> pd.DataFrame:
        mirrored = given.copy()
        for head in heads:
            mirrored[head] = 2 * self._centre(subject, head) - given[head]
        return mirrored

    def _falling(self, subject: Subject, hook: str, heads: list[str]) -> Answers:
        """Sizes that only ever fall while each directional head goes further from neutral."""
        sample = predictions(subject)
        row = pd.concat([sample.median()] * 40, axis=1).T
        for h in heads:
            centre = self._centre(subject, h)
            reach = float((sample[h] - centre).abs().quantile(0.999))
            at_most = 0.5 if head_kinds(subject).get(h) is HeadKind.PROBABILITY else 3 * reach
            row[h] = centre + np.linspace(0.02, 1, 40) * at_most
        both = [
            table(subject, r[sample.columns].to_numpy(np.float64))
            for r in (row, self._mirror(subject, row, heads))
        ]
        for word, way, given, reply in zip(
            ("long", "short"),
            (1, -1),
            both,
            ask_many(subject.hook(hook), [(t,) for t in both], into=orders),
            strict=True,
        ):
            if not reply.answered:
                continue
            got = reply.got.reindex(given.index)
            size = got.loc[(got["side"] == way) & (got["gate"] == ""), "size"].to_numpy()
            if len(size) > 4 and (np.diff(size) <= 0).all() and size[-1] < 0.9 * size[0]:
                yield self.departs(
                    f"the size of a {word} only falls as every directional head grows: from "
                    f"{size[0]:.4g} to {size[-1]:.4g} over {len(size)} scores",
                    hook=hook,
                    measured=f"{size[0]:.4g} to {size[-1]:.4g}",
                    expected="sizes that grow with the edge, or stay",
                    key=f"falling {word}",
                    cause="sizes fall as the edge grows",
                    evidence=(),
                )

    def _sells(self, subject: Subject, hook: str, heads: list[str], numbers: list[int]) -> bool:
        """Whether a date of symmetric scores has a short: the widest tells, unless declined."""
        wide = self._books(subject, hook, heads, numbers[-1:])
        books = wide or self._books(subject, hook, heads, numbers)
        return any(shorts for *_, shorts in books)

    def _books(
        self, subject: Subject, hook: str, heads: list[str], numbers: list[int]
    ) -> list[tuple[int, int, int]]:
        """Names, longs and shorts of dates with symmetric scores that are not declined."""
        given = [(self._date(subject, heads, n),) for n in numbers]
        books = []
        for n, reply in zip(numbers, ask_many(subject.hook(hook), given, into=orders), strict=True):
            if reply.answered and not _stopped(reply.got).any():
                side = reply.got["side"]
                books.append((n, int((side > 0).sum()), int((side < 0).sum())))
        return books

    def _date(self, subject: Subject, heads: list[str], names: int) -> pd.DataFrame:
        sample, kinds = predictions(subject), head_kinds(subject)
        half = np.linspace(0.05, 1.0, names // 2)
        spread = np.concatenate([-half[::-1], np.zeros(names % 2), half])
        spread = np.random.default_rng(self.seed + names).permutation(spread)
        table = pd.DataFrame({str(c): np.full(names, sample[c].median()) for c in sample.columns})
        for head in heads:
            centre = self._centre(subject, head)
            reach = 0.5 if kinds.get(head) is HeadKind.PROBABILITY else 0.0
            reach = reach or float((sample[head] - centre).abs().quantile(0.999)) or 1.0
            table[head] = centre + reach * spread
        table.index = _one_date(inputs(subject).index, names)
        return table

    def _counted(self, hook: str, books: list[tuple[int, int, int]]) -> Answers:
        uneven = [t for t in books if t[1] != t[2]]
        if not uneven:
            return
        if any(abs(a - b) > max(1.0, DESIGN * n) for n, a, b in books):
            n, longs, shorts = max(uneven, key=lambda t: abs(t[1] - t[2]))
            yield self._note(hook, f"of {n} symmetric names, {longs} long and {shorts} short")
            return
        n, longs, shorts = uneven[0]
        yield self.departs(
            f"a date of {n} names with symmetric scores gets {longs} longs and {shorts} shorts; so "
            f"do {len(uneven)} of {len(books)} numbers of names",
            hook=hook,
            measured=f"{len(uneven)} of {len(books)} numbers of names",
            expected="as many longs as shorts",
            key=f"{hook} books",
            cause="symmetric scores give a lopsided book",
        )

    def _leaning(self, cuts: list[Threshold], subject: Subject, heads: list[str]) -> str:
        """A threshold without a mirror image, in words; '' where each has one, or there is none."""
        own = [t for t in cuts if t.head in heads and set(t.sides) <= {-1.0, 0.0, 1.0}]
        buys = {h: [t.above for t in own if t.head == h and t.sides == (0.0, 1.0)] for h in heads}
        sells = {h: [t.below for t in own if t.head == h and t.sides == (-1.0, 0.0)] for h in heads}
        for head in heads:
            if not buys[head] or not sells[head]:
                continue
            centre = 2 * self._centre(subject, head)
            for bought in buys[head]:
                near = min(sells[head], key=lambda s: abs(centre - s - bought))
                if abs(centre - near - bought) > 1e-6 * max(1.0, abs(bought)):
                    return f"{head} buys from {bought:.6g} and sells up to {near:.6g}"
        return ""

    def _mirrored(
        self,
        hook: str,
        there: pd.DataFrame,
        back: pd.DataFrame,
        rows: list[tuple[Scalar, ...]],
        least: float,
    ) -> Answers:
        """Orders that are not the opposite ones, where more than ``least`` of them are not."""
        placed = ((there["side"] != 0) | (back["side"] != 0)).to_numpy()
        a, b = there[placed], back[placed]
        turned = (a["side"] == -b["side"]).to_numpy()
        free = ((a["gate"] == "") & (b["gate"] == "")).to_numpy()
        gap = (a["size"] - b["size"]).abs().to_numpy()
        sized = gap <= ALIKE * a["size"].abs().clip(lower=1e-12).to_numpy()
        for kind, wrong in (("sides", ~turned), ("sizes", turned & free & ~sized)):
            if wrong.sum() <= least * len(wrong):
                continue
            ratio = (a["size"] / b["size"].replace(0.0, np.nan))[wrong].to_numpy()
            ratio = np.maximum(ratio, 1 / ratio)
            pairs = zip(*(f[c][wrong] for f in (a, b) for c in ("side", "size")), strict=True)
            rows += [(hook, *map(float, pair)) for pair in list(pairs)[:20]]
            if kind == "sizes" and ratio.max() - ratio.min() < 1e-6:
                yield self._note(hook, f"one side is {ratio.max():.4g} times the other")
                continue
            yield self.departs(
                f"{int(wrong.sum())} of {len(wrong)} orders have other {kind} where every "
                "directional head is mirrored",
                hook=hook,
                measured=f"{int(wrong.sum())} of {len(wrong)}",
                expected="the opposite side, of the same size",
                key=f"{hook} {kind}",
                cause=f"mirrored scores give other {kind}",
                evidence=("pairs",),
            )

    def _at_thresholds(
        self, subject: Subject, hook: str, heads: list[str], cuts: list[Threshold]
    ) -> Answers:
        """One bound includes its score, and its mirror image does not."""
        own = [t for t in cuts if t.head in heads]
        if not own:
            return
        given = table(subject, np.concatenate([t.rows for t in own]))
        mirrored = self._mirror(subject, given, heads)
        twice = self._mirror(subject, mirrored, heads)
        replies = ask_many(subject.hook(hook), [(given,), (mirrored,)], into=orders)
        if not all(r.answered for r in replies):
            return
        there, back = (r.got.reindex(given.index) for r in replies)
        same = (twice[heads] == given[heads]).all(axis=1).to_numpy()  # else rounding moved it
        same = same & ~(_stopped(there) | _stopped(back)).to_numpy()
        wrong = same & (there["side"] != -back["side"]).to_numpy()
        if wrong.any():
            first = given[wrong].iloc[0]
            yield self.departs(
                f"at {int(wrong.sum())} of {int(same.sum())} scores beside a threshold one side "
                f"trades and its mirror image does not, first at {first.name}: "
                + ", ".join(f"{h} {first[h]:.6g}" for h in heads),
                hook=hook,
                measured=f"{int(wrong.sum())} of {int(same.sum())}",
                expected="bounds that include their score on both sides, or on neither",
                key=f"{hook} bounds",
                cause="one bound includes its score and the other does not",
                severity=Severity.LOW,
                evidence=("pairs",),
            )

    def _note(self, hook: str, what: str) -> Answer:
        return self.departs(
            f"{hook.partition('.')[2]} treats the sides differently by design: {what}",
            hook=hook,
            measured=what,
            expected="nothing; a look, whether it is meant",
            key=f"{hook} by design",
            cause="the sides are treated differently by design",
            severity=Severity.INFO,
        )


def _stopped(got: pd.DataFrame) -> pd.Series:
    """Rows whose side a gate took away, so that nobody knows which it was."""
    return (got["gate"] != "") & (got["side"] == 0)


def _one_date(like: pd.Index, names: int) -> pd.Index:
    """So many assets on one date, the sample's first; plain numbers where it has none."""
    index = made_up_index(like, names)
    if not isinstance(index, pd.MultiIndex):
        return index
    day = index.get_level_values("date")[0]
    own = list(like.get_level_values("asset").unique()[:names])
    assets = [*own, *(f"probe-{i:02d}" for i in range(len(own), names))]
    levels = {"asset": assets, "date": [day] * names}
    return pd.MultiIndex.from_arrays([levels[str(n)] for n in index.names], names=index.names)


def _says_short(subject: Subject, hook: str) -> Location | None:
    """Where a function that the hook enters answers -1, or a side that is called short."""
    for unit in units_entered(subject, hook).values():
        for node in ast.walk(unit.node) if unit.node is not None else ():
            values: list[ast.expr | None] = []
            if isinstance(node, ast.Return | ast.Assign | ast.AnnAssign):
                values = [node.value]
            elif isinstance(node, ast.IfExp):
                values = [node.body, node.orelse]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".where"):
                values = list(node.args[1:])
            for value in values:
                text = ast.unparse(value) if value is not None else ""
                if re.fullmatch(r"-1(\.0)?|(\w+\.)*short|['\"](short|sell)['\"]", text, re.I):
                    line = getattr(node, "lineno", unit.line)
                    return Location(unit.path, line=line, symbol=unit.name)
    return None
