from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Examined, Severity
from audit_lib.probes.questions.asking import ask, ask_many, floats, mapping
from audit_lib.probes.questions.domain import Reaction, on_purpose, reaction, reactions
from audit_lib.probes.questions.samples import input_width
from audit_lib.subject.hooks import Hook

Weights = npt.NDArray[Any]
State = dict[str, Weights]
STATE, LOAD, FORWARD = "neural.state", "neural.load", "neural.forward"
#: a load that forgives names forgives them all
CAUSES = dict.fromkeys(("missing", "renamed", "unknown"), "names that do not fit")
EXPECTED = {
    "missing": "a refusal: what is missing keeps the numbers that it was made with",
    "renamed": "a refusal, or the outputs of the state under its own names",
    "unknown": "a refusal: whoever wrote it meant another network",
    "shape": "a refusal, or the outputs of the state in its own shape",
    "values": "NaN in the outputs, or a refusal",
    "precision": "the outputs of the state, or a refusal",
}


class StatesFitOrAreRefused(Check):
    """A network takes the state that was stored for it, and refuses one that does not fit.

    What it checks
        The version's own weights, offered back, are taken and give the same outputs each time, and
        those of `neural.forward`; other weights give others. Kept in twice the precision they mean
        the same.
        With one array missing, under another name (with a prefix, as wrappers write it), beside one
        that nobody knows, transposed, flat, a row longer or shorter, or of one number only, the
        state is refused. An array that holds NaN never gives ordinary outputs.
    Why it matters
        A layer whose weights were not found keeps the random ones it was made with, and predicts
        with them; an array of one number is stretched over a whole layer. Both look like a model.
    How
        Takes `neural.state`, draws arrays, spoils one at a time, and drives `neural.load` on seeded
        rows. Weights that cannot be offered in that way (a transposed square) are left out.
    Limitations
        Shapes that fit and values that belong to another version are for checksums (CHK102).
    Remediation
        Load strictly: compare names and shapes with the network's own before anything is assigned.
    Sources
        PyTorch, `Module.load_state_dict` (strict); Flax, `from_state_dict`.
    """

    code = "NEU004"
    severity = Severity.HIGH
    offered = (STATE, LOAD)
    needs = (STATE, LOAD)
    about = LOAD

    seed: int = Field(53, description="of everything random")
    arrays: int = Field(6, ge=1, description="arrays that are drawn")

    def run(self, subject: Subject) -> Answers:
        """Offer the state back, then spoiled ones."""
        rng = np.random.default_rng(self.seed)
        state = _state(subject)
        hook, inputs = subject.hook(LOAD), rng.normal(size=(8, input_width(subject)))
        first, again = ask_many(hook, [(state, inputs)] * 2, into=floats(8, -1))
        first.needed(f"{LOAD} does not take the version's own state:")
        if not np.isfinite(first.got).all():
            raise NotAssessed(f"{LOAD} gives no finite outputs for the version's own state")
        same = again.answered and _close(again.got, first.got, 1e-6)
        if not same:
            yield self.departs(
                "the same state gives other outputs when it is loaded again: something of the "
                "network is not in it",
                measured="other outputs",
                expected="the same outputs",
                key="again",
            )
        other = {n: _moved(a, rng) for n, a in state.items()}
        moved = ask(hook, other, inputs, into=floats(8, -1))
        if same and moved.answered and np.array_equal(moved.got, first.got):
            yield self.departs(
                "other weights under all names of the state give the same outputs: what is stored "
                "does not reach the network (or the hook does not pass it on)",
                measured="the same outputs",
                expected="outputs of the weights that are offered",
                key="unread",
            )
            yield Examined(2, "states")
            return
        if subject.has(FORWARD):
            served = ask(subject.hook(FORWARD), inputs, into=floats(8, -1))
            if same and served.answered and not _close(served.got, first.got, 1e-4):
                yield self.departs(
                    "the network that is served gives other outputs than its stored state",
                    hook=FORWARD,
                    measured="other outputs",
                    expected=f"those of {LOAD} with {STATE}",
                    key="served",
                )
        spoiled = {
            (kind, what): state_spoiled
            for name in _drawn(state, self.arrays, rng)
            for kind, what, state_spoiled in _spoiled(state, name, rng)
        }
        replies = ask_many(hook, [(s, inputs) for s in spoiled.values()], into=floats(-1, -1))
        answers = zip((what for _, what in spoiled), replies, strict=True)
        yield Examined(len(spoiled) + 1, "states")
        title = "States that do not fit"
        yield reactions("states", title, answers, lambda got: f"shape {got.shape}")
        unused = self._unused(hook, state, inputs, first.got, rng)
        for (kind, what), reply in zip(spoiled, replies, strict=True):
            word = reaction(reply)
            if word is Reaction.CRASHED and not on_purpose(reply):
                severity, effect = Severity.LOW, f"ends in a crash: {reply.why}"
            elif word is Reaction.ANSWERED and _harmful(kind, what, reply.got, first.got, unused):
                severity = Severity.MEDIUM if kind == "unknown" else self.severity
                effect = "is taken, and predicts"
            else:
                continue
            yield self.departs(
                f"a state with {what} {effect}",
                measured=effect,
                expected=EXPECTED[kind],
                key=what,
                severity=severity,
                evidence=("states",),
                cause="a crash" if severity is Severity.LOW else CAUSES.get(kind, kind),
            )

    def _unused(
        self, hook: Hook, state: State, inputs: Floats, whole: Floats, rng: np.random.Generator
    ) -> set[str]:
        """Arrays without which outputs are what they are, such as those of another head."""
        names = _drawn(state, len(state), rng)
        calls = [({**state, n: _moved(state[n], rng)}, inputs) for n in names]
        replies = ask_many(hook, calls, into=floats(-1, -1))
        return {
            n
            for n, reply in zip(names, replies, strict=True)
            if reply.answered and np.array_equal(reply.got, whole)
        }


def _harmful(kind: str, what: str, got: Floats, whole: Floats, unused: set[str]) -> bool:
    """Whether outputs for a state that does not fit say that nobody noticed."""
    if kind == "values":
        return bool(np.isfinite(got).all()) and what.removeprefix("NaN for ") not in unused
    if kind == "precision":
        return not _close(got, whole, 1e-4)
    if kind in ("renamed", "shape"):  # who knows the name, or brings it into shape, is right too
        return not _close(got, whole, 1e-6)
    return True


def _close(got: Floats, due: Floats, tolerance: float) -> bool:
    """Whether outputs are the same but for rounding, in spreads of the output."""
    spread = float(np.std(due)) or 1.0
    return got.shape == due.shape and bool(np.allclose(got, due, rtol=0, atol=tolerance * spread))


def _state(subject: Subject) -> State:
    reply = ask(subject.hook(STATE), into=mapping).needed(f"{STATE} gives no weights:")
    state = {name: np.asarray(array) for name, array in reply.items()}
    if not any(a.dtype.kind == "f" and a.size > 1 for a in state.values()):
        raise NotAssessed(f"{STATE} gives no arrays of numbers")
    return state


def _drawn(state: State, count: int, rng: np.random.Generator) -> list[str]:
    """Arrays that hold weights, a few of them, in the order of the state."""
    names = [n for n, a in state.items() if a.dtype.kind == "f" and a.size]
    chosen = set(rng.permutation(len(names))[:count].tolist())
    return [n for k, n in enumerate(names) if k in chosen]


def _moved(array: Weights, rng: np.random.Generator) -> Weights:
    if array.dtype.kind != "f":
        return array
    return (array + rng.normal(1.0, 0.5, array.shape)).astype(array.dtype)


def _spoiled(state: State, name: str, rng: np.random.Generator) -> Iterator[tuple[str, str, State]]:
    """Kind, words and state of everything that is done to one array."""
    array = state[name]
    rest = {n: a for n, a in state.items() if n != name}

    def holding(other: Weights) -> State:
        return {n: other if n == name else a for n, a in state.items()}

    yield "missing", f"{name} missing", rest
    wrapped = f"module.{name}" if f"module.{name}" not in state else f"{name}_"
    yield "renamed", f"{name} under the name {wrapped}", {**rest, wrapped: array}
    extra = f"{name}_{rng.integers(100, 999)}"
    yield "unknown", f"{extra} beside {name}", {**state, extra: array}
    odd = {
        "transposed": array.T,
        "flat": array.reshape(-1),
        "a row longer": np.concatenate([array, array[:1]]) if array.ndim else array,
        "a row shorter": array[:-1] if array.ndim else array,
        "of one number": np.asarray(array.reshape(-1)[:1]),
        "without dimensions": np.asarray(array.reshape(-1)[0]),
    }
    for how, other in odd.items():
        if other.shape != array.shape:
            yield "shape", f"{name} {how}, {other.shape} for {array.shape}", holding(other)
    if array.dtype.itemsize < 8:
        yield "precision", f"{name} in 64-bit floats", holding(array.astype(np.float64))
    spoiled = array.copy()
    spoiled[...] = np.nan
    yield "values", f"NaN for {name}", holding(spoiled)
