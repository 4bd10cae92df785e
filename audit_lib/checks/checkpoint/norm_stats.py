import math

from pydantic import Field as Option

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Bound, Evidence, Examined, Gap, Severity, View
from audit_lib.subject.checkpoint_fields import Statistics, field, names_in, scaling


class NormStatsAreSane(Check):
    """Scaling statistics are finite, positive where they divide, and one for every column.

    What it checks
        Centers and scales in the metadata and in scaler objects of the version: all numbers finite,
        scales above zero, as many as the columns they are for, keyed by those columns where they
        are keyed.
    Why it matters
        A zero or NaN scale turns one input into infinity or NaN for every row, and trees swallow
        both silently. A missing one shifts every column after it.
    How
        Reads the numbers as data (metadata) or by interpreting the pickle without executing it.
    Limitations
        That they were computed on the training rows alone is a matter of SPL checks. Scalers under
        other class names than `*Scaler` are not seen.
    Remediation
        Floor the scale where a column is constant, drop such columns, and write what is used.
    Sources
        P. J. Huber, Robust statistics, 1981, on median and MAD; scikit-learn's scalers.
    """

    code = "CHK005"
    severity = Severity.HIGH
    reads = Reads.ARTIFACTS
    pure = True

    smallest: float = Option(1e-12, gt=0, description="scales below this count as zero")

    def run(self, subject: Subject) -> Answers:
        """Look at every set of statistics."""
        scalings = list(scaling(subject))
        if not scalings:
            raise NotAssessed("the version holds no scaling statistics that can be read")
        names = names_in(field(subject, "feature_cols").value)
        count = 0
        rows: list[tuple[str, str, float, float | None]] = []
        for statistics in scalings:
            if statistics.unreadable:
                yield Gap(statistics.source, statistics.unreadable)
            for what, numbers in (("center", statistics.center), ("scale", statistics.scale)):
                count += len(numbers or {})
                yield from self._numbers(statistics, what, numbers or {}, names)
            yield from self._length(statistics, names)
            for key, scale in (statistics.scale or {}).items():
                center = (statistics.center or {}).get(key)
                rows.append((statistics.source, _name(key, names, statistics), scale, center))
        heads = ("source", "column", "scale", "center")
        bound = Bound("scale", self.smallest, least=True)
        yield Evidence("scales", "Scales by column", heads, tuple(rows), bound=bound)
        yield Evidence(
            "scale_bars",
            "Scales, as powers of ten",
            ("label", "value", "group"),
            tuple(
                (column, round(math.log10(scale), 3), source)
                for source, column, scale, _ in rows
                if math.isfinite(scale) and scale > 0
            ),
            View.BARS,
            "log10 of the scale",
        )
        yield Examined(count, "statistics")

    def _numbers(
        self, statistics: Statistics, what: str, numbers: dict[str, float], names: list[str] | None
    ) -> Answers:
        for key, number in numbers.items():
            if not math.isfinite(number) or (what == "scale" and number < self.smallest):
                column = _name(key, names, statistics)
                yield self.finding(
                    statistics.location,
                    f"the {what} of {column} in {statistics.source} is {number:g}",
                    measured=number,
                    expected="finite" if what == "center" else f"finite, at least {self.smallest}",
                    key=f"{statistics.source} {what} {column}",
                    severity=self.severity if what == "center" else Severity.CRITICAL,
                    evidence=("scales",),
                )

    def _length(self, statistics: Statistics, names: list[str] | None) -> Answers:
        center, scale = statistics.center, statistics.scale
        if names is None or statistics.source != "metadata":
            if center is not None and scale is not None and len(center) != len(scale):
                yield self.finding(
                    statistics.location,
                    f"{len(center)} centers and {len(scale)} scales in {statistics.source}",
                    measured=f"{len(center)} and {len(scale)}",
                    expected="equally many",
                    key=f"{statistics.source} lengths",
                )
            return
        for what, numbers in (("center", center), ("scale", scale)):
            if numbers is None:
                continue
            keyed = not all(key.isdigit() for key in numbers)
            if keyed and set(numbers) != set(names):
                off = sorted(set(numbers) ^ set(names))
                text = f"{what} is kept for other columns than feature_cols: {', '.join(off[:5])}"
            elif not keyed and len(numbers) != len(names):
                text = f"{len(numbers)} numbers in {what} for {len(names)} feature columns"
            else:
                continue
            yield self.finding(
                statistics.location,
                text,
                measured=len(numbers),
                expected=len(names),
                key=f"{what} columns",
            )


def _name(key: str, names: list[str] | None, statistics: Statistics) -> str:
    if key.isdigit() and statistics.source == "metadata" and names and int(key) < len(names):
        return names[int(key)]
    return f"column {key}" if key.isdigit() else key
