from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Severity
from audit_lib.probes.code.entries import Entry, entries


class EveryEntryEnforcesThePreconditions(Check):
    """Every entry that trains or backtests enforces the same preconditions, and these can refuse.

    What it checks
        A precondition that some entry enforces is enforced by every other entry; and what is
        called a precondition raises somewhere.
    Why it matters
        Preconditions lock what a result means: return type, horizon, entry price. An entry beside
        the guarded ones trains or backtests under other conditions, and its numbers are then
        compared with the guarded ones. A precondition that cannot raise guards nothing.
    How
        Finds functions named as training or backtesting, and classes named so with a method that
        runs, anywhere in the source but its tests. Follows the calls of each by name, through
        constructors, up to six levels, to functions named `enforce_`, `ensure_`, `require_` or
        with "precondition" in their name.
    Limitations
        Names decide, both of entries and of preconditions. A call that is made under a condition
        counts as made. A name with more than four definitions is not followed.
    Remediation
        Call the precondition in the entry, or route the entry through a guarded one.
    Sources
        Meyer (1992), Applying "Design by Contract", IEEE Computer 25(10).
    """

    code = "SPL012"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    cites = ("entries",)

    def run(self, subject: Subject) -> Answers:
        """Compare what the entries reach."""
        users, raising = entries(subject)
        enforced = sorted(set().union(*(e.reaches for e in users)))
        shared = [p for p in enforced if "precondition" in p.lower() or self._common(p, users)]
        if not users:
            raise NotAssessed("no function or class is named as training or backtesting")
        rows = tuple(
            (e.file.path, e.node.name, *("yes" if p in e.reaches else "no" for p in shared))
            for e in users
        )
        heads = ("file", "entry", *shared)
        yield Evidence("entries", "Entries and the preconditions they reach", heads, rows)
        if not shared:
            raise NotAssessed(
                f"none of the {len(users)} entries that train or backtest calls a precondition by "
                "name, so that there is nothing to compare them by"
            )
        for precondition in shared:
            if not raising[precondition]:
                holder = next(e for e in users if precondition in e.reaches)
                yield self.finding(
                    holder.file.location(holder.node, holder.node.name),
                    f"`{precondition}` can refuse nothing: neither it nor what it calls raises",
                    measured="never raises",
                    expected="raises where the precondition is broken",
                    key=precondition,
                )
            for entry in users:
                if precondition not in entry.reaches:
                    others = sum(precondition in e.reaches for e in users)
                    yield self.finding(
                        entry.file.location(entry.node, entry.node.name),
                        f"`{entry.node.name}` does not reach `{precondition}`, which {others} of "
                        f"{len(users)} entries enforce",
                        measured="not enforced",
                        expected=precondition,
                        key=precondition,
                        cause=f"entries that do not reach {precondition}",
                    )
        yield Examined(len(users), "entries that train or backtest")

    def _common(self, precondition: str, callers: list[Entry]) -> bool:
        """True where most entries, and at least three, enforce it."""
        count = sum(precondition in e.reaches for e in callers)
        return count >= 3 and 3 * count >= 2 * len(callers)
