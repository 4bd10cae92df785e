"""The subject: everything a check may ask about what is audited."""

from __future__ import annotations

import copy
import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from audit_lib.errors import (
    AuditError,
    NoRegistry,
    NotApplicable,
    NotAssessed,
    ParameterError,
    VersionError,
)
from audit_lib.host import Entered, HookError, Host, IsolationUnavailable, Limits, Measure
from audit_lib.model import CheckResult, Location, TaskResult
from audit_lib.subject.artifacts import Artifact, Safety, inventory
from audit_lib.subject.beside import tables_beside
from audit_lib.subject.bound import Bound, Serving
from audit_lib.subject.documents import Document, read_any, read_document
from audit_lib.subject.hooks import Heard, Hook, HookSet, loads_artifacts
from audit_lib.subject.inquiry import Inquiry
from audit_lib.subject.keys import Value
from audit_lib.subject.parameters import SubjectParameters, load_parameters
from audit_lib.subject.pointers import MISSING
from audit_lib.subject.registry import check_id
from audit_lib.subject.source import SourceTree

#: id under which a subject is audited that keeps no versions apart
UNVERSIONED = "unversioned"


class Subject(Bound):
    """What is audited, bound to one version.  Nothing here writes to it.

    Attributes:
        parameters: what ``subject.yaml`` says.
        folder: the parameters folder.
        root: the source checkout.
        version: id of the version under audit; see :class:`Bound`.
        variant, key: what its hooks are driven for; likewise.
        inquiry: what was asked of it in this run, and what came of it.
    """

    def __init__(self, parameters: SubjectParameters, folder: Path, root: Path) -> None:
        super().__init__()
        self.parameters = parameters
        self.folder = folder
        self.root = root
        self.inquiry = Inquiry()
        self._source = SourceTree(root, parameters.source, but=_parameters_inside(root, folder))
        self._seed: int | None = None
        self._wrap: Callable[[Any], Any] | None = None
        self._artifacts: dict[Path, tuple[Artifact, ...]] = {}

    @property
    def source(self) -> SourceTree:
        """The source, read and never imported."""
        self.rest_on("code")
        return self._source

    @property
    def earlier(self) -> tuple[TaskResult, ...]:
        """Results of the tasks that ran before in the same run; T6 closes over them."""
        self.rest_on("tasks")
        return self.inquiry.earlier

    @property
    def so_far(self) -> tuple[CheckResult, ...]:
        """Results of the checks that ran before in the same task."""
        self.rest_on("results")
        return self.inquiry.so_far

    @property
    def name(self) -> str:
        """The subject's name."""
        return self.parameters.subject

    @cached_property
    def revision(self) -> str:
        """Commit of the checkout; '' where it is none, or git is not there."""
        command = ["git", "-C", str(self.root), "rev-parse", "HEAD"]
        try:
            git = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            return ""
        return git.stdout.strip()

    # --- artifacts ----------------------------------------------------------------------------
    @property
    def store(self) -> Path:  # type: ignore[override]  # read-only is enough
        """Folder of the artifact store.

        Raises:
            NotAssessed: the subject declares none, or it is not there.
        """
        artifacts = self.layout
        store = Path(os.path.normpath(self.root / artifacts.store))
        if not store.is_dir():
            pulled = artifacts.mlflow is not None and artifacts.mlflow.tracking_uri
            pull = f"`workbook pull {self.parameters.subject}` copies it" if pulled else ""
            hint = f"; {artifacts.prepare or pull}" if artifacts.prepare or pull else ""
            raise NotAssessed(
                f"artifact store {artifacts.store} does not exist below {self.root} "
                f"(artifacts.store, --root){hint}"
            )
        return store

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """Every file of the store, read without executing anything; once for every binding."""
        store = self.store
        if store not in self._artifacts:
            self._artifacts[store] = inventory(store, readers=self.readers)
        return self._artifacts[store]

    @property
    def version_folder(self) -> Path:  # type: ignore[override]  # the same
        """Folder of the version's artifacts."""
        store = self.store
        if self.version == UNVERSIONED:
            return store
        return store / self.folder_of(self.version)

    def folder_of(self, version: str) -> str:
        """Folder of a version, relative to the store."""
        artifacts = self.layout
        if artifacts.is_mlflow_file_store:
            registry = self.registry
            # Where a version's files are not in the store, this folder does not exist either.
            above = PurePosixPath(registry.document.path).parent
            above = PurePosixPath() if ".." in above.parts else above
            return registry.folders.get(version, f"{above / f'version-{version}'}/artifacts")
        return artifacts.version_dir.format(version=version)

    @property
    def version_artifacts(self) -> tuple[Artifact, ...]:
        """Artifacts that stand in the version's folder."""
        folder = self.version_folder.relative_to(self.store).as_posix()
        if folder == ".":  # all of the store is one version's
            return self.artifacts
        return tuple(a for a in self.artifacts if a.path.startswith(f"{folder}/"))

    def beside(self, name: str) -> Document:
        """A data file that a reference names, without executing anything of it.

        It is looked for in the version's folder; then, unless another version keeps one of that
        name, in the store and beside the code.  One that is not there holds nothing.

        Raises:
            NotAssessed: it is there and cannot be read.
        """
        name = name.replace("{version}", self.version)
        code = (self.root, self.root, "documents")
        if self.parameters.artifacts is None:
            return self._opened(name, [code]) or Document(name, "documents", MISSING)
        folder = self.version_folder
        places = [(folder, self.store, "artifacts")]
        pattern = self.parameters.artifacts.version_dir.format(version="*")
        if not any(self.store.glob(f"{pattern}/{name}")):
            places += [(self.store, self.store, "artifacts"), code]
        missing = (folder / name).relative_to(self.store).as_posix()
        return self._opened(name, places) or Document(missing, "artifacts", MISSING)

    def _opened(self, name: str, places: list[tuple[Path, Path, str]]) -> Document | None:
        """The first file of that name; places are folder, what paths are relative to, base."""
        for place, top, base in places:
            for file in sorted(place.glob(name)):
                if file.is_file():
                    path = file.relative_to(top).as_posix()
                    document = read_any(file, path=path, base=base, readers=self.readers)
                    return replace(document, beside=self.beside)
        return None

    # --- documents ----------------------------------------------------------------------------
    def document(self, name: str) -> Document:
        """A document that the parameters name.

        Raises:
            NotApplicable: the subject declares that it has no such document.
            NotAssessed: the parameters do not name it, or it is missing or unreadable.
        """
        if name in self.parameters.absent:
            raise NotApplicable(f"declared absent: {self.parameters.absent[name]}")
        path = self.parameters.documents.get(name)
        if not path:
            raise NotAssessed(f"the parameters name no document {name!r} (documents.{name})")
        return read_document(self.root / path, path=path, base="documents")

    # --- hooks --------------------------------------------------------------------------------
    @cached_property
    def hooks(self) -> HookSet:
        """Which hooks are written, and where."""
        return HookSet(self.folder / self.parameters.hooks)

    def has(self, hook: str) -> bool:
        """True where the hook is written, for the variant that is driven."""
        return self._chosen(hook)[0] is not None

    def takes(self, hook: str, parameter: str) -> bool:
        """True where the hook that serves has a parameter of that name (``now``, ``account``)."""
        chosen = self._chosen(hook)[0]
        return chosen is not None and self.hooks.takes(chosen, parameter)

    def lacks(self, hook: str) -> bool:
        """True where the subject declares that it has no such hook, surface or variant."""
        meant = self.hooks.meant(hook, self.variant)
        return self.parameters.why_absent(hook, meant) is not None

    def hook(self, name: str, *, again: bool = True) -> Hook:
        """The hook of that name, bound to this version and variant.

        Args:
            name: without variant.
            again: ask also what another task or run was told before (:mod:`.told`).

        Raises:
            NotApplicable: the subject declares that it has no such surface, hook or variant.
            NotAssessed: nobody wrote the hook.
        """
        chosen, key = self._chosen(name)
        variant = self.hooks.meant(name, self.variant)
        reason = self.parameters.why_absent(name, variant)
        if reason is not None:
            raise NotApplicable(f"declared absent: {reason}")
        if chosen is None:
            artifacts = self.parameters.artifacts
            if name.startswith("registry.") and artifacts and artifacts.registry is None:
                raise NoRegistry
            raise NotAssessed(self.hooks.missing(name, variant))
        store = self.store if self.parameters.artifacts else self.root
        host = self.host
        if loads_artifacts(name) and not host.isolation.contains and self._could_run_code():
            try:
                host.refuse_untrusted(name)
            except IsolationUnavailable as error:
                raise NotAssessed(str(error)) from None
        inquiry, served = self.inquiry, {name: (chosen, key)}
        anew = again or self._seed is not None or inquiry.measure is not Measure.NEVER
        return Hook(
            chosen,
            host,
            store,
            self.version_id,
            key=dict(key),
            late=inquiry.late,
            form=inquiry.form,
            heard=inquiry.heard,
            used=lambda: self.note(served),
            beside=lambda given, ask: tables_beside(self, inquiry.tables, name, given, ask=ask),
            told=None if anew else inquiry.told,
        )

    def heard(self, hook: str) -> Heard:
        """What that hook has given for this version so far, whoever asked it."""
        chosen = self.hooks.chosen(hook, self.variant) or hook
        return self.inquiry.heard.get((self.version_id, chosen), Heard())

    def _chosen(self, hook: str) -> Serving:
        """What serves for the variant and key that are driven; noted as asked for."""
        serving = self.serving(hook)
        self.note({hook: serving})
        return serving

    def bound(self, variant: str, key: Mapping[str, Value]) -> Subject:
        """This subject and version, with its hooks of that variant and key."""
        self.hooks  # noqa: B018 - read once for all bindings
        return super().bound(variant, key)

    def _could_run_code(self) -> bool:
        """True where some artifact is in a format that runs code when it is loaded."""
        if self.parameters.artifacts is None:
            return False
        return any(a.safety is not Safety.NOT_EXECUTABLE for a in self.artifacts)

    def where(self, hook: str) -> Location:
        """Where a probed behaviour is seen: the hook that drives it.

        The engine places a finding there at the function that the hook enters.
        """
        return self.hooks.location(self._chosen(hook)[0] or hook)

    def opened(self, hook: str) -> tuple[str, ...]:
        """Data files that calls of a hook read so far, besides what they were given."""
        return self.inquiry.opened(self.hooks.chosen(hook, self.variant) or hook)

    def entered(self, hook: str) -> tuple[Entered, ...]:
        """Functions of the source that calls of a hook entered so far, in order."""
        return self.inquiry.entered(hook if hook in self.hooks else self.serving(hook)[0] or hook)

    def restore(
        self,
        heard: Mapping[str, tuple[int, int, int]],
        entered: Mapping[str, tuple[Entered, ...]],
        opened: Mapping[str, tuple[str, ...]],
    ) -> None:
        """Have calls count that were made before, in another run; see :class:`Inquiry`."""
        self.inquiry.count(self.version_id, heard)
        for name, functions in entered.items():
            self.host.entries.restore(name, functions, opened.get(name, ()))

    @property
    def interpreter(self) -> Path | None:
        """The Python that runs the version's hooks; None for this one."""
        environment = self.parameters.environment
        named = environment.versions.get(self.version_id, environment.python)
        return (self.folder / named) if named else None

    def scratch_folder(self) -> Path:
        """A fresh empty folder that hooks may write to."""
        return self.host.folder("scratch")

    def scratch_store(self) -> Path:
        """A fresh copy of the store that hooks may write to; see ``Hook.on``.

        Empty where the subject has none.
        """
        if self.parameters.artifacts is None:
            return self.host.folder("store")
        return self.host.scratch_copy(self.store)

    @property
    def isolation(self) -> str:
        """Level under which hooks run, in words; starts the host."""
        return self.host.describe()

    @property
    def host(self) -> Host:
        """The child in which this version's hooks run."""
        interpreter = self.interpreter
        hosts = self.inquiry.hosts
        if self._seed is not None:
            others, key = self.inquiry.others, (self._seed, interpreter)
            if key not in others:
                others[key] = self._started(interpreter, {"PYTHONHASHSEED": str(self._seed)})
                if interpreter in hosts:
                    others[key].entries.leave_out(hosts[interpreter].entries)
            return self._wrap(others[key]) if self._wrap else others[key]
        if interpreter not in hosts:
            hosts[interpreter] = self._started(interpreter, {})
        return hosts[interpreter]

    def through(self, wrap: Callable[[Any], Any]) -> Subject:
        """This subject and version, asked anew through a wrapped host; nothing is shared but it."""
        self.host  # noqa: B018 - there is one before it is wrapped
        other = copy.copy(self)
        other._bindings, other._base, other._notes, other.samples = {}, None, [], {}
        other._wrap, other.inquiry = wrap, self.inquiry.through(wrap)
        return other

    def _started(self, interpreter: Path | None, variables: dict[str, str]) -> Host:
        return Host(
            self.folder / self.parameters.hooks,
            root=self.root,
            interpreter=interpreter,
            limits=Limits(
                seconds=self.parameters.limits.seconds,
                memory_mb=self.parameters.limits.memory_mb,
            ),
            allow_unisolated=self.parameters.policy.allow_unisolated,
            measure=self.inquiry.measure,
            environment=variables,
            allowance=self.inquiry.allowance,
            reads=self._read_by_hooks(),
        )

    def _read_by_hooks(self) -> list[Path]:
        """The store, the documents, and what the parameters open beside the repository."""
        named = self.parameters.environment.reads
        places = [self.folder / Path(path).expanduser() for path in named]
        places += [self.root / path for path in self.parameters.documents.values()]
        if self.parameters.artifacts is not None:
            places.append(self.root / self.parameters.artifacts.store)
        return places

    def elsewhere(self, seed: int) -> Subject:
        """This subject in a process of its own, in which text hashes as that seed has it."""
        other = copy.copy(self)
        other._seed, other.samples = seed, {}
        return other

    def prepare(self) -> None:
        """Begin to start the host, beside whatever comes next; what keeps it is said when asked.

        A host takes as long to start, and to run ``hooks.py``, as pandas to import here.
        """
        host = self.host
        if not isinstance(host, Host):  # wrapped by who plants faults
            return

        def start() -> None:
            with suppress(AuditError, HookError):  # said where it is asked for
                host.hooks()

        threading.Thread(target=start, name="host", daemon=True).start()

    # --- versions -----------------------------------------------------------------------------
    def at(self, version: str) -> Subject:
        """This subject, bound to another version; hosts are shared."""
        other = copy.copy(self)
        other._forget()
        other.version_id, other.inquiry = check_id(version), replace(self.inquiry)
        return other

    def versions(self) -> list[str]:
        """Version ids, in registry order; folders of the store where there is no registry.

        A subject without artifacts, or with all of them in one folder, has one version,
        ``unversioned``.
        """
        artifacts = self.parameters.artifacts
        if artifacts is None:
            return [UNVERSIONED]
        try:
            return list(self.registry.rows)
        except NotAssessed:
            pass
        try:
            folders = sorted(p.name for p in self.store.iterdir() if p.is_dir())
        except NotAssessed:
            return []
        return folders or ([UNVERSIONED] if artifacts.registry is None else [])

    def select(self, request: str) -> list[str]:
        """Version ids for ``latest``, ``champion``, ``all`` or an id.

        Raises:
            VersionError: no such version; the message lists those there are.
        """
        versions = self.versions()
        if request == "all":
            chosen = versions
        elif request in ("latest", "champion"):
            chosen = self._pointed(request)
        else:
            chosen = [check_id(request)]
        missing = [v for v in chosen if v not in versions]
        if missing or not chosen:
            led = missing and missing != [request]
            pointer = f" ({request} points to {missing[0]!r})" if led else ""
            raise VersionError(
                f"{self.name} has no version {request!r}{pointer}",
                where="--version",
                mend=f"use one of: {', '.join(versions)}" if versions else self.why_no_versions(),
            )
        return chosen

    def _pointed(self, request: str) -> list[str]:
        """Versions of a role, the champions of all keys for one.

        Where nothing points to the latest, the one that was listed last.
        """
        last = self.versions()[-1:] if request == "latest" else []
        artifacts = self.parameters.artifacts
        layout = artifacts.registry if artifacts and not artifacts.mlflow else None
        if last and layout is not None and not layout.latest:
            return last
        try:
            pointed = self.pointed(request)
        except NotAssessed:
            return last
        return list(dict.fromkeys(v for v in pointed.values() if v))

    def roles(self) -> dict[str, str]:
        """Versions that have a role to what it is: ``champion, latest (horizon=20)``."""
        roles: dict[str, list[str]] = {}
        for role in ("champion", "latest"):
            with suppress(NotAssessed):
                for key, version in self.pointed(role).items():
                    if version:
                        named = f"{role} ({key})" if key else role
                        roles.setdefault(version, []).append(named)
        return {version: ", ".join(named) for version, named in roles.items()}

    def why_no_versions(self) -> str:
        """Why ``versions`` is empty, in a few words."""
        try:
            self._registry({})
        except NotAssessed as error:
            return f"there is none: {error}"
        return "the registry lists none"

    def close(self) -> None:
        """Stop the hosts."""
        self.inquiry.close()


def open_subject(name: str, *, workspace: Path, root: Path | None = None) -> Subject:
    """Open a subject by name, or by the path of its parameters folder.

    Raises:
        ParameterError: no such subject, bad parameters, or no checkout to read.
    """
    folder = parameters_folder(name, workspace)
    parameters = load_parameters(folder)
    checkout = root or (folder / parameters.source.root if parameters.source.root else None)
    if checkout is None:
        raise ParameterError(
            "the parameters do not hold the checkout",
            where=f"{folder / 'subject.yaml'}: source.root",
            mend="give it as --root PATH",
        )
    if not checkout.is_dir():
        raise ParameterError(
            f"checkout {checkout} is not a folder",
            where="--root" if root else f"{folder / 'subject.yaml'}: source.root",
            mend="name the folder that holds the subject's source",
        )
    return Subject(parameters, folder, Path(os.path.abspath(checkout)))


def _parameters_inside(root: Path, folder: Path) -> list[Path]:
    """Parameters folders of the workspace that stand inside the checkout, hooks included."""
    inside, top = Path(os.path.realpath(folder)), Path(os.path.realpath(root))
    if inside == top or not inside.is_relative_to(top):
        return []
    named = inside.parent.name == "parameters"
    siblings = inside.parent.glob("*/subject.yaml") if named else ()
    return [inside, *(file.parent for file in siblings)]


def known_subjects(workspace: Path) -> list[str]:
    """Names of the subjects that have a parameters folder."""
    return sorted(p.parent.name for p in (workspace / "parameters").glob("*/subject.yaml"))


def parameters_folder(name: str, workspace: Path) -> Path:
    """The parameters folder that a name, or a path, means.

    Raises:
        ParameterError: there is none; the message lists those there are.
    """
    if "/" in name and (Path(name) / "subject.yaml").is_file():
        return Path(name).resolve()
    names = known_subjects(workspace)
    if name not in names:
        raise ParameterError(
            f"no subject is called {name!r}",
            where=str(workspace / "parameters"),
            mend=f"use one of: {', '.join(names)}"
            if names
            else "create parameters/<name>/subject.yaml",
        )
    return workspace / "parameters" / name
