from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.arrays import Flags, Floats
from audit_lib.checks.base import Answer, Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Severity, View
from audit_lib.probes.prediction.heads import Head, HeadKind, declared_heads, stored_heads
from audit_lib.probes.questions.asking import Reply, ask, ask_many, floats, frame, reasons
from audit_lib.probes.questions.frames import margins_of, unequal
from audit_lib.probes.questions.samples import few, numeric
from audit_lib.subject.hooks import Hook

OUTPUTS, DECODE, PREDICT = "predictor.outputs", "predictor.decode", "predictor.predict"
LOUD, LESS_LOUD = np.array((-1e3, 0.0, 1e3)), 0.3
"""outputs at which links overflow that are not written for it, and the part at which none does"""
ENDLESS = 1e30
"""a head that is larger below the overflow is an exponential, and infinite beyond it"""


@dataclass(frozen=True)
class Decoder:
    """A decoder, and what it makes of the outputs of the sample."""

    hook: Hook
    outputs: Floats
    heads: pd.DataFrame

    def ask(self, *outputs: Floats) -> list[Reply[pd.DataFrame]]:
        """What it makes of other outputs."""
        return ask_many(self.hook, [(o,) for o in outputs], into=frame)


class OutputsAreDecodedInOnePlace(Check):
    """Each head is decoded from the output that is declared for it, in one place.

    What it checks
        Moving one output of the model moves the head that is declared to read it; the decoder
        gives a row the same heads alone, and in another order of rows; the predictor answers what
        the decoder makes of the outputs; a NaN stays one, or becomes a code that stands for none;
        and outputs however large give every head a value of its kind, or the infinity of an
        exponential.
    Why it matters
        Where a model answers one array, a head is an index and a link. An index off by one, a
        softmax over rows instead of columns, or a second decoder with an older order trade one
        head as another, and every number stays plausible.
    How
        Drives `predictor.outputs` on rows of the sample and `predictor.decode` on what they give,
        with one column moved at a time, rows permuted and alone, a NaN in one, and outputs of
        -1000 to 1000. Positions and kinds are those of the checkpoint, or of `heads` in
        `subject.yaml`.
    Limitations
        A head may read further outputs (a softmax does). Heads without a declared position are
        only asked whether any output moves them.
    Remediation
        Let one function turn outputs into named heads, with the positions that are stored beside
        the model, and let everything that predicts call it.
    Sources
        Sculley et al. (2015), Hidden Technical Debt in Machine Learning Systems, section 3.
    """

    code = "HED005"
    severity = Severity.CRITICAL
    needs = (OUTPUTS, DECODE, "predictor.required")
    offered = (OUTPUTS, DECODE)  # elsewhere heads come by name
    about = DECODE

    seed: int = Field(19, description="of everything random")
    rows: int = Field(60, ge=8, description="rows of the sample")
    tolerance: float = Field(1e-6, ge=0, description="relative to the size of a head")

    def run(self, subject: Subject) -> Answers:
        """Move outputs and watch heads."""
        features = few(subject, self.rows)
        given = ask(subject.hook(OUTPUTS), features, into=floats(len(features), -1)).needed(
            f"{OUTPUTS} gives none for the sample:"
        )
        hook = subject.hook(DECODE)
        reply = ask(hook, given, into=frame)
        if not reply.answered or len(reply.got) != len(features):
            why = reply.why or f"{len(reply.got)} rows for {len(features)}"
            raise NotAssessed(f"{DECODE} gives no heads for the sample: {why}")
        decoder = Decoder(hook, given, reply.got.reset_index(drop=True))
        if not decoder.heads.size:
            raise NotAssessed(f"{DECODE} answers no head")
        yield Examined(decoder.heads.size, "decoded values")
        yield from self._read(subject, decoder)
        yield from self._company(decoder)
        yield from self._elsewhere(subject, decoder, features)
        yield from self._loud(subject, decoder)

    def _read(self, subject: Subject, decoder: Decoder) -> Answers:
        """Which outputs each head reads."""
        outputs, rng = decoder.outputs, np.random.default_rng(self.seed)
        spread = float(np.nanstd(outputs)) or 1.0
        shifts = rng.uniform(0.5, 2.0, outputs.shape) * spread * rng.choice([-1, 1], outputs.shape)
        moved = [_with(outputs, j, outputs[:, j] + shifts[:, j]) for j in range(outputs.shape[1])]
        blank = [_with(outputs, j, np.nan) for j in range(outputs.shape[1])]
        replies = decoder.ask(*moved, *blank)
        if any(not r.answered for r in replies[: len(moved)]):
            yield Gap("moved outputs", reasons(replies[: len(moved)]))
            return
        names = [str(c) for c in decoder.heads]
        reads = {
            name: [j for j, r in enumerate(replies[: len(moved)]) if self._moves(decoder, r, name)]
            for name in names
        }
        rows = [(n, str(j), float(j in reads[n])) for n in names for j in range(len(moved))]
        columns = ("row", "column", "value")
        yield Evidence("reads", "Outputs that move each head", columns, tuple(rows), View.HEATMAP)
        positions = {h.name: h for h in _heads(declared_heads, subject)}
        listed = {
            h.name: i for i, h in enumerate(_heads(stored_heads, subject)) if h.position is None
        }
        for name in names:
            head, own = positions.get(name), reads[name]
            declared = head.position if head else None
            if not own:
                yield Gap(f"head {name}", "no output moves it")
            elif declared is not None and declared not in own:
                yield self.departs(
                    f"head {name} is decoded from output {_listed(own)}, and {declared} is "
                    "declared for it",
                    measured=_listed(own),
                    expected=declared,
                    key=f"{name} position",
                )
            elif declared is None and listed.get(name, own[0]) not in own and len(own) == 1:
                yield self.departs(
                    f"head {name} is decoded from output {own[0]}, and stands at {listed[name]} in "
                    "the checkpoint's list of heads",
                    measured=own[0],
                    expected=listed[name],
                    key=f"{name} position",
                    cause="heads are decoded in another order than the checkpoint lists them",
                )
        codes = subject.parameters.codes
        yield from self._blank(codes, reads, replies[len(moved) :])

    def _blank(
        self,
        codes: dict[str, dict[int, str]],
        reads: dict[str, list[int]],
        replies: list[Reply[pd.DataFrame]],
    ) -> Answers:
        """What heads become of an output that is NaN."""
        for name, own in reads.items():
            for j in own:
                reply = replies[j]
                if reply.answered and name in reply.got and reply.got[name].notna().all():
                    first = float(numeric(reply.got[[name]])[0, 0])
                    if first not in codes.get(name, {first: ""}):
                        continue  # a code that stands for none
                    yield self.departs(
                        f"output {j} is NaN, and head {name} is {first:.6g}",
                        measured=first,
                        expected="NaN, or a refusal",
                        key=f"{name} {j} NaN",
                        cause="outputs that are NaN become numbers",
                        severity=Severity.HIGH,
                    )

    def _moves(self, decoder: Decoder, reply: Reply[pd.DataFrame], name: str) -> bool:
        got = reply.got.reset_index(drop=True)
        same = len(got) == len(decoder.heads) and name in got
        return not same or bool(unequal(decoder.heads[name], got[name], self.tolerance).any())

    def _company(self, decoder: Decoder) -> Answers:
        """Rows alone, and in another order."""
        order = np.random.default_rng(self.seed + 1).permutation(len(decoder.outputs))
        half = len(order) // 2
        cases = {"rows in another order": order, "a row alone": order[:1], "half": order[:half]}
        replies = decoder.ask(*(decoder.outputs[rows] for rows in cases.values()))
        yield Examined(sum(r.answered for r in replies), "batches decoded")
        for (case, rows), reply in zip(cases.items(), replies, strict=True):
            if not reply.answered:
                yield Gap(case, reply.why)
                continue
            due = decoder.heads.iloc[rows].reset_index(drop=True)
            broken = yield from self._differs(due, reply.got.reset_index(drop=True))
            if broken:
                yield self.departs(
                    f"{case}: {', '.join(broken)} of the same outputs differ",
                    measured=f"{len(broken)} heads differ",
                    expected="the heads of a row follow from its own outputs",
                    key=case,
                    cause="heads depend on other rows",
                )

    def _elsewhere(self, subject: Subject, decoder: Decoder, features: pd.DataFrame) -> Answers:
        """What the predictor answers, where it is another function."""
        if (subject.serving(PREDICT)[0] or "") in subject.hooks.composed:
            return
        if not subject.has(PREDICT):
            return
        reply = ask(subject.hook(PREDICT), features, into=frame)
        if not reply.answered:
            yield Gap(PREDICT, reply.why)
            return
        got = reply.got.reindex(features.index).reset_index(drop=True)
        both = [c for c in decoder.heads if c in got]  # HED001 tells of the others
        broken = yield from self._differs(decoder.heads[both], got)
        if broken:
            yield self.departs(
                f"the predictor answers other {', '.join(broken)} than the decoder makes of the "
                "same outputs",
                measured=f"{len(broken)} heads differ",
                expected="one decoder",
                key="elsewhere",
            )

    def _differs(self, due: pd.DataFrame, got: pd.DataFrame) -> Generator[Answer, None, list[str]]:
        names = [str(c) for c in due]
        if len(due) != len(got):
            return names
        tolerances = dict.fromkeys(names, self.tolerance)
        yield from margins_of("difference of heads of the same outputs", due, got, tolerances)
        return [n for n in names if n not in got or unequal(due[n], got[n], self.tolerance).any()]

    def _loud(self, subject: Subject, decoder: Decoder) -> Answers:
        """Heads of outputs that are very large."""
        width = decoder.outputs.shape[1]
        mixed = np.random.default_rng(self.seed + 2).choice(LOUD, (12, width))
        loud = np.vstack([np.full((1, width), v) for v in LOUD] + [mixed])
        reply, less = decoder.ask(loud, LESS_LOUD * loud)
        if not reply.answered:
            return
        kinds = {h.name: h.kind for h in _heads(declared_heads, subject)}
        grown = np.zeros(len(loud), bool)
        if less.answered and less.got.shape == reply.got.shape:
            grown = np.asarray((np.abs(numeric(less.got)) > ENDLESS).any(axis=1))
        for name in map(str, reply.got.columns):
            values = numeric(reply.got[[name]]).reshape(-1)
            kind = kinds.get(name, HeadKind.UNKNOWN)
            wrong = _outside(values, kind) & ~(grown & (kind is not HeadKind.PROBABILITY))
            if wrong.any():
                first = float(values[wrong][0])
                yield self.departs(
                    f"outputs of up to {LOUD[-1]:g} make head {name} {first:.6g}",
                    measured=first,
                    expected=f"a value of its kind ({kind.value})",
                    key=f"{name} large outputs",
                    severity=Severity.HIGH,
                )


def _heads(declared: Callable[[Subject], list[Head]], subject: Subject) -> list[Head]:
    with suppress(NotAssessed, NotApplicable):
        return declared(subject)
    return []


def _with(outputs: Floats, column: int, values: Floats | float) -> Floats:
    changed = outputs.copy()
    changed[:, column] = values
    return changed


def _outside(values: Floats, kind: HeadKind) -> Flags:
    finite = np.isfinite(values)
    if kind is HeadKind.PROBABILITY:
        return np.asarray(~(finite & (values >= 0) & (values <= 1)))
    return np.asarray(~finite & ~(np.isinf(values) & (kind is HeadKind.UNKNOWN)))


def _listed(positions: list[int]) -> str:
    return " and ".join(map(str, positions))
