"""False alarms and power of the checks that measure or test, over seeded worlds.

    python benchmarks/size_power.py [CODE ...] [--share 0.1]      print
    python benchmarks/size_power.py [CODE ...] --share 1 --write    all runs; write the table

Each check is asked on clean data of each world, and on data with a fault of three sizes; the
smallest size that nine runs of ten see is found by halving.  The size that matters is planted in
every world: where the data cannot show it, the check has to say so.  Ends with an error where more
runs on clean data accuse than the rate that the check states explains, or more than half of those
with the fault that matters pass (p below one in 10,000), or no clean world lets the check pass.
All runs take an hour of one core; the table is ``audit_lib/checks/size_power.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).parents[1]))

from scipy import stats

from audit_lib.checks.size_power import TABLE, Clean, Faulty, Measured, measured
from audit_lib.probes.statistics.inference import clopper_pearson
from benchmarks.rated import dated, hooked
from benchmarks.rated.worlds import SKILLED, WORLDS, World

SEEN = 0.9
OWN = World("made-up data of its own", dates=2000, assets=1)
FOLDS = tuple(
    World(f"{n} folds{kind}", dates=n, assets=2, tails=tails, horizon=horizon)
    for n, kind, tails, horizon in (
        (6, "", float("inf"), 1),
        (4, "", float("inf"), 1),
        (12, "", float("inf"), 1),
        (30, "", float("inf"), 1),
        (6, ", heavy tails", 3.0, 1),
    )
)
TRIALS = (
    World("40 trials", dates=500, assets=40),
    World("trials that move together", dates=500, assets=40, common=0.7),
    World("trials with heavy tails", dates=500, assets=40, tails=4),
    World("trials, volatility in clusters", dates=500, assets=40, memory=10),
    World("60 returns", dates=60, assets=40),
    World("2,000 returns", dates=2_000, assets=40),
)
RULES = tuple(World(f"{n} metrics", assets=n) for n in (4, 2, 3, 6))
MARKETS = (
    World("one asset", dates=120, assets=1, common=0.0),
    World("three assets", dates=80, assets=3, common=0.4),
    World("heavy tails", dates=120, assets=1, tails=4),
    World("hourly", dates=120, assets=1, step="h"),
    World("weekly", dates=120, assets=1, step="W"),
)


def halved(worlds: Sequence[World], dates: int) -> tuple[World, ...]:
    """The worlds with so many dates, for a check that judges halves of a period."""
    from dataclasses import replace

    return tuple(replace(w, dates=max(dates, w.dates)) for w in worlds)


@dataclass(frozen=True)
class Rated:
    """What is asked of a check.

    Attributes:
        accuses: world, size and seed to whether it accuses; None where it says it cannot tell.
        fault: its words, with ``{}`` for the size; ``nothing``: the size of no fault.
        sizes: three, from the least; ``matters``: the one that must not pass, else the second.
        stated: rate of false alarms by the check's own page; ``runs``: on each clean world.
        graded: larger faults are easier to see, so that there is a smallest one.
    """

    code: str
    accuses: Callable[[World, float, int], bool | None]
    fault: str
    sizes: tuple[float, float, float]
    stated: float
    worlds: tuple[World, ...] = WORLDS
    nothing: float = 0.0
    runs: int = 1000
    faulty: int = 200
    graded: bool = True
    matters: float = 0.0

    @property
    def mattering(self) -> float:
        """Size of the fault that must not pass."""
        return self.matters or self.sizes[1]

    def clean(self, world: World, runs: int, planted: int = 0) -> Clean:
        """Runs on clean data, and some with the fault that matters."""
        told = [self.accuses(world, self.nothing, seed) for seed in range(runs)]
        alarms = sum(t is True for t in told)
        bound = clopper_pearson(alarms, runs, 0.98)[1]
        spoilt = [self.accuses(world, self.mattering, 20_000 + seed) for seed in range(planted)]
        missed, untold = (
            sum(t is wanted for t in ts) for ts, wanted in ((spoilt, False), (told, None))
        )
        return Clean(world.name, runs, alarms, untold, round(bound, 5), missed, planted)

    def seen(self, size: float, runs: int) -> int:
        """Runs that see a fault of the size, in the first world."""
        seeds = range(10_000, 10_000 + runs)
        return sum(self.accuses(self.worlds[0], size, seed) is True for seed in seeds)

    def smallest(self, runs: int) -> float | None:
        """Size that nine of ten see, to a tenth of the way between no fault and the largest."""
        low, high = self.nothing, self.sizes[-1]
        if not self.graded or self.seen(high, runs) < SEEN * runs:
            return None
        for _ in range(6):
            middle = (low + high) / 2
            if self.seen(middle, runs) >= SEEN * runs:
                high = middle
            else:
                low = middle
        return float(f"{high:.2g}")

    def measure(self, share: float) -> Measured:
        """All of it, over a share of the runs."""
        runs, faulty = max(20, int(self.runs * share)), max(10, int(self.faulty * share))
        return Measured(
            self.code,
            self.fault,
            self.stated,
            tuple(
                self.clean(
                    w, *((max(20, runs // 10), 10) if w.assets > 99 else (runs, faulty // 2))
                )
                for w in self.worlds
            ),
            tuple(Faulty(s, faulty, self.seen(s, faulty)) for s in self.sizes),
            self.smallest(faulty),
            self.mattering,
        )


RATED = (
    Rated("FEA101", hooked.look_ahead, "{} of the next bar's move in a feature",
          (1e-12, 1e-9, 1e-6), 0.0, MARKETS, faulty=100),
    Rated("CAL001", dated.calibration_error, "probabilities that are {} too high",
          (0.05, 0.1, 0.2), 0.001, matters=0.17),
    Rated("CAL003", dated.calibrator_domain, "served scores {} times as wide as those fitted on",
          (2.0, 4.0, 8.0), 0.002, nothing=1.0),
    Rated("CAL005", hooked.calibrator_learns, "a map that answers {} too high",
          (0.03, 0.06, 0.12), 0.005, (OWN,), faulty=50),
    Rated("CNF002", hooked.conformal_coverage, "intervals that are narrower by a share of {}",
          (0.02, 0.05, 0.1), 0.001, (OWN,), faulty=100),
    Rated("CNF101", dated.conformal_over_time, "volatility that becomes {} times as high",
          (1.5, 2.0, 4.0), 0.01, halved(WORLDS, 160), nothing=1.0),
    Rated("DRF001", hooked.psi, "an index that is {} times too large",
          (1.02, 1.1, 1.5), 0.0, (OWN,), nothing=1.0),
    Rated("DRF002", hooked.cusum, "a bound that is {} times as high",
          (1.5, 3.0, 10.0), 0.001, (OWN,), nothing=1.0, matters=10.0),
    Rated("DRF005", hooked.many_features, "a monitor that watches all but {} of the features",
          (0.1, 0.6, 0.9), 0.001, (OWN,), faulty=100),
    Rated("GOV004", hooked.unknown_metrics, "a rule that takes {} of 4 metrics for fine when NaN",
          (1, 2, 4), 0.0, RULES),
    Rated("HED004", dated.exchanged_heads, "exchanged heads that follow their labels by {}",
          (0.1, 0.2, 0.4), 0.002, (WORLDS[0], *SKILLED, *WORLDS[1:])),
    Rated("INT004", dated.sides, "sides that follow volatility by a share of {}",
          (0.2, 0.5, 1.0), 0.0, matters=1.0),
    Rated("ONL004", hooked.lessons, "what was learnt, turned by {} degrees",
          (60.0, 90.0, 180.0), 0.0, (OWN,)),
    Rated("PRC007", hooked.surface_factors, "a first factor that is turned in {} of fits",
          (0.02, 0.1, 0.3), 0.0, (OWN,)),
    Rated("SPL006", dated.skill, "skill that is {} of a fold's deviation below guessing",
          (1.0, 2.0, 4.0), 0.01, FOLDS),
    Rated("SPL007", dated.overfitting, "trials that give back {} of what they earned",
          (0.8, 0.9, 1.0), 0.01, tuple(World(**{**asdict(w), "assets": 8}) for w in TRIALS),
          runs=400, faulty=100),
    Rated("SPL007", dated.deflated, "the best of {} worthless trials taken for skill",
          (5.0, 20.0, 40.0), 0.05, TRIALS, graded=False),
)  # fmt: skip


def contradicted(found: Measured) -> list[str]:
    """Worlds with more alarms than the stated rate explains, or that pass what matters."""
    told = [
        f"{found.code}, {c.world}: {c.alarms} of {c.runs} accused, {found.stated:.2%} is stated"
        for c in found.clean
        if c.alarms > (stats.binom.isf(1e-4, c.runs, found.stated) if found.stated else 0)
    ]
    fault = found.fault.format(f"{found.matters:g}")
    if all(c.untold > 0.9 * c.runs for c in found.clean):
        told.append(f"{found.code} hardly ever passes what is right, in any world")
    return told + [
        f"{found.code}, {c.world}: {c.missed} of {c.planted} pass with {fault}"
        for c in found.clean
        if c.planted and c.missed > stats.binom.isf(1e-4, c.planted, 0.5)
    ]


def main() -> None:
    """Measure, print, and write where asked."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("codes", nargs="*")
    parser.add_argument("--share", type=float, default=0.1, help="of all runs")
    parser.add_argument("--write", action="store_true")
    chosen = parser.parse_args()
    made, broken = [], []
    for rated in RATED:
        if chosen.codes and rated.code not in chosen.codes:
            continue
        started = time.process_time()
        found = rated.measure(chosen.share)
        made.append(found)
        broken += contradicted(found)
        print(f"{found.code}: {found.words} ({time.process_time() - started:.0f} s)")
        for c in found.clean:
            print(
                f"    {c.world:32} {c.alarms:4} of {c.runs:5}, {c.untold:5} could not tell; "
                f"{c.missed} of {c.planted} pass with what matters"
            )
        for f in found.faulty:
            print(f"    {found.fault.format(f'{f.size:g}'):60} {f.seen / f.runs:6.1%}", flush=True)
    if chosen.write:
        measured.cache_clear()  # another run may have written in the meantime
        again = {m.code for m in made}
        kept = [m for code, rows in measured().items() if code not in again for m in rows]
        rows = sorted([*kept, *made], key=lambda m: m.code)
        TABLE.write_text(json.dumps([asdict(m) for m in rows], indent=1) + "\n", encoding="utf-8")
    if broken:
        raise SystemExit("contradicted: " + "; ".join(broken))


if __name__ == "__main__":
    main()
