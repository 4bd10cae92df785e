from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Examined, Gap, Severity
from audit_lib.probes.questions.asking import ask, floats, mapping
from audit_lib.probes.questions.samples import input_width

FORWARD, STATE, GRADIENTS = "neural.forward", "neural.state", "neural.gradients"
BY_CHANCE = 1e-3
"""chance that weights which were trained look as drawn, above which nothing is said"""
EDGE = 5.0
#: p value below which weights are not spread evenly, as a fresh layer's are
UNIFORM = 1e-4
"""of n uniform draws none comes within this many n-ths of the bound with chance 0.7 %"""

BOUNDS: tuple[Callable[[int, int], tuple[float, ...]], ...] = (
    lambda rows, columns: (1 / columns, 4 / rows, 3 / rows),  # PyTorch, gates too
    lambda rows, columns: (1 / rows, 4 / columns, 3 / columns),  # the same, written turned
    lambda rows, columns: (6 / (rows + columns),),  # Glorot
    lambda rows, columns: (6 / columns,),  # He
    lambda rows, columns: (6 / rows,),
    lambda rows, columns: (3 / columns,),  # LeCun
    lambda rows, columns: (3 / rows,),
)
"""squared bounds of uniform initialisers, of an array (rows, columns)"""


class NetworkWasTrained(Check):
    """The network that is served was trained, says more than one thing, and could learn.

    What it checks
        Outputs differ from row to row, and take more than two values. Not every stored weight lies
        as fresh layers are drawn, and statistics of batches are not those of a fresh layer.
        Gradients of the training loss are finite, and every weight has one in some batch.
    Why it matters
        A network whose weights were never loaded, or that was written before it was trained,
        answers in the right shape and range. A dead layer, or one cut off by a `detach`, never
        learns, and its loss falls all the same.
    How
        Drives `neural.forward` with seeded rows of several sizes. Of `neural.state`, each array is
        held against the bounds of uniform initialisers (PyTorch's, Glorot, He, LeCun), zeros and
        ones, and against an even spread within them (Kolmogorov and Smirnov); it says so only
        where chance would not make all of them fit. Drives
        `neural.gradients` on four batches.
    Limitations
        Normal and orthogonal initialisers have no edge, and small networks too few weights to tell:
        that is a gap. Rows are standard normal, so inputs are meant to be scaled.
    Remediation
        Load the state where the network is built, compare outputs with those of training, and
        look at gradients by layer once.
    Sources
        Glorot and Bengio (2010), section 4.2.1; He et al. (2015); PyTorch, `nn.Linear`.
    """

    code = "NEU006"
    severity = Severity.HIGH
    needs = (FORWARD,)

    seed: int = Field(55, description="of everything random")
    rows: int = Field(64, ge=16, description="made-up rows")

    def run(self, subject: Subject) -> Answers:
        """Look at outputs, at stored weights, and at gradients."""
        rng = np.random.default_rng(self.seed)
        inputs = rng.normal(size=(self.rows, input_width(subject)))
        inputs *= rng.choice([0.3, 1.0, 2.0], self.rows)[:, None]
        got = ask(subject.hook(FORWARD), inputs, into=floats(self.rows, -1)).needed(
            f"{FORWARD} gives no output for ordinary rows:"
        )
        yield Examined(len(got), "outputs")
        yield from self._spoken(got)
        if subject.has(STATE):
            yield from self._drawn(subject)
        if subject.has(GRADIENTS):
            yield from self._gradients(subject, inputs, got, rng)

    def _spoken(self, got: Floats) -> Answers:
        for k, column in enumerate(got.T):
            size = max(float(np.nanmax(np.abs(column), initial=0.0)), 1e-12)
            values = len(np.unique(np.round(column[np.isfinite(column)] / size, 7)))
            if np.isfinite(column).all() and values <= 2:
                what = "the same" if values == 1 else "one of two values"
                yield self.departs(
                    f"output {k} is {what} for {len(column)} rows of all sizes",
                    measured=f"{values} values",
                    expected="outputs that follow the inputs",
                    key=f"output {k}",
                    cause=what,
                )

    def _drawn(self, subject: Subject) -> Answers:
        reply = ask(subject.hook(STATE), into=mapping)
        if not reply.answered:
            yield Gap("stored weights", reply.why)
            return
        state = {n: np.asarray(a) for n, a in reply.got.items()}
        state = {n: a for n, a in state.items() if a.dtype.kind == "f" and a.size}
        # and a variance of one: no batch ever went through
        fresh = [n for n, a in state.items() if n.endswith("running_mean") and not a.any()]
        fresh = [n for n in fresh if np.all(state.get(n[:-4] + "var", np.zeros(1)) == 1)]
        weights = [a for n, a in state.items() if "running_" not in n]
        chance = _as_drawn(weights) if weights else None
        yield Examined(len(weights), "arrays of weights")
        if chance is not None:
            if chance > BY_CHANCE:
                yield Gap("whether weights were trained", "too few, or drawn without an edge")
                return
            yield self.departs(
                f"all {len(weights)} arrays of stored weights lie as fresh layers are drawn",
                hook=STATE,
                measured=f"a chance of {chance:.1g} after training",
                expected="weights that training has moved",
                key="untrained",
            )
        elif fresh:
            yield self.departs(
                f"{fresh[0]} and its variance are those of a fresh layer, beside trained weights",
                hook=STATE,
                measured="mean 0, variance 1",
                expected="statistics of training batches",
                key="statistics",
                severity=Severity.MEDIUM,
            )

    def _gradients(
        self, subject: Subject, inputs: Floats, got: Floats, rng: np.random.Generator
    ) -> Answers:
        hook = subject.hook(GRADIENTS)
        alive: dict[str, bool] = {}
        for _ in range(4):
            chosen = rng.permutation(len(inputs))[: len(inputs) // 2]
            targets = got[chosen] + rng.normal(size=got[chosen].shape) * (np.std(got) or 1.0)
            reply = ask(hook, inputs[chosen], targets, into=mapping)
            if not reply.answered:
                yield Gap("gradients", reply.why)
                return
            for name, raw in reply.got.items():
                gradient = np.asarray(raw, dtype=np.float64)
                alive[name] = alive.get(name, False) or bool(np.any(gradient != 0))
                if not np.isfinite(gradient).all():
                    yield self.departs(
                        f"the gradient of {name} is not finite on ordinary rows",
                        hook=GRADIENTS,
                        measured="NaN or infinity",
                        expected="finite gradients",
                        key=f"{name} finite",
                        cause="not finite",
                    )
                    return
        yield Examined(len(alive), "gradients")
        dead = [name for name, lives in alive.items() if not lives]
        if dead:
            yield self.departs(
                f"{len(dead)} of {len(alive)} weights get no gradient in any batch: "
                + ", ".join(dead[:5]),
                hook=GRADIENTS,
                measured=f"{len(dead)} without",
                expected="a gradient for every weight that is trained",
                key="dead",
                severity=Severity.MEDIUM,
            )


def _as_drawn(arrays: list[npt.NDArray[np.floating]]) -> float | None:
    """Chance that weights which were trained would lie so, None where fresh layers do not.

    Zeros and ones are fresh biases and scales.  A fresh uniform array stays within its bound and
    comes close to it; over it they are spread evenly.
    """
    from scipy import stats

    chances = dict.fromkeys(range(len(BOUNDS)), 1.0)
    for array in arrays:
        most = float(np.max(np.abs(array)))
        if np.all(array == 0) or np.all(array == 1) or (array.ndim < 2 and most < 1):
            continue  # a bias has the bound of a layer that it does not tell
        window = min(1.0, EDGE / array.size)
        rows, columns = len(array), array.size // len(array)
        spread = stats.kstest(array.ravel() / (most or 1.0), stats.uniform(-1, 2).cdf)
        for k in list(chances):
            bounds = [b**0.5 for b in BOUNDS[k](rows, columns)]
            fits = any(b * (1 - window) <= most <= b * (1 + 1e-6) for b in bounds)
            fits = fits and float(spread.pvalue) > UNIFORM
            if array.ndim < 2 or not fits:
                del chances[k]
            else:
                chances[k] *= min(1.0, window * len(bounds))
    return min(1.0, min(chances.values()) * len(BOUNDS)) if chances else None
