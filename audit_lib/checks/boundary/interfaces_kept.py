import tempfile
from pathlib import Path

from pydantic import Field as Option

from audit_lib.checks.base import Answer, Answers, Check, Reads, Subject
from audit_lib.checks.boundary.stored_keys import documents
from audit_lib.errors import NotApplicable
from audit_lib.model import Evidence, Examined, Location, Severity
from audit_lib.probes.code.earlier import Change, Interface, earlier_tree, spoken
from audit_lib.probes.code.keyflow import (
    ANY,
    Use,
    by_path,
    key_flow,
    overlaps,
    pair_flow,
    paired,
    within,
)
from audit_lib.subject.pointers import pointer_to


class InterfacesAreKept(Check):
    """What others call or have stored still fits, since a commit that the parameters name.

    What it checks
        Against the source at `since`: public functions, methods and classes of the subsystem that
        are gone, parameters that are gone, new and required, moved, or have another default;
        answers that may be None now and bases that a class has no more; constants with another
        value; and keys that a stored document must have today which the code of then did not write.
    Why it matters
        A default that changed trains on another horizon wherever it was left out, and no call
        fails. A key that became required makes every version that was stored before unreadable,
        which shows on the day of a rollback.
    How
        Reads the Python files of the commit from git, which changes nothing in the checkout, and
        compares signatures as BND003 does. HIGH where the source of today still holds a user that
        no longer fits, or takes a changed default, and for keys; LOW where none is left: users
        outside the repository are not seen. Users stand in the table.
    Limitations
        What a function does may change under the same signature: the probes and `compare` see
        that. Calls through objects of unknown class are not counted as users.
    Remediation
        Keep the old name or default for a while, mend the users, or give the stored form a version
        and read both.
    Sources
        Semantic Versioning 2.0.0; the kinds of breaking change are those that `griffe check` knows.
    """

    code = "BND017"
    severity = Severity.HIGH
    reads = Reads.CODE

    since: str = Option("", description="a commit, tag or branch of the checkout, or another one")

    def run(self, subject: Subject) -> Answers:
        """Compare the interface and the stored keys of then and now."""
        if not self.since:
            raise NotApplicable("the parameters name no earlier commit (options.BND017.since)")
        with tempfile.TemporaryDirectory() as folder:
            before = earlier_tree(subject.source, self.since, Path(folder))
            interface = Interface(before, subject.source)
            rows = []
            for change in interface.changes():
                rows.append((change.path, change.name, change.what, ", ".join(change.users)))
                yield self._report(interface, change)
            yield from self._stored(interface)
            if rows:
                heads = ("file", "name", "change", "users today that it hurts")
                yield Evidence("interface", f"Changes since {self.since}", heads, tuple(rows))
            yield Examined(interface.count, "public names of then")

    def _report(self, interface: Interface, change: Change) -> Answer:
        users = spoken(change.users)
        hurt = f"; {users} {'relies' if len(change.users) == 1 else 'rely'} on it" if users else ""
        there = change.path in interface.now.tree.by_path
        first = change.users[0].partition("::") if change.users else ("", "", "")
        place = Location(change.path, line=change.line or None, symbol=change.name)
        if not there:
            place = Location(first[0] or ".", symbol=first[2] if first[0] else "")
        return self.finding(
            place,
            f"{change.name} of {change.path}: {change.what} (since {self.since}){hurt}",
            measured=change.now,
            expected=change.before,
            key=f"{change.path} {change.name}",
            severity=self.severity if change.users else Severity.LOW,
            evidence=("interface",),
        )

    def _stored(self, interface: Interface) -> Answers:
        """Keys that are required today and were not written then."""
        before, now = interface.before, interface.now
        pairs = [(n, key_flow(before, n), key_flow(now, n)) for n in documents(now, "")]
        old = set(paired(before))
        pairs += [(f"what {p} stores", pair_flow(before, p), pair_flow(now, p))
                  for p in paired(now) if p in old]  # fmt: skip
        for name, then, today in pairs:
            written = {u.path for u in then.writes}
            if not written or not then.dumped or not today.loaded or () in then.open_writes:
                continue
            for path, uses in sorted(by_path(today.reads).items()):
                needed = [u for u in uses if u.required and not within(path, today.tested)]
                there = any(overlaps(path, w) for w in written) or within(path, then.open_writes)
                above = path[:-1] and not any(overlaps(path[:-1], w) for w in written)
                written_now = any(overlaps(path, u.path) for u in today.writes)
                if needed and not there and not above and path[-1] != ANY and written_now:
                    yield self._lacking(name, path, needed[0])

    def _lacking(self, name: str, path: tuple[str, ...], use: Use) -> Answer:
        pointer = pointer_to(*path)
        return self.finding(
            use.location,
            f"reads {pointer} of {name}, which the code of {self.since} did not write: what was "
            "stored then cannot be read",
            measured="required",
            expected="read with a default, or under a new format version",
            key=f"{name} {pointer}",
        )
