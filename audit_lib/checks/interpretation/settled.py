import re
from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.files import MOST_TEXT, read_words
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity
from audit_lib.probes.questions.asking import Into, Reply, ask, ask_many, frame
from audit_lib.probes.questions.domain import Reaction, on_purpose, reaction
from audit_lib.subject.hooks import Hook

HOOK = "decisions.settle"
COLUMNS = ["gross", "fees", "net"]
_COST = r"(?:fees?|commissions?|costs?|slippage)"
_BOTH = r"(?:(?:both|each|per|either) (?:legs?|sides?)|round[- ]trips?|entry and (?:on )?exit)"
_LEGS = re.compile(
    rf"\b{_COST}\b[^.;#]{{0,60}}\b{_BOTH}\b|\b{_BOTH}\b[^.;#]{{0,40}}\b{_COST}\b", re.I
)


class PositionsAddUp(Check):
    """A closed position earns what its prices moved, less fees that only ever cost.

    What it checks
        `gross` is side times size times the move, at one factor for all; `net` is `gross` less
        `fees`; fees are numbers, never negative, never fall as a position grows, are the same for a
        long and a short, and follow the price of exit where they follow that of entry (else a note,
        or a finding where documents or source say that both legs pay); without a move a position
        loses its fees; each position is settled by itself, in any order. A price that is missing,
        a size and a side that are missing, give no number; a number for a price of zero or
        less, which some contracts have, or for a size below zero is a note.
    Why it matters
        A short that earns when prices rise, fees that are paid out, or charged on one leg of a
        loss only, make a back-test better than any account.
    How
        Drives `decisions.settle` on drawn positions, sides and moves.
    Limitations
        Whether the rates are those of the broker is not known here; financing and dividends are not
        asked about.
    Remediation
        Settle in one function, for back-test and live alike, from signed quantities.
    Sources
        Bailey and Lopez de Prado (2014); Almgren and Chriss (2001), section 1 (costs of trading).
    """

    code = "INT010"
    severity = Severity.HIGH
    offered = (HOOK,)
    cites = ("positions",)

    seed: int = Field(34, description="of everything random")
    positions: int = Field(60, ge=10, description="drawn positions")
    tolerance: float = Field(1e-6, gt=0, description="relative; an account in cents needs 1e-3")

    def run(self, subject: Subject) -> Answers:
        """Definitions first, then relations between positions, then what cannot be settled."""
        hook, rng = subject.hook(HOOK), np.random.default_rng(self.seed)
        given = self._drawn(rng)
        got = ask(hook, given, into=_settled(len(given))).needed(
            f"{HOOK} settles no ordinary position:"
        )
        yield Examined(len(given), "positions")
        table = pd.concat([given.reset_index(drop=True), got], axis=1)
        heads = tuple(map(str, table.columns))
        lines = tuple(tuple(map(float, row)) for row in table.head(30).to_numpy())
        yield Evidence("positions", "Drawn positions as they are settled", heads, lines)
        moves = given["side"] * given["size"] * (given["exit"] - given["entry"])
        ratios = (got["gross"] / moves).dropna()
        factor = float(np.median(ratios)) if len(ratios) else 1.0  # of a contract, such as 100
        scale = (given["size"] * given["entry"]).to_numpy() * max(abs(factor), 1.0)
        yield from self._defined(given, got, factor * moves.to_numpy(), scale)
        yield from self._related(subject, given, got, scale)
        yield from self._impossible(hook, given)

    def _drawn(self, rng: np.random.Generator) -> pd.DataFrame:
        entry = rng.uniform(5, 300, self.positions)
        return pd.DataFrame(
            {
                "side": np.where(np.arange(self.positions) % 2, 1.0, -1.0),
                "size": rng.integers(1, 500, self.positions).astype(float),
                "entry": entry,
                "exit": entry * np.exp(rng.normal(0, 0.1, self.positions)),
            }
        )

    def _defined(
        self, given: pd.DataFrame, got: pd.DataFrame, due: Floats, scale: Floats
    ) -> Answers:
        gross, fees, net = (got[c].to_numpy() for c in COLUMNS)
        known = np.isfinite(gross) & np.isfinite(fees)  # else it is told of these, and of net not
        turned = np.sign(due) != np.sign(given["side"] * (given["exit"] - given["entry"]))
        off = {
            "gross": _gap(np.where(turned, np.inf, np.abs(gross - due) / scale)),
            "net": np.where(known, _gap(np.abs(net - (gross - fees)) / scale), 0.0),
            "fees": _gap(np.where(np.isposinf(fees), np.nan, -fees / scale)),
        }
        yield from self._held(off)
        wrong, apart, paid = (gap > self.tolerance for gap in off.values())
        if wrong.any():
            at = int(np.argmax(wrong))
            text = (
                f"gross is not the move of the position in {int(wrong.sum())} of {len(gross)}: "
                f"{_row_text(given, at)} earns {gross[at]:.6g}"
            )
            yield self.departs(
                text, measured=f"{gross[at]:.6g}", expected=f"{abs(due[at]):.6g}", key="gross"
            )
        if apart.any():
            at = int(np.argmax(apart))
            text = (
                f"net is not gross less fees in {int(apart.sum())} of {len(net)}: "
                f"{_row_text(given, at)} has gross {gross[at]:.6g}, fees {fees[at]:.6g}, "
                f"net {net[at]:.6g}"
            )
            yield self.departs(
                text, measured=f"{net[at]:.6g}", expected=f"{gross[at] - fees[at]:.6g}", key="net"
            )
        if paid.any():
            at = int(np.argmax(paid))
            told = "are paid out" if fees[at] < 0 else "are no number"
            key = "negative fees" if fees[at] < 0 else "unknown fees"
            text = f"fees {told} in {int(paid.sum())} of {len(fees)}: {_row_text(given, at)}"
            yield self.departs(text, measured=f"{fees[at]:.6g}", expected="0 or more", key=key)

    def _related(
        self, subject: Subject, given: pd.DataFrame, got: pd.DataFrame, scale: Floats
    ) -> Answers:
        order = np.random.default_rng(self.seed + 1).permutation(len(given))
        cases = {
            "the other side": given.assign(side=-given["side"]),
            "twice the size": given.assign(size=2 * given["size"]),
            "another order": given.iloc[order],
            "alone": given.iloc[[0]],
            "no move": given.assign(exit=given["entry"]),
            "another entry": given.assign(entry=1.5 * given["entry"]),
            "another exit": given.assign(exit=1.5 * given["exit"]),
        }
        questions = [(case,) for case in cases.values()]
        raw_replies = ask_many(subject.hook(HOOK), questions, into=_settled(-1))
        replies = dict(zip(cases, raw_replies, strict=True))
        for name, reply in replies.items():
            if not reply.answered:
                yield Gap(name, reply.why)
        fees, near = got["fees"].to_numpy(), self.tolerance * scale
        away: dict[str, Callable[[pd.DataFrame], Floats]] = {
            "the other side": lambda other: np.abs(other["fees"].to_numpy() - fees) / scale,
            "twice the size": lambda other: (fees - other["fees"].to_numpy()) / scale,
            "another order": lambda other: _furthest(other, got.iloc[order]) / scale[order],
            "alone": lambda other: _furthest(other, got.iloc[:1]) / scale[0],
            "no move": lambda other: np.abs((other["net"] + other["fees"]).to_numpy()) / scale,
        }
        told_already = not np.isfinite(got.to_numpy()).all()
        if ((got["net"] - got["gross"] + got["fees"]).abs() > near).any():
            del away["no move"]  # what net leaves out is told already
        off = {
            name: _gap(far(replies[name].got), 0.0 if told_already else np.inf)
            for name, far in away.items()
            if replies[name].answered
        }
        yield from self._held(off)
        moved = {
            leg: np.abs(replies[f"another {leg}"].got["fees"].to_numpy() - fees) > near
            for leg in ("entry", "exit")
            if replies[f"another {leg}"].answered
        }
        if len(moved) == 2 and moved["entry"].all() and not moved["exit"].any():
            text = "fees follow the price of entry alone"
            where = _promised(subject)
            more = (
                f", and {where} says both legs" if where else ": is the exit free, or paid before?"
            )
            level = Severity.MEDIUM if where else Severity.INFO
            yield self.departs(
                text + more, measured="one leg", expected="fees on both", key="legs", severity=level
            )
        sentences = {
            "the other side": "fees are others for a short than for a long",
            "twice the size": "fees fall as a position grows",
            "another order": "positions in another order are settled otherwise",
            "alone": "a position alone is settled otherwise than among others",
            "no move": "a position that did not move does not lose its fees",
        }
        for name, gap in off.items():
            if (wrong := gap > self.tolerance).any():
                at = int(np.argmax(wrong))
                text = f"{sentences[name]}, in {int(wrong.sum())} of {len(wrong)}"
                measured = f"{_row_text(cases[name], at)}: {_row_text(replies[name].got, at)}"
                yield self.departs(
                    f"{text}: {measured}", measured=measured, expected="the relation", key=name
                )

    def _held(self, off: dict[str, Floats]) -> Answers:
        for name, gap in off.items():
            what = f"furthest from how a position adds up, {name}"
            yield Margin(what, float(np.max(gap)), self.tolerance, "of its value")

    def _impossible(self, hook: Hook, given: pd.DataFrame) -> Answers:
        odd = [("exit", np.nan), ("entry", np.nan), ("exit", -5.0), ("entry", 0.0)]
        odd += [("size", np.nan), ("size", -3.0), ("side", np.nan)]
        tables = [given.iloc[[0]].assign(**{column: value}) for column, value in odd]
        replies: list[Reply[pd.DataFrame]] = ask_many(hook, [(t,) for t in tables], into=frame)
        for (column, value), reply in zip(odd, replies, strict=True):
            what = f"{column} {value:g}"
            if reply.answered and "net" in reply.got and np.isfinite(reply.got["net"]).any():
                text = f"a position with {what} is settled: net {float(reply.got['net'].iloc[0]):g}"
                # A spread, and a future now and then, has a price at or below zero; and where
                # quantities are signed, one below zero is a short.
                severity = Severity.INFO if np.isfinite(value) else Severity.MEDIUM
            elif reaction(reply) is Reaction.CRASHED and not on_purpose(reply):
                text, severity = f"a position with {what} ends in a crash", Severity.LOW
            else:
                continue
            yield self.departs(
                text,
                measured=what,
                expected="a refusal, or NaN",
                key=what,
                severity=severity,
                cause="cannot be settled",
            )


def _promised(subject: Subject) -> str:
    """Where a document or the source says that both legs of a trade pay; '' for nowhere."""
    root = subject.source.root
    texts = {f.path: f.text for f in subject.source.files}
    for file in sorted(root.glob("*.md")):
        with suppress(OSError, UnicodeDecodeError):
            texts[file.name] = read_words(file, most=MOST_TEXT)
    matches = ((path, _LEGS.search(text)) for path, text in sorted(texts.items()))
    return next((f"{p} ({' '.join(m[0].split())})" for p, m in matches if m), "")


def _gap(off: ArrayLike, unknown: float = np.inf) -> Floats:
    """How far off each is; a number that is none is as far as can be."""
    return np.asarray(np.nan_to_num(off, nan=unknown, posinf=np.inf, neginf=np.inf), np.float64)


def _furthest(got: pd.DataFrame, due: pd.DataFrame) -> Floats:
    return np.asarray(np.abs(got.to_numpy() - due.to_numpy()).max(axis=1), np.float64)


def _row_text(rows: pd.DataFrame, at: int) -> str:
    return ", ".join(f"{name} {value:.6g}" for name, value in rows.iloc[at].items())


def _settled(rows: int) -> Into[pd.DataFrame]:
    def convert(raw: object) -> pd.DataFrame:
        table = frame(raw)
        lacking = [c for c in COLUMNS if c not in table]
        if lacking or rows not in (-1, len(table)):
            raise ValueError(f"wanted columns {', '.join(COLUMNS)}, a row each position")
        return table[COLUMNS].astype(np.float64).reset_index(drop=True)

    return convert
