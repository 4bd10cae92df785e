from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from pydantic import Field

from audit_lib.arrays import Floats
from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Margin, Severity, View
from audit_lib.probes.prediction.accounts import Path, at_rest, levels, paths, sizes, threshold
from audit_lib.subject.parameters import AccountField


@dataclass(frozen=True)
class Swept:
    """What one path does as one number of the account gets worse.

    Attributes:
        values: of the number, from rest on.
        kept: total size at each, as a share of that at rest.
        grows: the first value at which some order is larger than at rest; None for none.
        binds: value from which orders are others; None where they never are.
        gates: gates named by orders refused at the worst value.
        slack: how far a limit may be off, in the unit of the number.
    """

    values: Floats
    kept: Floats
    grows: float | None
    binds: float | None
    gates: tuple[str, ...]
    slack: float


class AccountLimitsBind(Check):
    """Limits on the account bind where they are declared, on every path alike.

    What it checks
        As each declared number of the account (drawdown, exposure, open positions) gets worse,
        orders that are placed at rest become smaller or are refused, at the latest at the
        declared limit; none becomes larger; backtest and live begin to do so at the same value
        and do the same; and what is refused names its gate.
    Why it matters
        A limit that compares another quantity, in another unit, or that one path lacks is found
        on the day it is needed. A backtest without the live path's drawdown stop reports
        profits that live could not have made, and the other way about.
    How
        Drives decisions and rules that take `account` on rows that they trade at rest, with one
        number at a time at drawn values between rest and `worst`, and around `limit`; where orders
        change, bisection finds the value. Every other number stays at rest.
    Limitations
        Limits that look at two numbers at once are seen along each alone. A strategy that adds
        to losing positions on purpose has to waive what it finds.
    Remediation
        Apply limits in one function that both paths call, on the account in the unit it is kept in.
    Sources
        Monotonicity as a metamorphic relation (Segura et al. 2016, doi:10.1109/TSE.2016.2532875).
    """

    code = "INT005"
    severity = Severity.CRITICAL
    needs = ("predictor.required",)
    cites = ("limits",)

    seed: int = Field(23, description="of everything random")
    rows: int = Field(8, ge=1, description="rows that are traded at rest")
    draws: int = Field(6, ge=2, description="drawn values of each number")
    tolerance: float = Field(1e-5, gt=0, description="of limits, relative to the way to `worst`")

    def run(self, subject: Subject) -> Answers:
        """Let each number get worse, on every path."""
        rest, fields = at_rest(subject), subject.parameters.account
        settled_paths: list[Path] = []
        for path in paths(subject, rest, rows=self.rows, seed=self.seed):
            if isinstance(path, Path):
                settled_paths.append(path)
            else:
                yield Gap("account", path)
        if not settled_paths:
            raise NotAssessed("no path that takes `account` trades: give decisions a parameter")
        lines: list[tuple[float, float, str]] = []
        for name, field in fields.items():
            sweeps: dict[str, Swept] = {}
            for path in settled_paths:
                swept = self._swept(path, rest, name, field)
                if isinstance(swept, str):
                    yield Gap(f"{name} on {path.name}", swept)
                    continue
                sweeps[path.name] = swept
                points = zip(swept.values, swept.kept, strict=True)
                lines += [(float(v), float(k), f"{name}, {path.name}") for v, k in points]
                yield Examined(len(swept.values), f"values of {name} on {path.name}")
                yield from self._judged(path.name, name, rest[name], field, swept)
            for two in _pairs(settled_paths):
                yield from self._apart(name, two, sweeps)
        columns = ("x", "value", "series")
        title = "Orders as the account gets worse"
        note = "x: the number; total size as a share of that at rest"
        yield Evidence("limits", title, columns, tuple(lines), View.LINES, note)

    def _swept(
        self, path: Path, rest: dict[str, float], name: str, field: AccountField
    ) -> Swept | str:
        rng = np.random.default_rng(self.seed)
        values = levels(rest[name], field, draws=self.draws, rng=rng)
        replies = path.ask(*({**rest, name: float(v)} for v in values))
        # Who refuses the table as a whole places no order.
        if failed := [r for r in replies if r.failure is not None]:
            return failed[0].why
        index, none = path.table.index, np.zeros(len(path.table))
        books = [sizes(r.got, index) if r.answered else none for r in replies]
        total = float(np.abs(path.sizes).sum())
        gross = np.array([np.abs(m).sum() / total for m in books])
        grown = [bool((np.abs(m) > np.abs(path.sizes) * (1 + 1e-9)).any()) for m in books]
        other = [not np.allclose(m, path.sizes, rtol=1e-9, atol=0) for m in books]
        binds, within = None, self.tolerance * abs(field.worst - rest[name])
        if any(other):
            first = other.index(True)
            before = float(values[first - 1]) if first else rest[name]
            binds = threshold(path, rest, name, before, float(values[first]), field, within)
            if binds is None:
                return "it does not answer between two values at which it does"
        gates: set[str] = set()
        if replies[-1].answered:
            last = replies[-1].got.orders
            gates = set(last.loc[(last["side"] == 0).to_numpy(), "gate"])
        grows = float(values[grown.index(True)]) if any(grown) else None
        slack = 0.5 if field.whole else within
        return Swept(values, gross, grows, binds, tuple(sorted(gates)), slack * 1.001)

    def _judged(
        self, path: str, name: str, rest: float, field: AccountField, swept: Swept
    ) -> Answers:
        short = path.split(".")[1]
        if field.limit is not None:
            last = field.worst if swept.binds is None else swept.binds
            over = (last - field.limit) * np.sign(field.worst - rest)
            yield Margin(f"way beyond its limit at which {name} binds, {short}", over, swept.slack)
        if swept.binds is None:
            yield self.departs(
                f"{short}: no limit on {name} binds: at {field.worst:g} all orders are as at rest",
                hook=path,
                measured="the orders at rest",
                expected="smaller orders, or none"
                + ("" if field.limit is None else f", from {field.limit:g}"),
                key=f"{name} never binds",
            )
        elif field.limit is not None and over > swept.slack:
            yield self.departs(
                f"{short}: the limit on {name} is {field.limit:g}, and orders are as at rest "
                f"up to {swept.binds:.6g}",
                hook=path,
                measured=swept.binds,
                expected=field.limit,
                key=f"{name} limit",
            )
        if swept.grows is not None:
            yield self.departs(
                f"{short}: at {name} {swept.grows:.6g} some orders are larger than at {rest:g}",
                hook=path,
                measured=f"larger at {swept.grows:.6g}",
                expected="no larger order as the account gets worse",
                key=f"{name} grows",
                severity=Severity.HIGH,
            )
        wrong = [g for g in swept.gates if (g != field.gate if field.gate else not g)]
        if swept.binds is not None and wrong:
            named = f"gate {wrong[0]!r}" if wrong[0] else "no gate"
            yield self.departs(
                f"{short}: orders refused for {name} name {named}",
                hook=path,
                measured=named,
                expected=field.gate or "the gate that refused",
                key=f"{name} gate",
                severity=Severity.MEDIUM,
            )

    def _apart(self, name: str, two: tuple[Path, Path], sweeps: dict[str, Swept]) -> Answers:
        """What live does otherwise than backtest with rows that they trade alike at rest."""
        there, here = (sweeps.get(path.name) for path in two)
        if there is None or here is None or there.binds is None or here.binds is None:
            return  # one that never binds has a finding of its own
        if not (two[0].table.index.equals(two[1].table.index)) or not np.allclose(
            two[0].sizes, two[1].sizes
        ):
            yield Gap(f"{name} in backtest and live", "they trade no row alike at rest")
            return
        apart = np.flatnonzero(~np.isclose(there.kept, here.kept, rtol=0, atol=1e-6))
        text, gap = "", abs(there.binds - here.binds)
        yield Margin(f"way between {name} that binds in each, {two[1].name}", gap, there.slack)
        if gap > there.slack:
            text = f"binds from {there.binds:.6g} in backtest, from {here.binds:.6g} in live"
        elif len(apart):
            v, a, b = (float(x[apart[0]]) for x in (there.values, there.kept, here.kept))
            text = f"leaves {a:.0%} of sizes in backtest at {v:.6g}, {b:.0%} in live"
        if text:
            yield self.departs(
                f"the limit on {name} {text}",
                hook=two[1].name,
                measured=text,
                expected="the same in backtest and live",
                key=f"{name} apart",
            )


def _pairs(paths: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Backtest and live, of paths and of rules."""
    named = {path.name.partition("[")[0]: path for path in paths}
    for prefix in ("decisions.", "decisions.rules_"):
        two = [named.get(prefix + side) for side in ("backtest", "live")]
        if two[0] is not None and two[1] is not None:
            yield two[0], two[1]
