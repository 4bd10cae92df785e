"""The subject's hooks: which are written, where, and calling them through the host."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from audit_lib.errors import NotAssessed
from audit_lib.files import read_whole, read_words
from audit_lib.hooks import full_name, purpose, signature, with_variant, without_variant
from audit_lib.host import HookError, HookTimedOut, Host
from audit_lib.host.child.names import CRASHING, IN_TURN, TOGETHER, composed, plain
from audit_lib.host.limits import LATE, PATIENCE
from audit_lib.model import Location
from audit_lib.subject.keys import Key
from audit_lib.subject.one_asset import OneAsset, Split
from audit_lib.subject.told import Told
from audit_lib.subject.uses import last_name


@dataclass
class HookSet:
    """Hooks of one subject.  Which exist is read from the source; nothing runs until a call.

    A hook may have named variants.  Names here are full, ``pricing.price[heston]``, unless a
    method says otherwise.
    """

    file: Path

    @cached_property
    def _functions(self) -> tuple[tuple[str, ast.FunctionDef], ...]:
        """Every written hook and its function, in the order of the file.

        A variant that is not written as plain text is called ``?``.

        Raises:
            NotAssessed: the file does not parse; the message names line and error.
        """
        tree = _parsed(self.file) if self.file.is_file() else ast.Module([], [])
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        functions.sort(key=lambda function: function.lineno)
        return tuple((name, function) for function in functions for name in names_of(function))

    @property
    def written(self) -> tuple[tuple[str, int], ...]:
        """Every hook and the line of its ``def``, as they stand in the file."""
        return tuple((name, function.lineno) for name, function in self._functions)

    @cached_property
    def composed(self) -> dict[str, tuple[str, ...]]:
        """Hooks that are made of written ones, to these."""
        return composed(name for name, _ in self._functions)

    @cached_property
    def lines(self) -> dict[str, int]:
        """Hook name to the line of its ``def``; of a composed one, that of its last part."""
        written = dict(self.written)
        return written | {name: written[parts[-1]] for name, parts in self.composed.items()}

    @cached_property
    def by_row(self) -> frozenset[str]:
        """Hooks that know single rows (``each="row"``)."""
        return frozenset(name for name, function in self._functions if _knows_rows(function))

    def takes(self, name: str, parameter: str) -> bool:
        """True where a hook of that full name has a parameter of that name."""
        function = dict(self._functions).get(name)
        if function is None:
            return False
        listed = (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)
        return any(argument.arg == parameter for argument in listed)

    @cached_property
    def _variants(self) -> dict[str, tuple[str, ...]]:
        """Hooks, and surfaces, without variant to their variants; '' for a plain hook."""
        variants: dict[str, list[str]] = {}
        for name in self.lines:
            hook, variant = without_variant(name)
            for key in (hook, hook.split(".", maxsplit=1)[0]):
                variants.setdefault(key, []).append(variant)
        return {key: tuple(dict.fromkeys(listed)) for key, listed in variants.items()}

    def variants(self, hook: str) -> tuple[str, ...]:
        """Variants of a hook, or of all hooks of a surface, in the order of the file.

        '' stands for a plain hook.
        """
        return self._variants.get(hook, ())

    def meant(self, hook: str, variant: str = "") -> str:
        """The variant of a hook's surface that a name stands for.

        A name that the surface does not know, or none, stands for the plain hook, and for the
        surface's first variant where there is no plain one.
        """
        kin = self.variants(hook.split(".", maxsplit=1)[0])
        if not variant or variant in kin:
            plain = not variant and "" not in self.variants(hook)
            return next(filter(None, kin), "") if plain else variant
        return self.meant(hook)

    def chosen(self, hook: str, variant: str = "") -> str | None:
        """The written hook that serves a variant, by its full name; None where there is none.

        That of the variant's own name; else the plain one, which serves all.
        """
        written, meant = self.variants(hook), self.meant(hook, variant)
        if meant in written:
            return with_variant(hook, meant)
        return hook if "" in written else None

    def __contains__(self, name: str) -> bool:
        """True where the hook is written."""
        return name in self.lines

    def location(self, name: str) -> Location:
        """Where the hook is written."""
        return Location(
            self.file.name, base="parameters", line=self.lines.get(name, 1), symbol=name
        )

    def missing(self, hook: str, variant: str = "") -> str:
        """What to say about a hook that nobody wrote, with what could stand behind it."""
        candidates = self._candidates().get(hook, [])
        could = f"\nfound in the source: {'; '.join(map(str, candidates))}" if candidates else ""
        others = ", ".join(filter(None, self.variants(hook)))
        lacking = f" for variant {variant}, only for {others}" if others and variant else ""
        form = signature(hook, variant if lacking else "")
        gives = purpose(hook).partition(": ")[2].rstrip(".")
        what = f"no hook {hook} in {self.file.name}{lacking} ({gives}); write:\n{form}"
        return what + could

    def _candidates(self) -> dict[str, list[str]]:
        """What ``workbook new-subject`` found, where it was used."""
        try:
            candidates = json.loads(read_words(self.file.parent / "candidates.json"))
        except (OSError, ValueError):
            return {}
        return candidates if isinstance(candidates, dict) else {}


@dataclass
class Heard:
    """What calls of one hook gave, counted where they are made and not by who asks.

    Attributes:
        asked: calls.
        held: answers that hold something to judge.
        empty: answers that hold nothing: no row, no column, no entry, no value but NaN.
    """

    asked: int = 0
    held: int = 0
    empty: int = 0

    def note(self, answers: Iterable[Any]) -> None:
        """Count answers; what was refused or failed is a call without one."""
        for answer in answers:
            self.asked += 1
            if not isinstance(answer, HookError):
                full = holds(answer)
                self.held += full
                self.empty += not full


def holds(answer: Any) -> bool:
    """True where an answer holds something that can be judged."""
    if answer is None:
        return False
    if isinstance(answer, dict):
        return any(map(holds, answer.values()))
    if isinstance(answer, (list, tuple)):
        return any(map(holds, answer))
    if isinstance(answer, (str, bytes)):
        return bool(answer)
    import numpy as np
    import pandas as pd

    return bool(np.asarray(pd.notna(answer)).any())


#: hooks whose answer may be None: what they do is seen elsewhere
_MUTE = frozenset({"registry.register", "registry.prune", "retrain.train"})

#: hooks, or whole surfaces, behind which the subject loads its stored artifacts
LOADING = frozenset({
    "predictor", "decisions", "neural", "explain", "checkpoint_io", "calibration.served",
    "calibration.sample",
})  # fmt: skip


def loads_artifacts(hook: str) -> bool:
    """True where the subject must load stored artifacts to answer; any variant of it."""
    hook = without_variant(hook)[0]
    return hook in LOADING or hook.split(".", maxsplit=1)[0] in LOADING


@dataclass(frozen=True)
class Hook:
    """A callable hook, bound to a version and a store.

    Calling it runs the subject's code in the host and returns plain data.

    Raises:
        HookError: the hook raised, hung, crashed or answered something that is not data.
    """

    name: str
    host: Host
    store: Path
    version: str
    scratch: Path | None = None
    key: Key = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)
    """how often each hook ran out of time in a row; shared by all hooks of a subject"""
    heard: dict[tuple[str, str], Heard] = field(default_factory=dict)
    """what each hook gave, by version and name; shared likewise"""
    used: Callable[[], None] = field(default=lambda: None, compare=False, repr=False)
    """told at every call, so that an answer which is kept is known to rest on this hook"""
    beside: Callable[[Any, bool], tuple[Any, ...]] = field(
        default=lambda given, ask: (), compare=False, repr=False
    )
    """tables that stand beside what a call is given; where they are known already, or asked for"""
    form: OneAsset = field(default_factory=OneAsset, compare=False, repr=False)
    """whether the subject's tables are indexed by date alone; shared likewise"""
    told: Told | None = field(default=None, compare=False, repr=False)
    """answers that stand where this question was put before; every call is asked without it"""

    @property
    def variant(self) -> str:
        """Which of several of its kind this is; '' for a plain hook."""
        return without_variant(self.name)[1]

    def __call__(self, *args: Any) -> Any:
        """The hook's answer to one call; one that hung twice is not asked again."""
        self.used()
        if len(args) == 1:
            args = (*args, *self.beside(args[0], True))
        split = self.form.split(args)
        return self._joined(split, self._many(split.calls))

    def many(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        """Answers to many calls in one round trip; a failed call's answer is its HookError."""
        self.used()
        whole_calls = [(*c, *self.beside(c[0], False)) if len(c) == 1 else c for c in calls]
        splits = [self.form.split(call) for call in whole_calls]
        answers = iter(self._many([call for split in splits for call in split.calls]))
        whole = []
        for split in splits:
            own = [next(answers) for _ in split.calls]
            failed = next((a for a in own if isinstance(a, HookError)), None)
            whole.append(failed or self._joined(split, own))
        return whole

    def _many(self, calls: Sequence[tuple[Any, ...]]) -> list[Any]:
        if self.late.get(self.name, 0) >= PATIENCE:
            raise HookTimedOut(self.name, 0, detail=LATE)
        told = self.told
        many = self.host.call_many if told is None else partial(told.many, self.host)
        where: dict[str, Any] = {"store": self.store, "version": self.version, "key": self.key}
        answers = many(self.name, calls, scratch=self.scratch, **where)
        if answers and isinstance(answers[-1], HookTimedOut):
            self.late[self.name] = self.late.get(self.name, 0) + len(answers)
        else:
            self.late.pop(self.name, None)
        name = plain(self.name)
        mute = without_variant(name)[0] in _MUTE
        heard = self.heard.setdefault((self.version, name), Heard())
        heard.note([True if mute and a is None else a for a in answers])
        return answers

    def _joined(self, split: Split, answers: Sequence[Any]) -> Any:
        failed = next((a for a in answers if isinstance(a, HookError)), None)
        if failed is not None:
            raise failed
        return self.form.joined(without_variant(self.name)[0], split, answers)

    def together(self) -> Hook:
        """The hook that takes a list of calls' arguments and makes them at once.

        Each runs in a process of its own; answers for each whether it is ``done`` or
        ``refused``, and ``why``.
        """
        return replace(self, name=self.name + TOGETHER, told=None)

    def crashing(self) -> Hook:
        """The hook that takes a number before its arguments, and dies at that change of its store.

        Answers whether it ``died``, and the ``changes`` up to there; otherwise as ``together``.
        """
        return replace(self, name=self.name + CRASHING, told=None)

    def in_turn(self) -> Hook:
        """The hook, asked twice in one process.

        A predictor about rows, others, and these rows again; a registry about a request, before and
        after a process of its own calls another hook, which is named with what it is given.
        """
        return replace(self, name=self.name + IN_TURN, told=None)

    def on(self, store: Path) -> Hook:
        """The same hook, reading another store (a scratch copy)."""
        return replace(self, store=store, told=None)

    def for_key(self, key: Key) -> Hook:
        """The same hook, driven with another key."""
        return replace(self, key=key)


def _parsed(file: Path) -> ast.Module:
    try:
        return ast.parse(read_whole(file), filename=file.name)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise NotAssessed(f"{file.name}:{line or 1} does not parse: {error}") from None


def _knows_rows(function: ast.FunctionDef) -> bool:
    calls = (d for d in function.decorator_list if isinstance(d, ast.Call))
    return any(k.arg == "each" and _text(k.value) == "row" for c in calls for k in c.keywords)


def names_of(function: ast.FunctionDef) -> list[str]:
    """Full names of the hooks that a function is, by its decorators; none where it is no hook."""
    registered = [_surface_of(decorator) for decorator in function.decorator_list]
    return [
        with_variant(full_name(name, function.name), variant)
        for name, variant in registered
        if name
    ]


def _surface_of(decorator: ast.expr) -> tuple[str, str]:
    """Name and variant that a decorator registers; '' where it registers nothing."""
    if not isinstance(decorator, ast.Call) or len(decorator.args) != 1:
        return "", ""
    name = _text(decorator.args[0])
    if last_name(decorator.func) != "surface" or name is None:
        return "", ""
    variants = [_text(k.value) for k in decorator.keywords if k.arg == "variant"]
    return name, ("?" if None in variants else str(variants[0])) if variants else ""


def _text(node: ast.expr) -> str | None:
    value = node.value if isinstance(node, ast.Constant) else None
    return value if isinstance(value, str) else None
