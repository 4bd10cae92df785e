"""What can be done to a registry, one operation after another.

Each operation drives hooks, notes what it did, and raises :class:`Departure` where a relation
breaks.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from audit_lib.files import read_whole
from audit_lib.probes.lifecycle.registries import resolution, rewritten
from audit_lib.probes.lifecycle.registry_history.relations import Relations
from audit_lib.probes.lifecycle.registry_history.scratch import (
    CREATE,
    NOWHERE,
    PROMOTE,
    PRUNE,
    REGISTER,
    RESOLVE,
    ROLLBACK,
    VERSIONS,
    Step,
    departure,
)
from audit_lib.probes.lifecycle.registry_history.throne import snapshot, unseated
from audit_lib.probes.questions.asking import ask, ask_many, describe, flag, texts


class Session(Relations):
    """One history: a scratch store that operations change."""

    def begun(self) -> Self:
        """Look at the store before anything is done."""
        self.listed = self._versions()
        self.champion = self._pointer("champion")
        for version, reply in zip(self.listed, self._resolved(self.listed), strict=True):
            if reply.answered and reply.got.version == version:
                self._keep(version, reply.got)
        reply = self._ask(RESOLVE, None, into=resolution)
        self.default = reply.got.version if reply.answered else None
        self.steps.clear()
        return self

    # --- operations ---------------------------------------------------------------------------
    def register(self, *, elsewhere: bool = False) -> None:
        """Register the next made-up id."""
        version, before = f"audit-{self.count}", self._held()
        self.count += 1
        if not elsewhere:
            done = self._ask(REGISTER, version, self.metrics, into=lambda raw: raw).answered
        else:
            done = self._registered_elsewhere(version)
        self._after([version] if done else [], before, REGISTER)

    def register_elsewhere(self) -> None:
        """Register it in a process of its own, as a second writer does."""
        self.register(elsewhere=True)

    def create(self, number: int) -> None:
        """Have the subject issue ids, as fast as it can."""
        before = self._held()
        hook = self.subject.hook(CREATE).on(self.store)
        replies = ask_many(hook, [(self.metrics,)] * number, into=_id)
        issued = [r.got for r in replies if r.answered]
        answer = ", ".join(r.got if r.answered else r.why for r in replies)
        line = f"print([call({CREATE!r}, {self.metrics!r}) for _ in range({number})])"
        self.steps.append(Step(CREATE, f"{number} times", answer, line))
        versions = {*self.listed, *self.files, *self.made}
        taken = [v for v in issued if v in versions or issued.count(v) > 1]
        if taken:
            raise departure(
                "a new id was taken before",
                f"of {number} versions made at once, one got the id {taken[0]!r}, which was taken",
                "an id of its own for each",
                CREATE,
            )
        self._after(issued, before, CREATE)

    def ask_for(self, pick: int) -> None:
        """Ask for some version by id, also one that was there once."""
        versions = list(dict.fromkeys([*self.files, *self.made]))
        if versions:
            self._explicit(versions[pick % len(versions)])

    def promote(self, pick: int) -> None:
        """Seat some listed version, the newest first."""
        if len(self.listed) < 2:
            self.add()
        if self.listed:
            self._seat(self.listed[-1 - pick % len(self.listed)])

    def promote_nobody(self) -> None:
        """Seat a version that is gone, or never was."""
        gone = [v for v in self.made if v not in self.listed]
        self._seat([NOWHERE, *gone][-1])

    def promote_while_serving(self) -> None:
        """Have another process seat a version while one that resolved before goes on."""
        if len(self.listed) < 2:
            self.add()
        version = next((v for v in self.listed if v != self.champion), "")
        hook = self.subject.hook(RESOLVE).on(self.store).in_turn()
        given = (None, self.subject.hook(PROMOTE).name, [version])
        reply = ask(hook, *given, into=list)
        if not version or not reply.answered:
            return
        how, answer = reply.got[1], str(reply.got[2].get("version") or reply.got[2].get("why"))
        answers = f"{'done' if how['done'] else how['why']}; then {answer}"
        line = f"print(around({RESOLVE!r}, *{given!r}))"
        self.steps.append(Step("resolve, promote elsewhere, resolve", version, answers, line))
        if how["done"] and self._pointer("champion") in (version, None):
            self.reigned += [self.champion] if self.champion else []
            self.champion = version
        self._reigns(PROMOTE)
        if self.default is not None:
            self._seen(version, answer, RESOLVE)

    def add(self) -> None:
        """One more version, by the hook that made the others, or whichever there is."""
        if self.subject.has(CREATE) and (self.issued or not self.made):
            self.create(1)
        else:
            self.register()

    def _seat(self, version: str) -> None:
        reply = self._ask(PROMOTE, version, into=flag)
        seated = reply.answered and reply.got
        if seated and version not in self.listed:
            raise departure(
                "what is not listed is seated",
                f"{version!r}, which the registry does not list, becomes champion",
                "a refusal",
                PROMOTE,
            )
        if seated and version != self.champion:
            self.reigned += [self.champion] if self.champion else []
            self.champion = version
        self._reigns(PROMOTE)

    def roll_back(self, pruned: bool) -> None:
        """Seat the champion of before; where nobody reigned before, two do first."""
        if not self.reigned and self.subject.has(PROMOTE):
            for _ in range(2):
                self.add()
                self.promote(0)
        if pruned and self.subject.has(PRUNE):
            self.prune(1)
        reply = self._ask(ROLLBACK, into=_id)
        if not reply.answered:
            self._reigns(ROLLBACK)
            return
        due = self.reigned.pop() if self.reigned else None
        self.champion = reply.got
        gone = self.champion not in self.listed
        if gone or (due is not None and reply.got != due):
            wanted = "a refusal" if due not in self.listed else f"{due!r}, who reigned before"
            raise departure(
                "rolling back seats another",
                f"rolling back seats {reply.got!r}" + (", which is gone" if gone else ""),
                wanted,
                ROLLBACK,
            )
        self._reigns(ROLLBACK)

    def prune(self, keep: int) -> None:
        """Have old versions removed; some are made first, where there are none to remove."""
        for _ in range(keep + 2 - len(self.listed)):
            self.add()
        before, file = list(self.listed), self._held()
        spared = {v for v in (self.champion, self.default, self._pointer("latest")) if v}
        self._ask(PRUNE, keep, into=lambda raw: raw)
        self._written(file, PRUNE)
        self.listed = self._versions()
        newest = set() if all(self._kinds()) else set(before[-keep:])
        self._spared(before, keep, spared, newest)
        back = self.subject.has(ROLLBACK)  # to whom; who reigned before the session is not known
        others = before if self._points() else [v for v in before if v not in spared | newest]
        needed = set(self.reigned[-1:] or others[:1]) if back else set()
        self._few(before, keep, keep + len(((spared | needed) & set(before)) - newest))
        self._gone(before, PRUNE)
        self._as_before(PRUNE)
        self._served(PRUNE)

    def _spared(self, before: list[str], keep: int, spared: set[str], newest: set[str]) -> None:
        """What is pointed to, and the newest, are still there."""
        lost = [v for v in before if v not in self.listed and v in spared | newest]
        if lost:
            raise departure(
                "pruning removes what must stay",
                f"pruning to {keep} removes {lost[0]!r}, "
                + ("to which a pointer leads" if lost[0] in spared else f"of the newest {keep}"),
                f"the newest {keep}, and what pointers name",
                PRUNE,
            )

    def _few(self, before: list[str], keep: int, most: int) -> None:
        """No more are left than asked for."""
        if len(self.listed) > most:
            raise departure(
                "pruning keeps more than it should",
                f"pruning to {keep} leaves {len(self.listed)} of {len(before)} versions",
                f"{most} at most",
                PRUNE,
            )

    def damage(self, how: str) -> None:
        """Cut the registry file in half, or empty it, then list and register; mend it after."""
        held = self._json()
        if held is None or not self.listed:
            return
        file, content, _ = held
        left = content[: len(content) // 2] if how == "cut in half" else b""
        self._write(file, left, f"the registry file {how}")
        before = set(self.listed)
        reply = self._ask(VERSIONS, into=texts)
        self._none_lost(before, reply, VERSIONS, f"with the registry file {how}")
        version = f"audit-{self.count}"
        self.count += 1
        done = self._ask(REGISTER, version, self.metrics, into=lambda raw: raw)
        if done.answered:
            reply = self._ask(VERSIONS, into=texts)
            self._none_lost(before, reply, REGISTER, f"registered on a registry file {how}")
        self._write(file, content, "the registry file mended")

    def cut_champion(self, how: str) -> None:
        """Seat one that is not the newest, and take the pointer to it away; mend it after."""
        for _ in range(3 - len(self.listed)):
            self.add()
        others = [v for v in self.listed[:-1] if v != self.champion]
        if not others:  # what is registered is not listed, which is told elsewhere
            return
        before, version = snapshot(self.store, self.listed), others[0]
        self._seat(version)
        gone = NOWHERE if how == "leading nowhere" else how
        cuts: Iterable[tuple[Path, bytes]] = ()
        if self.default == self.champion == version:
            cuts = unseated(before, self.store, version, self.listed, gone)
        elif self.champion and self.default == self.champion:  # it would not be displaced
            version, cuts = self.champion, self._without_pointer(gone)
        for file, changed in cuts:
            content = read_whole(file)
            self._write(file, changed, f"the champion's pointer {how}")
            reply = self._ask(RESOLVE, None, into=resolution)
            if reply.answered and reply.got.version not in (version, NOWHERE):
                raise departure(
                    "somebody is served in the champion's place",
                    f"with the champion's pointer {how}, a request without a version is answered "
                    f"with {reply.got.version!r}",
                    "a refusal",
                    RESOLVE,
                )
            self._write(file, content, "the champion's pointer mended")

    def _without_pointer(self, how: str) -> list[tuple[Path, bytes]]:
        """A JSON registry as it is once the pointer that is declared for the champion is cut."""
        held = self._json()
        if held is None or not self._points():
            return []
        role = self.subject.registry.roles["champion"]
        value = {"removed": ..., "set to null": None, "emptied": ""}.get(how, how)
        changed = rewritten(held[2], role, value) if role.startswith("/") else None
        return [] if changed is None else [(held[0], json.dumps(changed).encode())]

    def ends(self) -> None:
        """Ask for every listed version."""
        for version, reply in zip(self.listed, self._resolved(self.listed), strict=True):
            self._fits(version, reply)


def _id(raw: Any) -> str:
    if not isinstance(raw, str) or not raw:
        raise ValueError(f"wanted an id, got {describe(raw)}")
    return raw
