"""What was asked of a subject in one run, and what came of it; what it is stands in ``Subject``."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from audit_lib.hooks import without_variant
from audit_lib.host import Allowance, Entered, ExercisedLines, Host, Measure, Rests
from audit_lib.model import CheckResult, TaskResult
from audit_lib.subject.beside import Kept
from audit_lib.subject.hooks import Heard
from audit_lib.subject.one_asset import OneAsset
from audit_lib.subject.told import Told


@dataclass
class Inquiry:
    """The state of one run of a version; hosts and what they told are shared by all versions.

    Attributes:
        earlier: results of the tasks that ran before in the same run; T6 closes over them.
        so_far: results of the checks that ran before in the same task.
        measure: when to note which lines of the source the hooks execute; set before the first
            call.
        allowance: what the calls of one check may take together.
        hosts: where hooks run, by the interpreter that runs them.
        others: the same, by the seed of text's hashes and the interpreter.
        late: hooks to how many of their calls ran out of time.
        heard: versions and hooks to what these have given, whoever asked them.
        form: whether tables of one asset have a level for it.
        tables: what stands beside rows, made once.
        told: answers that several tasks rest on, where any are kept.
    """

    earlier: tuple[TaskResult, ...] = ()
    so_far: tuple[CheckResult, ...] = ()
    measure: Measure = Measure.NEVER
    allowance: Allowance = field(default_factory=Allowance)
    hosts: dict[Path | None, Host] = field(default_factory=dict)
    others: dict[tuple[int, Path | None], Host] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    form: OneAsset = field(default_factory=OneAsset)
    tables: Kept = field(default_factory=dict)
    told: Told | None = None

    def through(self, wrap: Callable[[Any], Any]) -> "Inquiry":
        """One that asks anew, through wrapped hosts."""
        wrapped = {python: wrap(host) for python, host in self.hosts.items()}
        return replace(self, hosts=wrapped, late={}, heard={}, told=None)

    def every_host(self) -> tuple[Host, ...]:
        """All hosts that were started."""
        return (*self.hosts.values(), *self.others.values())

    def close(self) -> None:
        """Stop the hosts."""
        for host in self.every_host():
            host.close()
        self.hosts.clear()
        self.others.clear()

    # --- what hosts told ----------------------------------------------------------------------
    @property
    def exercised(self) -> ExercisedLines:
        """Lines of the source that calls of hooks executed so far."""
        total = ExercisedLines()
        for host in self.hosts.values():
            total.add(host.exercised)
        return total

    def opened(self, name: str) -> tuple[str, ...]:
        """Data files that calls of a hook read so far, besides what they were given."""
        return tuple(f for h in self.hosts.values() for f in h.entries.opened.get(name, ()))

    def entered(self, name: str) -> tuple[Entered, ...]:
        """Functions of the source that calls of a hook entered so far, in order."""
        return tuple(e for h in self.hosts.values() for e in h.entries.known.get(name, ()))

    def followed(
        self, hooks: Iterable[str]
    ) -> tuple[dict[str, tuple[Entered, ...]], dict[str, tuple[str, ...]]]:
        """What calls of hooks, of every variant, were seen to enter, and to open."""
        wanted = set(hooks)
        entered, opened = dict[str, tuple[Entered, ...]](), dict[str, tuple[str, ...]]()
        for host in self.hosts.values():
            for name, functions in host.entries.known.items():
                if without_variant(name)[0] in wanted:
                    entered[name] = functions
                    opened[name] = host.entries.opened.get(name, ())
        return entered, opened

    def rests(self, hooks: Iterable[str] | None = None) -> Rests:
        """What answers of hooks, of every variant, rest on; of all hooks where none are named."""
        wanted, whole = None if hooks is None else set(hooks), Rests()
        for host in self.every_host():
            for name, one in host.entries.rests.items():
                if wanted is None or without_variant(name)[0] in wanted:
                    whole.files |= one.files
                    whole.version |= one.version
                    whole.beyond = whole.beyond or one.beyond
                    whole.shaky += one.shaky
                    whole.raised += one.raised
        return whole

    # --- what hooks gave ----------------------------------------------------------------------
    def counted(self, version: str) -> dict[str, tuple[int, int, int]]:
        """Each hook to how often it was asked for a version, held something, and was empty."""
        return {
            name: (h.asked, h.held, h.empty)
            for (of, name), h in self.heard.items()
            if of == version
        }

    def count(self, version: str, hooks: Mapping[str, tuple[int, int, int]]) -> None:
        """Have calls count that were made before, in another run."""
        for name, (asked, held, empty) in hooks.items():
            heard = self.heard.setdefault((version, name), Heard())
            heard.asked, heard.held = heard.asked + asked, heard.held + held
            heard.empty += empty
