from collections import Counter

from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.model import Evidence, Examined, Severity, View
from audit_lib.probes.market.derived_names import may_be_earlier, parents
from audit_lib.probes.market.reads import beyond_prices
from audit_lib.probes.questions.asking import ask, mapping
from audit_lib.probes.questions.samples import built, required

KNOWN = ("CAUSAL", "END_OF_DAY", "RESEARCH_ONLY")
"""from what may always be served to what never may"""
FEW = 3
"""features of one type that tell what the type reads"""


class EveryFeatureMayBeServed(Check):
    """Every feature the model requires has a type, and one that may be served.

    What it checks
        Each required feature has an entry in the feature policy; its type is known; and it is
        one that may be served live (`served`). What the builder makes besides has a type, too. A
        feature that is named after others, with a word for what was done to them (`gap_z20`,
        `X_gap_x_volume`), has no type that is more permissive than theirs. None is the only one of
        its type to read what else only features of stricter types read (volume, other assets).
    Why it matters
        A research-only feature may look ahead. If the model was trained on it, live inference
        either fails or feeds it something else; if nobody typed it, nobody has thought about it.
    How
        Asks `predictor.required` and `features.policy` and joins them by name; then the columns
        of `features.build`, where there is one.
        What a feature reads is measured: each field of the panel that is no price is changed, and
        one asset under the others.
    Limitations
        The type is what the subject declares; whether the feature is causal is measured in T2.
        Derived features are known by their names; where one says that an earlier value is taken,
        or a window of what is known late, its type is left to T2.
    Remediation
        Type every feature where it is defined, and filter by type before training.
    Sources
        Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7 (leakage).
    """

    code = "FEA002"
    severity = Severity.HIGH
    needs = ("predictor.required", "features.policy")
    about = "features.policy"
    cites = ("types",)

    seed: int = Field(47, description="of the noise on fields and assets")
    served: tuple[str, ...] = Field(("CAUSAL", "END_OF_DAY"), description="types that may be live")

    def run(self, subject: Subject) -> Answers:
        """Join required features with the policy."""
        served = required(subject)
        reply = ask(subject.hook("features.policy"), into=mapping).needed("features.policy")
        policy = {name: str(kind) for name, kind in reply.items()}
        yield Examined(len(served), "required features")
        counts = Counter(policy.get(name, "no type") for name in served)
        yield Evidence(
            "types",
            "Types of the required features",
            ("label", "value", "group"),
            tuple(
                (kind, n, "may be served" if kind in self.served else "must not be served")
                for kind, n in sorted(counts.items())
            ),
            View.BARS,
            "number of features",
        )
        for name in dict.fromkeys(served):
            kind = policy.get(name)
            if kind in self.served:
                continue
            severity = None
            if kind is None:
                message = f"{name} is required by the model and has no entry in the feature policy"
            elif kind not in KNOWN:
                message = f"{name} has the type {kind!r}, which is none of {', '.join(KNOWN)}"
            else:
                message = f"{name} is {kind} and must not be served, and the model requires it"
                severity = Severity.CRITICAL
            yield self.departs(
                message,
                measured=kind or "no type",
                expected=" or ".join(self.served),
                key=name,
                severity=severity,
            )
        yield from self._built(subject, served, policy)
        yield from self._derived(served, policy)
        yield from self._reads(subject, policy)

    def _derived(self, served: list[str], policy: dict[str, str]) -> Answers:
        """Features that are typed more permissively than what they are named after."""
        for name, kind in policy.items():
            made_of = [p for p in parents(name, policy) if policy[p] in KNOWN]
            if kind not in KNOWN or not made_of:
                continue
            least = max(made_of, key=lambda p: KNOWN.index(policy[p]))
            if may_be_earlier(name, windows=policy[least] != KNOWN[-1]):
                continue
            if KNOWN.index(kind) < KNOWN.index(policy[least]):
                yield self.departs(
                    f"{name} is {kind}, and {least}, of which it is made by its name, is "
                    f"{policy[least]}",
                    measured=kind,
                    expected=policy[least],
                    key=f"derived {name}",
                    severity=self.severity if name in served else Severity.MEDIUM,
                    cause="derived features are typed more permissively than their parents",
                )

    def _reads(self, subject: Subject, policy: dict[str, str]) -> Answers:
        """Features that read what only features of stricter types read besides them."""
        try:
            read = beyond_prices(subject, "features.build", self.seed)
        except (NotAssessed, NotApplicable):
            return
        for what, columns in read.items():
            readers = {n: KNOWN.index(policy[n]) for n in columns if policy.get(n) in KNOWN}
            for name, rank in readers.items():
                others = [n for n in readers if n != name]
                alike = [n for n in policy if policy[n] == policy[name] and n not in readers]
                if not others or len(alike) < FEW or any(readers[n] <= rank for n in others):
                    continue
                stricter = ", ".join(sorted({policy[n] for n in others}))
                yield self.departs(
                    f"{name} is {policy[name]} and moves with {what}: so do {', '.join(others[:3])}"
                    f" ({stricter}), and none of the other {len(alike)} {policy[name]} features",
                    measured=policy[name],
                    expected=stricter,
                    key=f"{name} reads {what}",
                    severity=Severity.MEDIUM if len(others) > 1 else Severity.INFO,
                )

    def _built(self, subject: Subject, served: list[str], policy: dict[str, str]) -> Answers:
        """Columns that are built, and that no model requires yet."""
        try:
            columns = [str(column) for column in built(subject).columns]
        except (NotAssessed, NotApplicable):
            return
        yield Examined(len(columns), "features that are built")
        for name in dict.fromkeys(columns):
            if name not in policy and name not in served:
                yield self.departs(
                    f"{name} is built, and has no entry in the feature policy",
                    hook="features.build",
                    measured="no type",
                    expected="a type",
                    key=f"built {name}",
                    severity=Severity.MEDIUM,
                    cause="features are built that nobody typed",
                )
