from audit_lib.checks.base import Answers, Check, Subject, show
from audit_lib.errors import NotAssessed
from audit_lib.model import Evidence, Examined, Gap, Location, Severity
from audit_lib.probes.lifecycle.schema_hash import recognise
from audit_lib.probes.questions.asking import ask, ask_many
from audit_lib.probes.questions.samples import required
from audit_lib.subject.discovery.fields import guessed

HASH = "features.schema_hash"


class SchemaIsTheModels(Check):
    """The features the predictor asks for are those of the checkpoint, in its order and hash.

    What it checks
        `predictor.required` equals the checkpoint's feature columns, name by name and in order;
        no name stands twice; and the stored schema hash is the hash of exactly this list.
    Why it matters
        A model is trained on positions. Two columns that changed places, or one that was added
        in the middle, give numbers that look like predictions.
    How
        Compares the two lists (a predictor of several models may also ask for columns that another
        list of the metadata holds), then recognises the form of the stored hash among the usual
        serialisations and hash functions. A hash that fits the sorted names only does not protect
        the order. Where the subject shows its own function (`features.schema_hash`), that is asked
        instead: of these columns, and with two changed places, one renamed and one left out.
    Limitations
        A hash of an unusual form cannot be recomputed and is reported as a gap; where the same
        form fits another version of the store, it must fit this one too.
    Remediation
        Load the columns from the checkpoint, and verify order and hash when it is loaded.
    Sources
        Sculley et al. (2015), Hidden Technical Debt in Machine Learning Systems, section 4.
    """

    code = "FEA001"
    severity = Severity.CRITICAL
    needs = ("predictor.required",)

    def run(self, subject: Subject) -> Answers:
        """Compare both lists, then the hash."""
        pointer, metadata = subject.layout.fields.feature_cols, subject.metadata
        stored = metadata.get(pointer)
        wanted = required(subject)
        if stored is None and (at := guessed(metadata, subject.version).get("feature_cols")):
            mend = f"write artifacts.fields.feature_cols: {at}, which looks like them"
            raise NotAssessed(f"{metadata.path} has no feature columns at {pointer}; {mend}")
        if not isinstance(stored, list) or not all(isinstance(c, str) for c in stored):
            yield self.finding(
                metadata.location(pointer),
                f"the checkpoint of {subject.version} lists no feature columns at "
                f"{pointer or 'any place (null)'}",
                measured="none" if stored is None else type(stored).__name__,
                expected=f"{len(wanted)} column names",
                key="feature_cols",
            )
            return
        yield Examined(len(stored), "feature columns")
        yield Evidence(
            "columns",
            "Columns of the checkpoint and of the predictor",
            ("position", "checkpoint", "predictor"),
            tuple(
                (i, self._at(stored, i), self._at(wanted, i))
                for i in range(max(len(stored), len(wanted)))
            ),
        )
        yield from self._compared(subject, stored, wanted)
        yield from self._hash(subject, stored)

    def _compared(self, subject: Subject, stored: list[str], wanted: list[str]) -> Answers:
        where = subject.metadata.location(subject.layout.fields.feature_cols)
        listed_anywhere = set(stored).union(*self._lists(subject))
        for kind, names in (
            ("in the checkpoint, and not asked for by the predictor", set(stored) - set(wanted)),
            (
                "asked for by the predictor, and not in the checkpoint",
                set(wanted) - listed_anywhere,
            ),
            ("more than once in the checkpoint", {c for c in stored if stored.count(c) > 1}),
        ):
            if names:
                listed = sorted(names)
                yield self.finding(
                    where,
                    f"{len(listed)} features stand {kind}: {', '.join(listed[:5])}",
                    measured=show(listed),
                    expected="the same features, each once",
                    key=kind,
                    evidence=("columns",),
                )
        if stored != wanted and sorted(stored) == sorted(wanted):
            first = next(i for i, (a, b) in enumerate(zip(stored, wanted, strict=True)) if a != b)
            moved = sum(a != b for a, b in zip(stored, wanted, strict=True))
            yield self.finding(
                where,
                f"{moved} features stand in another order: position {first} is {stored[first]} in "
                f"the checkpoint and {wanted[first]} for the predictor",
                measured=wanted[first],
                expected=stored[first],
                key="order",
                evidence=("columns",),
            )

    @staticmethod
    def _lists(subject: Subject) -> list[tuple[str, ...]]:
        """Every list of columns in the metadata: an ensemble keeps one a model."""
        path = subject.metadata.path
        own = (a for a in subject.version_artifacts if a.path == path)
        return [names for artifact in own for names in artifact.feature_sets.values()]

    def _hash(self, subject: Subject, stored: list[str]) -> Answers:
        pointer, metadata = subject.layout.fields.schema_hash, subject.metadata
        digest = metadata.get(pointer)
        if not isinstance(digest, str):
            return  # that it is missing is a finding of the checkpoint contract
        yield Examined(1, "schema hash")
        where = metadata.location(pointer)
        if subject.has(HASH):
            yield from self._own(subject, stored, digest, where)
            return
        if recognise(digest, stored):
            return
        if form := recognise(digest, sorted(stored)):
            yield self.finding(
                where,
                f"the schema hash is {form}, taken over sorted names: it does not see the order",
                measured="order is free",
                expected="a hash of the ordered names",
                key="hash order",
                severity=Severity.MEDIUM,
            )
        elif form := self._form_elsewhere(subject, pointer):
            yield self.finding(
                where,
                f"the schema hash {digest[:16]} is not that of the stored columns, though another "
                f"version's is ({form})",
                measured=digest,
                expected=form,
                key="hash",
                evidence=("columns",),
            )
        else:
            yield Gap("schema hash", "it is of no usual form and cannot be recomputed")

    def _own(self, subject: Subject, stored: list[str], kept: str, where: Location) -> Answers:
        """Ask the subject's own function, of these columns and of others."""
        others = {
            "two columns change places": [*stored[1:2], *stored[:1], *stored[2:]],
            "a column is renamed": [f"{stored[0]}_", *stored[1:]],
            "a column is left out": stored[:-1],
        }
        hook = subject.hook(HASH)
        mine = ask(hook, stored, into=str).needed(f"{HASH} does not hash the stored columns:")
        if mine != kept:
            yield self.finding(
                where,
                f"the schema hash {kept[:16]} is not that of the stored columns, which is "
                f"{mine[:16]}",
                measured=kept,
                expected=mine,
                key="hash",
                evidence=("columns",),
            )
        replies = ask_many(hook, [(names,) for names in others.values()], into=str)
        same = [t for t, r in zip(others, replies, strict=True) if r.answered and r.got == mine]
        if same and len(stored) > 1:
            yield self.departs(
                f"the schema hash stays the same where {' and where '.join(same)}",
                hook=HASH,
                measured="the same hash",
                expected="another hash for another schema",
                key="hash order",
                severity=Severity.MEDIUM,
            )

    @staticmethod
    def _form_elsewhere(subject: Subject, pointer: str | None) -> str | None:
        artifacts = subject.layout
        for version in subject.versions():
            if version == subject.version:
                continue
            try:
                metadata = subject.at(version).metadata
            except NotAssessed:
                continue
            recorded, columns = metadata.get(pointer), metadata.get(artifacts.fields.feature_cols)
            if isinstance(recorded, str) and isinstance(columns, list):
                form = recognise(recorded, [str(c) for c in columns])
                if form:
                    return form
        return None

    @staticmethod
    def _at(names: list[str], position: int) -> str | None:
        return names[position] if position < len(names) else None
