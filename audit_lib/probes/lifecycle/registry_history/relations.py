"""What must hold of a registry after anything that is done to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps

from audit_lib.files import read_whole
from audit_lib.probes.lifecycle.registries import Resolution, one_file, resolution
from audit_lib.probes.lifecycle.registry_history.scratch import (
    CREATE,
    PRUNE,
    REGISTER,
    RESOLVE,
    VERSIONS,
    Departure,
    Scratch,
    departure,
    digest_of_file,
)
from audit_lib.probes.questions.asking import Reply

#: what a registry may round
ROUNDED = 0.01


def observed(method: Callable[..., None]) -> Callable[..., None]:
    """A relation whose break spoils nothing behind it: it is noted, and the history goes on.

    What others break has consequences, which are no findings of their own.
    """

    @wraps(method)
    def wrapper(self: Relations, *given: object) -> None:
        try:
            method(self, *given)
        except Departure as departed:
            self.noted.append((departed, len(self.steps)))

    return wrapper


class Relations(Scratch):
    """A scratch store of which relations are demanded."""

    # --- relations ----------------------------------------------------------------------------
    def _after(self, registered: Sequence[str], file: bytes | None, hook: str) -> None:
        """What must hold after versions were registered, or refused."""
        before = list(self.listed)
        self._written(file, hook)
        self.listed = self._versions()
        if registered and registered[-1] not in self.listed:
            there = self._registry()
            stale = there is not None and registered[-1] in there.rows
            raise departure(
                "a reader does not see what was written" if stale else "registered and not listed",
                f"{registered[-1]!r} was registered"
                + (", and stands in the file; versions() does not list it" if stale else ""),
                "a list that holds it",
                VERSIONS,
            )
        self.made += registered
        self.issued |= set(registered) if hook == CREATE else set()
        self._in_order()
        if self.champion in before and self.champion not in self.listed:
            raise departure(
                "the champion is removed",
                f"registering {', '.join(registered)} removes the champion {self.champion!r}",
                "a champion that stays",
                hook,
            )
        self._explicit(*(version for version in registered if version in self.listed))
        self._apart(registered, hook)
        self._recorded(registered, hook)
        self._gone(before, hook)
        self._as_before(hook)
        self._served(hook)

    @observed
    def _apart(self, registered: Sequence[str], hook: str) -> None:
        """A new version shares no file on disk with an older one."""
        for version, how in one_file(self.store, self.files):
            if version in registered:
                raise departure(
                    "two versions share a file",
                    f"of {version!r}, {how}: who writes to one of them in place changes both",
                    "files of its own",
                    hook,
                )

    def _in_order(self) -> None:
        """Versions are listed as they were made."""
        for kin in self._kinds():
            due = [v for v in kin if v in self.listed]
            if (order := [v for v in self.listed if v in due]) != due:
                raise departure(
                    "versions are not listed in order",
                    f"versions() lists {', '.join(order)}",
                    f"oldest first: {', '.join(due)}",
                    VERSIONS,
                )

    @observed
    def _recorded(self, registered: Sequence[str], hook: str) -> None:
        """Metrics that were registered stand in the file as numbers, and as those numbers.

        Governance compares them later: the text "False" is true, and "9" more than "10".
        """
        artifacts, registry = self.subject.parameters.artifacts, self._registry()
        key = artifacts.registry.metrics if artifacts and artifacts.registry else ""
        if registry is None:
            return
        for version in registered:
            row = registry.rows.get(version)
            held = row.get(key) if key and isinstance(row, dict) else row
            for name, value in self.metrics.items():
                got = held.get(name, value) if isinstance(held, dict) else value
                number = isinstance(got, (int, float)) and not isinstance(got, bool)
                if not number or abs(got - value) > ROUNDED * max(1.0, abs(value)):
                    raise departure(
                        "a metric is recorded as something else",
                        f"{name} of {version!r}, registered as {value!r}, is recorded as {got!r}",
                        "the number that was given",
                        hook,
                    )

    def _served(self, hook: str) -> None:
        """A request without a version: the champion, the newest, or whoever it was."""
        reply = self._ask(RESOLVE, None, into=resolution)
        got = reply.got.version if reply.answered else None
        newest = [kin[-1] for kin in self._kinds() if kin]
        allowed = {self.champion, *newest, *(() if self.follows else (self.default,))}
        if hook == PRUNE:
            allowed.add(self.default)
        before, self.default = self.default, got
        if hook in (REGISTER, CREATE) and newest:
            self.follows = got in newest and got != self.champion
        if (got is None and before is not None) or (got is not None and got not in allowed):
            due = sorted(v for v in allowed if v)
            raise departure(
                "the default is neither champion nor newest",
                "a request without a version is "
                + (f"answered with {got!r}" if got else f"not answered: {reply.why}"),
                " or ".join(due),
                RESOLVE,
            )

    @observed
    def _seen(self, version: str, answer: str, hook: str) -> None:
        """A process that was asked before answers as a new one does."""
        if answer != self.default:
            raise departure(
                "a process goes on with what it read before",
                f"a process that is asked before and after {version!r} is seated by another one "
                f"answers a request without a version with {answer!r}, a new process with "
                f"{self.default!r}",
                "one answer",
                hook,
            )

    def _kinds(self) -> tuple[list[str], list[str]]:
        """Versions under ids of ours, and of the subject's; how the two sort is not promised."""
        ours = [v for v in self.made if v not in self.issued]
        return ours, [v for v in self.made if v in self.issued]

    def _reigns(self, hook: str) -> None:
        """The champion in the file, and the one who is served, are the one who was seated."""
        pointed = self._pointer("champion")
        if self._registry() is not None and self._points() and pointed != self.champion:
            raise departure(
                "another is champion than was seated",
                f"the registry file names {pointed!r} as champion",
                repr(self.champion),
                hook,
            )
        self._served(hook)

    def _explicit(self, *versions: str) -> None:
        for version, reply in zip(versions, self._resolved(versions), strict=True):
            self._note(RESOLVE, (version,), reply)
            self._fits(version, reply)
            if reply.answered and version not in self.files:
                self._keep(version, reply.got)

    def _fits(self, version: str, reply: Reply[Resolution]) -> None:
        """A version is answered with itself, and where it is listed with files that are there."""
        if reply.answered and reply.got.version != version:
            raise departure(
                "another version is answered",
                f"a request for {version!r} is answered with {reply.got.version!r}",
                f"{version!r} or a refusal",
                RESOLVE,
            )
        if version not in self.listed:
            return
        missing = reply.got.missing(self.store) if reply.answered else []
        if missing or not reply.answered:
            raise departure(
                "a listed version does not load",
                f"{version!r} is listed, but "
                + (f"{missing[0]} is not there" if missing else reply.why),
                "a version that loads",
                RESOLVE,
            )

    def _as_before(self, hook: str) -> None:
        """Files of listed versions are what they were when the version was first seen."""
        for version in self.listed:
            for name, digest in self.files.get(version, {}).items():
                path = self.store / name
                if digest and (not path.is_file() or digest_of_file(path) != digest):
                    raise departure(
                        "files of another version are changed",
                        f"{name} of version {version!r} is "
                        + ("changed" if path.is_file() else "gone"),
                        "files that stay as they are",
                        hook,
                    )

    @observed
    def _gone(self, before: Sequence[str], hook: str) -> None:
        """Of a version that left the registry nothing stays on disk that no other one uses."""
        used = {name for v in self.listed for name in self.files.get(v, {})}
        for version in (v for v in before if v not in self.listed):
            own = self.files.get(version, {}).keys() - used
            if left := sorted(n for n in own if (self.store / n).is_file()):
                raise departure(
                    "what left the registry stays on disk",
                    f"{version!r} is no longer listed, and {left[0]} is still there",
                    "a store that holds what the registry lists",
                    hook,
                )

    @observed
    def _written(self, before: bytes | None, hook: str) -> None:
        """The registry file was replaced, or added to, and not written over."""
        path = self._layout()
        if before is None or path is None or not path.is_file():
            return
        same = path.samefile(self._second_name)
        if same and not read_whole(path).startswith(before):
            raise departure(
                "the registry file is written in place",
                "the registry file is written over in place: who reads meanwhile, or a crash, "
                "finds half of it",
                "a new file that takes the old one's name",
                hook,
            )

    def _none_lost(self, before: set[str], reply: Reply[list[str]], hook: str, when: str) -> None:
        if reply.answered and (lost := before - set(reply.got)):
            raise departure(
                "a damaged registry is taken for an empty one",
                f"{when}, versions() lists {len(reply.got)} versions and no error; "
                f"{len(lost)} of {len(before)} are lost",
                "an error",
                hook,
            )
