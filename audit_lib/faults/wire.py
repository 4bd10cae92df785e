"""A host whose answers are spoiled on the way: the subject's code runs as ever, unchanged."""

import copy
import hashlib
import pickle
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from audit_lib.faults.base import Call, Fault
from audit_lib.hooks import without_variant
from audit_lib.host import HookError, Host
from audit_lib.host.child.names import plain

#: surfaces whose hooks change nothing, so that the same question has the same answer
PURE = frozenset({
    "features", "targets", "splits", "predictor", "decisions", "governance", "drift", "calibration",
    "conformal", "pricing", "neural",
})  # fmt: skip
MOST_BYTES = 1 << 30


class Remembering:
    """A host that is asked each question once; questions that may change something, every time."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.kept: OrderedDict[str, bytes] = OrderedDict()
        self.size = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    def _steady(self, name: str, where: dict[str, Any]) -> bool:
        """True where the same question has the same answer; checks edit copies in between."""
        copied = Path(where.get("store") or "/").is_relative_to(self.host.scratch)
        surface = without_variant(name)[0].split(".")[0]
        return surface in PURE and not copied and name == plain(name)

    def _keep(self, key: str, answer: Any) -> None:
        try:
            data = pickle.dumps(answer)
            pickle.loads(data)
        except Exception:  # noqa: BLE001 - an error of a form that cannot be kept is asked again
            return
        self.kept[key] = data
        self.size += len(data)
        while self.size > MOST_BYTES and self.kept:
            self.size -= len(self.kept.popitem(last=False)[1])

    def call_many(self, name: str, calls: Sequence[tuple[Any, ...]], **where: Any) -> list[Any]:
        """Answers that are kept, failures too, else as the host."""
        if not self._steady(name, where):
            return self.host.call_many(name, calls, **where)
        question = pickle.dumps((name, list(calls), sorted(where.items())))
        key = hashlib.sha256(question).hexdigest()
        if key not in self.kept:
            answers = self.host.call_many(name, calls, **where)
            self._keep(key, answers)
            return answers
        self.kept.move_to_end(key)
        kept: list[Any] = pickle.loads(self.kept[key])
        return kept


class Spoiled:
    """A host with one fault planted in its answers.

    Attributes:
        asked: how many answers the fault could have spoiled.
        changed: how many it did.
    """

    def __init__(self, host: Remembering | Host, fault: Fault, *, case: str, seed: int) -> None:
        self.host = host
        self.fault = fault
        self.case = case
        self.seed = seed
        self.asked = 0
        self.changed = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.host, name)

    def call_many(self, name: str, calls: Sequence[tuple[Any, ...]], **where: Any) -> list[Any]:
        """Answers, each spoiled where the fault is of this hook."""

        def ask(*others: Any) -> Any:
            (answer,) = self.host.call_many(name, [others], **where)
            if isinstance(answer, HookError):
                raise answer
            return answer

        answers = self.host.call_many(name, calls, **where)
        return [
            self._spoiled(name, args, answer, ask)
            for args, answer in zip(calls, answers, strict=True)
        ]

    def _spoiled(self, name: str, args: tuple[Any, ...], answer: Any, ask: Any) -> Any:
        hook = without_variant(name)[0]
        if hook not in self.fault.hooks or self.fault.spoil is None:
            return answer
        self.asked += 1
        failed = isinstance(answer, Exception)  # errors do not copy
        own = answer if failed else copy.deepcopy(answer)
        try:
            spoiled = self.fault.spoil(Call(hook, args, own, ask, self.case, self.seed))
        except HookError as error:
            spoiled = error
        if failed:
            self.changed += not isinstance(spoiled, Exception)
        else:
            self.changed += pickle.dumps(spoiled) != pickle.dumps(answer)
        return spoiled
