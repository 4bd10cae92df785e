import difflib
import re

from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.literals import literals, of_constants
from audit_lib.probes.code.settings import (
    PLACED,
    SYSTEM,
    Setting,
    apart,
    constants,
    declared,
    defaults,
    environment,
    environment_set,
    in_files,
    keys_read,
    spelt,
    unread,
)
from audit_lib.subject.code import Code, code_of

#: Names of which one engine has one value, and those of which it may have several.
_ONE = re.compile(
    r"annual|trading_days|bars_per|periods_per|horizon|embargo|purge|risk_free|slippage|commission|"
    r"(^|_)fees?($|_)|cost_bps|drawdown|leverage|capital|base_currency",
    re.I,
)
_SOME = re.compile(r"look_?back|look_?ahead|threshold|(^|_)(max|min|limit|window)($|_)", re.I)
_LONG = 5
"""letters of a name that means one thing"""


def _against(read: list[Setting], fields: list[Setting]) -> list[Setting]:
    """What is read beside what is declared, where declarations agree and no reading is theirs."""
    values = {field.value for field in fields}
    others = [s for s in read if s.value not in values and s not in fields]
    return [fields[0], *others] if len(values) == 1 and others else []


class SettingsAgree(Check):
    """One setting has one value, wherever it is spelt.

    What it checks
        Constants of one name with other values in two modules, where the name tells of a horizon, a
        window, a limit, a cost or the days of a year; keys of a configuration, and
        environment variables, that are read with other defaults at two places, or with another than
        the one field of a configuration class, option of a command, or configuration file (YAML,
        TOML) says; fields of such classes against such files; keys and environment variables that
        are read under a name which nothing defines while one of nearly that spelling is defined
        and never read; and numbers that are spelt out where a parameter or field of that
        meaning is at hand: the default of a function's own parameter, an argument that the calling
        function was given itself, a value that another method of the class takes from its field,
        a rare number that another module names (252) and others import from there (LOW).
    Why it matters
        Training annualises by 252 and the report by 365; a limit holds in the back-test and another
        one live. Each side is right on its own page.
    How
        Compares literals by name in the files that touch the subsystem. MEDIUM for names of which
        an engine has one value (horizons, costs, days of a year), for keys of one file and for
        environment variables; LOW for windows, thresholds and limits, and for variables that
        say where a service runs. Definitions of environment
        variables are taken from the code, from `.env` files, Dockerfiles and compose files at the
        root.
    Limitations
        Names decide: two modules may mean different things by one name. Values that are worked out
        are not compared.
    Remediation
        Define the setting once and import it, or give the two different names.
    Sources
        The Twelve-Factor App, III (config).
    """

    code = "BND016"
    severity = Severity.MEDIUM
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Compare settings of one name."""
        code = code_of(subject.source)
        named, read, keyed = constants(code), environment(code), defaults(code)
        spelt_out, idle = [*self._spelt_out(code)], [*unread(code)]
        if not (named or read or keyed or spelt_out or idle):
            raise NotApplicable("no constants, environment variables or keys with defaults")
        for name, same in sorted(named.items()):
            level = self.severity if _ONE.search(name) else Severity.LOW
            if level is self.severity or _SOME.search(name):
                yield from self._differ(same, f"{name} is", level)
        for name, same in sorted(read.items()):
            level = Severity.LOW if PLACED.search(name) else self.severity
            read_here = same if name not in SYSTEM else []
            yield from self._differ(
                read_here, f"the environment variable {name} defaults to", level
            )
        fields, files = declared(code), in_files(code)
        for (holder, key), same in sorted(keyed.items()):
            places = same if apart(same) else _against(same, fields.get(key, []))
            # Parts of an engine may each have a ``config`` of their own.
            one = _ONE.search(key) or (places and len({s.location.path for s in places}) == 1)
            level = self.severity if one else Severity.LOW
            places = places or _against(same, files.get(key, []))
            yield from self._differ(places, f"{key!r} of {holder} defaults to", level)
        for name, same in sorted(fields.items()):
            if _ONE.search(name) and len(name) >= _LONG:
                places = _against(same, [s for s in same if s.location.symbol])
                yield from self._differ(places, f"the option {name} is", Severity.LOW)
            places = _against(same, files.get(name, []))
            if _ONE.search(name) and name not in {key for _, key in keyed}:
                yield from self._differ(places, f"the field {name} defaults to")
        what = "the environment variable "
        yield from self._misspelt(what, read, environment_set(code))
        if files:
            unknown = {key: same for key, same in keys_read(code).items() if key not in files}
            yield from self._misspelt("the key ", unknown, frozenset(files.keys() - spelt(code)))
        yield from spelt_out
        for limit in idle:
            yield self.finding(
                limit.location,
                f"{limit.value} declares {limit.name}, which nothing reads, so it limits nothing",
                measured="never read",
                expected="read, or not there",
                key=f"{limit.name} never read",
                cause=f"{limit.value} declares limits that nothing reads",
            )
        yield Examined(len(named) + len(read) + len(keyed), "settings")

    def _differ(
        self, settings: list[Setting], what: str, level: Severity = Severity.MEDIUM
    ) -> Answers:
        places = apart(settings)
        if places:
            first, other = places[0], places[1]
            more = len(places) - 2
            yield self.finding(
                other.location,
                f"{what} {other.value!r} here and {first.value!r} at {first.location}"
                + (f"; and {more} values more elsewhere" if more else ""),
                measured=str(other.value),
                expected=str(first.value),
                key=what,
                severity=level,
            )

    def _spelt_out(self, code: Code) -> Answers:
        pattern = re.compile(f"{_ONE.pattern}|{_SOME.pattern}", re.I)
        seen: set[tuple[str, int]] = set()
        for literal in (*literals(code, pattern), *of_constants(code, _ONE)):
            if (literal.unit.path, literal.line) in seen and not literal.sure:
                continue
            seen.add((literal.unit.path, literal.line))
            yield self.finding(
                Location(literal.unit.path, line=literal.line, symbol=literal.unit.name),
                f"{literal.unit.name} spells out {literal.value:g} where {literal.name} is at "
                f"hand: {literal.why}",
                measured=f"{literal.value:g}",
                expected=literal.name,
                key=f"{literal.name} spelt out",
                severity=self.severity
                if _ONE.search(literal.name) and literal.sure
                else Severity.LOW,
            )

    def _misspelt(
        self, kind: str, read: dict[str, list[Setting]], defined: frozenset[str]
    ) -> Answers:
        for name in sorted(set(read) - defined):
            near = difflib.get_close_matches(name, sorted(defined - set(read)), n=1, cutoff=0.9)
            if near:
                first = read[name][0]
                yield self.finding(
                    first.location,
                    f"reads {kind}{name}, which nothing defines, while {near[0]} is defined and "
                    "never read",
                    measured=name,
                    expected=near[0],
                    key=f"{name} for {near[0]}",
                )
