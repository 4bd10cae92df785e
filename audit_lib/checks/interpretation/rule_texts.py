"""INT011."""

import keyword
import re
from itertools import combinations

import numpy as np
import pandas as pd
from pydantic import Field

from audit_lib.checks.base import Answers, Check, Subject
from audit_lib.model import Evidence, Examined, Gap, Severity
from audit_lib.probes.questions.asking import Reply, ask, ask_many, frame, mapping
from audit_lib.probes.questions.samples import built, numeric, whole_dates

TEXTS, FIRES = "decisions.rule_texts", "decisions.rule_fires"
NOBODY = "no_such_name_q7"
_TOKEN = re.compile(r"(?<![\w.'\"])[A-Za-z_]\w*(?![\w'\"(])")


class RulesMeanWhatTheySay(Check):
    """Rules that are kept as text are read whole: every name resolves, and each rule can decide.

    What it checks
        No rule is empty; every name in it resolves, and one that nobody knows is refused; it fires
        in some rows and not in all; none fires where every feature is missing; and no long rule
        fires in just the rows in which a short one does.
    Why it matters
        A misspelt name that reads as "false" takes a rule out of the book without a word; so does a
        threshold in per cent beside a fraction.
    How
        Drives `decisions.rule_fires` on features of the sample, on the same stretched tenfold and
        shuffled, on missing ones, and with a made-up name in the place of each name.
    Limitations
        A name that is no feature counts as resolved where a made-up one in its place is refused, or
        fires in other rows. Words of Python are no names.
    Remediation
        Parse rules when they are loaded, against the list of features, and refuse what is unknown.
    Sources
        SR 11-7 section V (limits on model use); Breck et al. (2017), The ML Test Score, section IV.
    """

    code = "INT011"
    severity = Severity.HIGH
    offered = (TEXTS, FIRES)
    about = FIRES
    cites = ("rules",)

    seed: int = Field(35, description="of the shuffled rows")
    rows: int = Field(2_000, ge=50, description="rows of the sample that are used")

    def run(self, subject: Subject) -> Answers:
        """Rates, then names, then sides."""
        texts = ask(subject.hook(TEXTS), into=mapping).needed(TEXTS)
        rules = {str(n): (str(r.get("side", "")), str(r.get("text", ""))) for n, r in texts.items()}
        written = {name: text for name, (_, text) in rules.items() if text.strip()}
        for name in rules.keys() - written.keys():
            yield self.departs(f"rule {name} is empty", expected="a condition", key=f"{name} empty")
        real = whole_dates(built(subject).dropna(), self.rows)
        tables = [real, self._stretched(real), real * np.nan]
        names = list(written)
        replies = self._fires(subject, [({n: written[n]}, t) for n in names for t in tables])
        rows, seen = [], dict[str, pd.Series]()
        for i, name in enumerate(names):
            ordinary, far, blank = replies[3 * i : 3 * i + 3]
            if not ordinary.answered or name not in ordinary.got:
                yield Gap(f"rule {name}", ordinary.why or "no column of its name is answered")
                continue
            seen[name] = ordinary.got[name].astype(bool)
            rate = float(seen[name].mean())
            beyond = far.answered and name in far.got and bool(far.got[name].any())
            rows.append((name, rules[name][0], written[name], rate))
            if rate == 1 or (rate == 0 and not beyond):
                how = "fires in every row" if rate else "never fires, nor in rows ten times as far"
                what = f"rule {name} {how}: {written[name]}"
                yield self.departs(
                    what, expected="some rows", key=f"{name} rate", severity=Severity.MEDIUM
                )
            if blank.answered and name in blank.got and blank.got[name].any():
                what = f"rule {name} fires where every feature is missing"
                yield self.departs(
                    what, expected="no row", key=f"{name} blank", severity=Severity.MEDIUM
                )
        yield Examined(len(rows), "rules")
        heads = ("rule", "side", "text", "share of rows in which it fires")
        yield Evidence("rules", "Rules, and how often they fire", heads, tuple(rows))
        yield from self._names(subject, {n: written[n] for n in seen}, real, seen)
        for a, b in combinations(seen, 2):
            if rules[a][0] != rules[b][0] and seen[a].any() and seen[a].equals(seen[b]):
                what = f"rules {a} ({rules[a][0]}) and {b} ({rules[b][0]}) fire in the same rows"
                yield self.departs(
                    what, expected="other rows", key=f"{a} {b}", severity=Severity.MEDIUM
                )

    def _names(
        self,
        subject: Subject,
        texts: dict[str, str],
        real: pd.DataFrame,
        seen: dict[str, pd.Series],
    ) -> Answers:
        """Each name of each rule, with one that nobody knows in its place."""
        places = [
            (rule, token)
            for rule, text in texts.items()
            for token in dict.fromkeys(_TOKEN.findall(text))
            if not keyword.iskeyword(token)
        ]
        changed = [re.sub(rf"\b{t}\b", NOBODY, texts[rule]) for rule, t in places]
        questions = [({rule: text}, real) for (rule, _), text in zip(places, changed, strict=True)]
        taken = []
        for (rule, token), reply in zip(places, self._fires(subject, questions), strict=True):
            if not reply.answered or rule not in reply.got:
                continue
            taken.append((rule, token))
            if token not in real and reply.got[rule].astype(bool).equals(seen[rule]):
                what = f"rule {rule}: {token} is no feature, and a made-up name does as well"
                yield self.departs(what, expected="a name that resolves", key=f"{rule} {token}")
        if taken:
            rule, token = taken[0]
            what = (
                f"a name that nobody knows is not refused in {len(taken)} of {len(places)} places: "
                f"rule {rule} with another name for {token} is evaluated"
            )
            yield self.departs(what, expected="a refusal", key="unknown name")

    def _stretched(self, real: pd.DataFrame) -> pd.DataFrame:
        rng = np.random.default_rng(self.seed)
        far = (real - real.median()) * 10 + real.median()
        mixed = {c: rng.permutation(numeric(far[[c]]).reshape(-1)) for c in far}
        return pd.DataFrame(mixed, index=real.index)

    def _fires(
        self, subject: Subject, questions: list[tuple[dict[str, str], pd.DataFrame]]
    ) -> list[Reply[pd.DataFrame]]:
        return ask_many(subject.hook(FIRES), questions, into=frame)
