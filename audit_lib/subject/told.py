"""Answers of hooks that several tasks rest on, kept on disk: the sample, its features, its scores.

Every task is a process of its own, and every version asks the same builder about the same bars.
What is kept is what crossed the wire, under a digest of the question and of all that the subject,
the library and both environments are; the memory makes it (:mod:`audit_lib.memory`), and writes it
where it has seen that nothing changed meanwhile.
"""

import hashlib
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from audit_lib.files import read_sealed, write_sealed
from audit_lib.host import Entered, HookError, Host

FORM = "*.told"
_MOST = 256 << 20


@dataclass
class Told:
    """What hooks of one subject told, in this run or before.

    Attributes:
        folder: where it is kept.
        of: what all of it rests on, beside the question.
        unheld: those of the source's files that stand in no digest.
        isolations: levels that hooks ran at for what was recalled.
        keep: writes what is new, unless the subject has changed.
        recalled: how many answers were not asked for again.
        fresh: what is to be written.
    """

    folder: Path
    of: str
    unheld: Callable[[Iterable[str]], list[str]]
    isolations: dict[str, None]
    keep: Callable[[], object]
    recalled: int = 0
    fresh: dict[str, bytes] = field(default_factory=dict)

    def many(
        self, host: Host, hook: str, calls: Sequence[tuple[Any, ...]], **given: Any
    ) -> list[Any]:
        """Answers as :meth:`Host.call_many` gives them; asked of it where they are not kept."""
        from audit_lib.host.child.encoding import encode
        from audit_lib.host.child.wire import WireError, pack

        try:
            asked = b"".join(pack(*encode(calls, paths=True), _MOST))
        except WireError:
            return host.call_many(hook, calls, **given)
        for version in (given["version"], ""):
            found = self._read(self._name(hook, asked, version, given["key"]))
            if found is not None:
                return self._restored(host, hook, *found)
        answers = host.call_many(hook, calls, **given)
        rests = host.entries.resting(hook)
        shaken = rests.beyond or rests.shaky or self.unheld(rests.files)
        failed = any(isinstance(answer, HookError) for answer in answers)
        if failed or shaken:
            return answers
        told = {
            "files": sorted(rests.files),
            "version": rests.version,
            "isolation": host.isolation_so_far,
            "opened": host.entries.opened.get(hook, ()),
            "entered": [list(vars(e).values()) for e in host.entries.known.get(hook, ())],
        }
        header, buffers = encode(answers)
        name = self._name(hook, asked, given["version"] if rests.version else "", given["key"])
        self.fresh[name] = b"".join(pack([header, told], buffers, _MOST))
        return answers

    def _name(self, hook: str, asked: bytes, version: str, key: Any) -> str:
        parts = json.dumps([self.of, hook, version, key]).encode()
        return hashlib.sha256(parts + b"\0" + asked).hexdigest() + FORM[1:]

    def _read(self, name: str) -> tuple[list[Any], dict[str, Any]] | None:
        """Answers and what they rest on; None where they are not there whole."""
        from audit_lib.host.child.decoding import decode
        from audit_lib.host.child.wire import Incoming, WireError, receive

        try:
            content = self.fresh.get(name) or read_sealed(self.folder / name, most=_MOST)
            source: Any = SimpleNamespace(recv_into=io.BytesIO(content).readinto)
            frame = receive(source, Incoming(_MOST))
            header, told = frame.header
            return decode(header, frame.buffers), told
        except (OSError, EOFError, ValueError, WireError):
            return None

    def _restored(
        self, host: Host, hook: str, answers: list[Any], told: dict[str, Any]
    ) -> list[Any]:
        """The answers, with what they rest on noted as if they had been asked for."""
        rests = host.entries.resting(hook)
        rests.files.update(told["files"])
        rests.version = rests.version or told["version"]
        entered = [Entered(*of) for of in told["entered"]]
        host.entries.restore(hook, entered, told["opened"])
        self.isolations[told["isolation"]] = None
        self.recalled += len(answers)
        return answers

    def save(self) -> None:
        """Write what is new."""
        for name, content in self.fresh.items():
            write_sealed(self.folder / name, content)
        self.fresh.clear()
