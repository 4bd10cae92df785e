"""What a subject is bound to while a check runs: a variant of its hooks, and a key."""

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from audit_lib.errors import NotApplicable, NotAssessed
from audit_lib.subject.artifacts import ArtifactReader, readers_of
from audit_lib.subject.documents import Document, read_any
from audit_lib.subject.hooks import HookSet
from audit_lib.subject.keys import Value, combinations, driven, given, own_key, text_of
from audit_lib.subject.parameters import Artifacts, SubjectParameters
from audit_lib.subject.pointers import split_reference
from audit_lib.subject.registry import Registry, read_registry

#: surfaces that speak of one model: a version's, unless `surfaces` drives them for each key
OF_THE_MODEL = frozenset(
    {"predictor", "decisions", "calibration", "conformal", "neural", "checkpoint_io", "retrain",
     "explain"}
)  # fmt: skip
Serving = tuple[str | None, tuple[tuple[str, Value], ...]]
"""the written hook that serves, by its full name, and the key that it is driven with"""


class Asked(dict[str, Serving]):
    """What was asked for: hooks without variant, to what served.

    Attributes:
        besides: what else the answer rests on: ``version``, ``code`` (any of the source),
            ``results`` of the checks before it, ``tasks`` before it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.besides: set[str] = set()


class Bound:
    """The part of a subject that knows its variant and key, its registry and its metadata.

    Attributes:
        variant: which variant of its hooks is driven; '' for the plain ones, or the first.
        key: which of its keys is asked for; empty for none.
        samples: what probes made of its answers, by name (``probes/questions/samples.py``).
    """

    parameters: SubjectParameters
    folder: Path
    store: Path
    version_folder: Path

    def __init__(self) -> None:
        self.variant = ""
        self.key: dict[str, Value] = {}
        self._notes: list[Asked] = []
        self.version_id = ""
        self.samples: dict[str, Any] = {}
        self._bindings: dict[tuple[str, str], Self] = {}
        self._base: Self | None = None

    @property
    def version(self) -> str:
        """Id of the version under audit."""
        self.rest_on("version")
        return self.version_id

    @property
    def hooks(self) -> HookSet:
        """Which hooks are written, and where."""
        raise NotImplementedError

    def beside(self, name: str) -> Document:
        """A data file that a reference names."""
        raise NotImplementedError

    @cached_property
    def readers(self) -> tuple[ArtifactReader, ...]:
        """Readers of formats that the workbook does not know.

        Raises:
            ParameterError: one cannot be loaded.
        """
        return readers_of(self.folder)

    # --- bindings -----------------------------------------------------------------------------
    def bound(self, variant: str, key: Mapping[str, Value]) -> Self:
        """This subject and version, with its hooks of that variant and key.

        Hosts and what was read are shared; what one binding has read, its next use finds.
        """
        base = self.base
        if variant == base.variant and key == base.key:
            return base
        name = (variant, text_of(key))
        if name not in base._bindings:
            other = copy.copy(base)
            other._forget()
            other.variant, other.key, other._base = variant, dict(key), base
            base._bindings[name] = other
        return base._bindings[name]

    @property
    def base(self) -> Self:
        """The subject and version without variant and key; itself where it has none."""
        return self._base or self

    def _forget(self) -> None:
        """Drop what was read of a version or for a key."""
        for read in ("own_metadata", "_own_key", *(["registry"] if self.parameters.keys else [])):
            self.__dict__.pop(read, None)
        self._bindings, self._base, self.samples = {}, None, {}

    def every_key(self) -> list[dict[str, Value]]:
        """Every key there is, those of the version itself first; one empty key for none."""
        declared = combinations(self.parameters.keys)
        own = self.own_key
        own_keys = [key for key in declared if own.items() <= key.items()]
        undeclared = [] if own_keys or not own else [{**declared[0], **own}]
        return [*undeclared, *own_keys, *(key for key in declared if key not in own_keys)]

    # --- hooks --------------------------------------------------------------------------------
    def serving(self, hook: str) -> Serving:
        """What serves when a hook is asked for."""
        key = given(self.parameters.keys, hook, self.key, self.own_key)
        return self.hooks.chosen(hook, self.variant), tuple(key.items())

    def in_turn(self, hook: str) -> dict[str, Value]:
        """The part of the key that a hook is driven with for one value after another."""
        return given(self.parameters.keys, hook, self.key, self.own_key, in_turn=True)

    def is_own(self, hook: str) -> bool:
        """True where a hook answers for the version's model, whatever key is asked for.

        Such an answer says nothing of another key, and is not to be held against what does.
        """
        surface = hook.split(".", maxsplit=1)[0]
        declared = self.parameters.keys
        if hook == "predictor.required":  # names of columns, and no answer of the model
            return False
        return surface in OF_THE_MODEL and any(
            name in self.own_key and not driven(by, hook) for name, by in declared.items()
        )

    @contextmanager
    def noting(self) -> Iterator[Asked]:
        """What is asked for meanwhile: hooks without variant, to what served."""
        asked = Asked()
        self._notes.append(asked)
        try:
            yield asked
        finally:
            self._notes.pop()
            self.note(asked)

    def note(self, asked: Mapping[str, Serving]) -> None:
        """Have hooks count as asked for, as an answer that is kept from before rests on them."""
        if self._notes:
            self._notes[-1].update(asked)
            self._notes[-1].besides |= getattr(asked, "besides", set())

    def rest_on(self, what: str) -> None:
        """Have the answer of now rest on more than hooks; see :class:`Asked`."""
        if self._notes:
            self._notes[-1].besides.add(what)

    # --- what is stored -----------------------------------------------------------------------
    @property
    def layout(self) -> Artifacts:
        """How the store is laid out, by the parameters.

        Raises:
            NotAssessed: the subject declares no store.
        """
        if self.parameters.artifacts is None:
            raise NotAssessed("the subject declares no artifact store (artifacts.store)")
        return self.parameters.artifacts

    @cached_property
    def registry(self) -> Registry:
        """What the registry file says; its roles are those of the key.

        Raises:
            NotAssessed: there is none, or it cannot be read.
        """
        return self._registry(self.registry_key)

    @property
    def registry_key(self) -> dict[str, Value]:
        """The key whose roles the registry is asked for."""
        return {**self.key, **self.own_key} if self.parameters.keys else {}

    def _registry(self, key: Mapping[str, Value]) -> Registry:
        return read_registry(self.store, self.layout, key)

    def pointed(self, role: str) -> dict[str, str | None]:
        """Versions that ``latest`` or ``champion`` points to, by the text of their key.

        One without a key, where the role is the same for all.

        Raises:
            NotAssessed: there is no registry, or it cannot be read.
        """
        pointed: dict[str, str | None] = {
            key: getattr(registry, role) for key, registry in self.registries().items()
        }
        return pointed if self.is_keyed(role) else {"": next(iter(pointed.values()))}

    def is_keyed(self, role: str) -> bool:
        """True where the pointer to ``latest`` or ``champion`` holds the name of a key."""
        return "{" in str(getattr(self.parameters.registry_layout, role, "") or "")

    def registries(self) -> dict[str, Registry]:
        """The registry with the roles of each key, by the key's text; one where there is no key.

        Raises:
            NotAssessed: there is no registry, or it cannot be read.
        """
        return {text_of(key): self._registry(key) for key in combinations(self.parameters.keys)}

    @property
    def metadata(self) -> Document:
        """Metadata of the version.

        Raises:
            NotAssessed: no metadata file matches, or it does not parse.
            NotApplicable: the key that is asked for is not the version's own.
        """
        self.rest_on("version")
        own = self.own_key
        other = {n: v for n, v in self.key.items() if n in own and own[n] != v}
        if other:
            raise NotApplicable(f"version {self.version} is for {text_of(own)} only")
        return self.own_metadata

    @cached_property
    def own_metadata(self) -> Document:
        """Metadata of the version, whatever key is asked for."""
        folder, named = self.version_folder, self.layout.metadata
        if named is None:  # fields name files of their own
            path = folder.relative_to(self.store).as_posix()
            return Document(path, "artifacts", {}, self.beside)
        pattern, pointer = split_reference(named)
        files = sorted(folder.glob(pattern))
        if not files:
            raise NotAssessed(
                f"version {self.version} has no metadata file {pattern}; name the file that says "
                "what a model reads and answers as `metadata` under `artifacts` in subject.yaml, "
                "or null where none does"
            )
        path = files[0].relative_to(self.store).as_posix()
        document = read_any(
            files[0], path=path, base="artifacts", pointer=pointer, readers=self.readers
        )
        return replace(document, beside=self.beside)

    @property
    def own_key(self) -> dict[str, Value]:
        """What the version says it is for; empty where it does not, or serves all."""
        if any(by.stored for by in self.parameters.keys.values()):
            self.rest_on("version")
        return self._own_key

    @cached_property
    def _own_key(self) -> dict[str, Value]:
        keys = {name: by for name, by in self.parameters.keys.items() if by.stored}
        if not keys or not self.version_id or self.parameters.artifacts is None:
            return {}

        def in_row(pointer: str) -> object:
            row = self._registry({}).rows.get(self.version_id)
            return Document("", "artifacts", row).get(pointer)

        def in_metadata(pointer: str) -> object:
            return self.own_metadata.get(pointer)

        return own_key(keys, (in_row, in_metadata))
