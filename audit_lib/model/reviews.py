"""Reviews of several tasks taken together, and the shares they come to."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from audit_lib.model.results import Evidence, Exercised, Review
from audit_lib.model.vocabulary import View


@dataclass(frozen=True)
class Share:
    """So many of so many lines.

    Attributes:
        kind: ``scanned``, ``exercised`` or ``certified``.
        lines, of: how many, of how many; None where it was not measured.
        said: what they are, or why they were not measured.
    """

    kind: str
    lines: int | None
    of: int
    said: str = ""

    @property
    def share(self) -> float | None:
        """The fraction; 1 of nothing is whole."""
        if self.lines is None:
            return None
        return self.lines / self.of if self.of else 1.0


def merged(reviews: Iterable[Review]) -> Review | None:
    """One review of the same source: exercised is what any of them saw executed."""
    listed = list(reviews)
    if not listed:
        return None
    lines: dict[tuple[str, str], tuple[set[int], set[int]]] = {}
    for review in listed:
        for part in review.exercised:
            called, loaded = lines.setdefault((part.hook, part.path), (set(), set()))
            called |= numbers(part.called)
            loaded |= numbers(part.loaded)
    measured = [r for r in listed if not r.unmeasured]
    return replace(
        listed[0],
        exercised=tuple(
            Exercised(hook, path, ranges(called), ranges(loaded))
            for (hook, path), (called, loaded) in sorted(lines.items())
        ),
        calls=sum(r.calls for r in listed),
        unmeasured="" if measured else listed[0].unmeasured,
        missing=tuple(dict.fromkeys(sentence for r in listed for sentence in r.missing)),
    )


def executed(review: Review) -> dict[str, dict[int, tuple[str, ...]]]:
    """Path to line to the hooks whose calls executed it."""
    by_path: dict[str, dict[int, list[str]]] = {}
    for part in review.exercised:
        own = by_path.setdefault(part.path, {})
        for line in numbers(part.called) | numbers(part.loaded):
            own.setdefault(line, []).append(part.hook)
    return {p: {n: tuple(hooks) for n, hooks in sorted(own.items())} for p, own in by_path.items()}


def on_loading(review: Review) -> int:
    """How many of the executed statements run when their module is loaded."""
    return len({(e.path, n) for e in review.exercised for n in numbers(e.loaded)})


def shares(review: Review) -> tuple[Share, ...]:
    """Scanned, exercised, and certified once for each criterion."""
    total = sum(f.lines for f in review.files)
    statements = sum(f.executable for f in review.files)
    scanned = Share("scanned", sum(f.scanned for f in review.files), total, "lines read by checks")
    ran = sum(len(lines) for lines in executed(review).values())
    hooks = len({e.hook for e in review.exercised})
    counted = f"statements: {hooks} hook{'s' * (hooks != 1)} executed them, "
    counted += f"{on_loading(review):,} when a module was loaded"
    if review.unmeasured:
        exercised = Share("exercised", None, statements, f"not measured: {review.unmeasured}")
    else:
        exercised = Share("exercised", ran, statements, counted)
    criteria = dict.fromkeys(c for f in review.files for c in f.certified)
    signed = [
        Share("certified", sum(f.certified.get(c, 0) for f in review.files), total, f"lines: {c}")
        for c in criteria
    ] or [Share("certified", 0, total, "lines: the ledger defines no criterion")]
    return scanned, exercised, *signed


def by_file(review: Review) -> Evidence:
    """The shares of each file, as the table that a treemap draws."""
    ran = executed(review)
    criteria = dict.fromkeys(c for f in review.files for c in f.certified)

    def share(lines: int, of: int) -> float | None:
        return round(lines / of, 4) if of else None

    return Evidence(
        "review",
        "Lines under audit, by file",
        ("file", "lines", "scanned", "exercised", *(f"certified: {c}" for c in criteria)),
        tuple(
            (
                f.path,
                f.lines,
                share(f.scanned, f.lines),
                None if review.unmeasured else share(len(ran.get(f.path, ())), f.executable),
                *(share(f.certified.get(c, 0), f.lines) for c in criteria),
            )
            for f in review.files
        ),
        View.TREEMAP,
        "a box is a file, as large as its lines, and filled as far as these were reviewed; "
        "exercised is of statements",
    )


def ranges(lines: Collection[int]) -> str:
    """Line numbers as text: ``3-7,12``."""
    runs: list[list[int]] = []
    for line in sorted(lines):
        if runs and line == runs[-1][1] + 1:
            runs[-1][1] = line
        else:
            runs.append([line, line])
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)


def numbers(text: str) -> set[int]:
    """The line numbers that :func:`ranges` wrote."""
    lines: set[int] = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        lines.update(range(int(first), int(last or first) + 1))
    return lines
