"""What tests make checks do, and which test does it: files of ``tests/golden``."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path


class Record:
    """A golden file of code -> what a check does -> the test that makes it do that.

    Attributes:
        promised: what the file says.
        now: what checks did while the test that is running ran, as (code, what).
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self.promised: dict[str, dict[str, str]] = (
            json.loads(file.read_text()) if file.is_file() else {}
        )
        self.now: set[tuple[str, str]] = set()
        self._named: dict[str, list[tuple[str, str]]] = {}
        for code, named in self.promised.items():
            for name, maker in named.items():
                self._named.setdefault(maker, []).append((code, name))
        self._makers: dict[tuple[str, str], set[str]] = {}
        self._ran: set[str] = set()

    def ended(self, test: str, *, repeats: bool = True) -> list[str]:
        """Take over what this test made; what it is named for and did not make.

        A test that may make something else next time is named for nothing.
        """
        self._ran.add(test)
        if not repeats:
            return []
        for made in self.now:
            self._makers.setdefault(made, set()).add(test)
        named = self._named.get(test, ())
        return [f"{code}: {name}" for code, name in named if (code, name) not in self.now]

    def told(self) -> object:
        """All that was seen, for another process."""
        return [[*made, sorted(tests)] for made, tests in self._makers.items()], sorted(self._ran)

    def take(self, told: tuple[list[tuple[str, str, list[str]]], list[str]]) -> None:
        """Take over what another process saw."""
        makers, ran = told
        self._ran.update(ran)
        for code, name, tests in makers:
            self._makers.setdefault((code, name), set()).update(tests)

    def write(
        self, codes: Iterable[str], names: Callable[[str, set[str]], Iterable[str]]
    ) -> dict[str, dict[str, str]]:
        """Write the file: who is named stays, unless it ran in vain, so that order decides nothing.

        Args:
            codes: of all checks.
            names: for a code and what was made or promised of it, what stands in the file.

        Returns:
            What stands there now.
        """
        whole: dict[str, dict[str, str]] = {}
        for code in codes:
            old = self.promised.get(code, {})
            seen = {*old, *(name for made, name in self._makers if made == code)}
            for name in names(code, seen):
                makers = self._makers.get((code, name), set())
                holds = old.get(name, "")
                if holds in self._ran - makers or not self._there(holds):
                    holds = ""
                whole.setdefault(code, {})[name] = holds or min(makers, default="")
        text = json.dumps(whole, indent=1, ensure_ascii=False)
        self.file.write_text(text + "\n")
        return whole

    def _there(self, test: str) -> bool:
        """Whether the file of a test still has its function."""
        path, _, function = test.partition("::")
        file = self.file.parents[2] / path
        return (
            bool(test) and file.is_file() and f"def {function.split('[')[0]}(" in file.read_text()
        )
