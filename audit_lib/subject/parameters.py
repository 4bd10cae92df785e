"""The typed form of ``parameters/<subject>/subject.yaml`` and its errors for people."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, get_origin

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from audit_lib.errors import ParameterError
from audit_lib.files import read_words
from audit_lib.hooks import HOOKS, SURFACES, with_variant, without_variant
from audit_lib.subject.pointers import split_reference
from audit_lib.subject.yaml_size import too_much

#: documents that checks know what to do with; others may be named and are ignored
DOCUMENTS = ("contract", "edges", "boundaries", "subsystem_map", "spec")
#: terms of an option that a pricer may lack
TERMS = ("pricing.rate", "pricing.dividend")
NAME = r"^[A-Za-z][A-Za-z0-9_.-]{0,63}$"
Selector = Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]*$")]
Reason = Annotated[str, Field(min_length=1)]
Pointer = Annotated[str, Field(pattern=r"^(/.*)?$", description="JSON pointer, RFC 6901")]


def _reference(value: Any) -> Any:
    """Refuse references that lead nowhere, or to more than a value."""
    if not isinstance(value, str):
        return value
    file, pointer = split_reference(value)
    if not value or value.endswith("#"):
        whole = f"; a whole file is named as {file!r}" if file else ""
        raise ValueError(
            f"an empty pointer would be the whole document; write null where there is none{whole}"
        )
    if pointer and not pointer.startswith("/"):
        raise ValueError("what follows '#' is a JSON pointer and starts with '/'")
    if (not file and not pointer) or file.startswith("/") or ".." in PurePosixPath(file).parts:
        raise ValueError("name a pointer (/key), a file (splits.json), or both (scaler.json#/mad)")
    return value


def _role(value: Any) -> Any:
    """A reference in which the file is named with its pointer, so that no slash is forgotten."""
    if isinstance(value, str) and value and not value.startswith("/") and "#" not in value:
        raise ValueError(f"write /{value}, or FILE#/pointer for another file of the store")
    return value and _reference(value)


Reference = Annotated[str | None, BeforeValidator(_reference)]
#: the same for a role that versions have; '' too means that there is none
Role = Annotated[str | None, BeforeValidator(_role)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Subsystem(_Strict):
    """Which files are under audit: globs, or an entry of the repository's own subsystem map."""

    files: tuple[str, ...] = Field(
        (), description="globs; `*` stays within one folder, `**` stands for any number of them"
    )
    map: str = Field("", description="document with the subsystem map, relative to the root")
    id: str = Field("", description="key of the subsystem in the map")


class SourceParameters(_Strict):
    """Where the code is."""

    root: str = Field("", description="checkout, relative to the parameters folder; else --root")
    package: str = Field("", description="import name of the package whose folder is the root")
    exclude: tuple[str, ...] = Field((), description="globs of files that are not the subject's")
    subsystem: Subsystem = Subsystem(files=("**/*.py",))
    high_risk: tuple[str, ...] = Field((), description="files where no finding may stay open")


class RegistryFile(_Strict):
    """Where a registry file keeps its rows; null where the store has none, and its checks go."""

    file: str = Field("registry.json", description="JSON, YAML or TOML, relative to the store")
    versions: Pointer = Field("/versions", description="its rows; '' where the file is the table")
    id: str = Field("version_id", description="key of the id in a row; '' where rows are a mapping")
    latest: Role = Field(
        "/latest",
        description="pointer to the id, `/latest/{horizon}` where each key has its own; another "
        "file of the store as `FILE#/pointer`; null where nothing points to it, "
        "and `--version latest` means the last one listed",
    )
    champion: Role = Field("/champion", description="the same; null where there is none")
    metrics: str = Field(
        "metrics", description="key of the metrics in a row; '' for the row itself"
    )


class MlflowModel(_Strict):
    """A registered model of MLflow in place of a registry file; `store` is its `mlruns` folder.

    With `database`, the registry is a SQLite file, and `store` the folder of artifacts beside it.
    With `tracking_uri`, `store` is the copy that `workbook pull` makes of the server's versions.
    """

    model: str = Field(pattern=r"^[^/\\]+$", description="name of the registered model")
    tracking_uri: str = Field(
        "",
        pattern=r"^(https?://[^@]+)?$",
        description="http(s) address of a tracking server, without credentials; '' where the "
        "store is a file store",
    )
    database: str = Field(
        "",
        description="SQLite file that registers the versions, relative to `store`: `../mlflow.db`; "
        "'' where `store` registers them itself",
    )
    latest: str = Field("", description="alias that counts as latest; '' for the highest version")
    champion: str = Field("champion", description="alias that counts as champion")

    @model_validator(mode="after")
    def _one_place(self) -> MlflowModel:
        if self.database and self.tracking_uri:
            raise ValueError("`database` and `tracking_uri` are two registries; name one")
        return self


class CheckpointFields(_Strict):
    """Where a version keeps what the contracts ask for: `/pointer`, `FILE`, or `FILE#/pointer`."""

    feature_cols: Reference = "/feature_cols"
    input_dim: Reference = "/input_dim"
    heads: Reference = "/heads"
    schema_hash: Reference = "/schema_hash"
    version: Reference = "/version"
    run: Reference = "/run"
    checksums: Reference = "/checksums"
    scaler_center: Reference = "/scaler/median"
    scaler_scale: Reference = "/scaler/mad"
    folds: Reference = "/folds"
    targets: Reference = "/targets"


class Artifacts(_Strict):
    """Where the artifact store is and how it is laid out."""

    store: str = Field(description="folder, relative to the source root")
    version_dir: str = Field("{version}", description="folder of a version within the store")
    metadata: Reference = Field(
        "meta.json",
        description="metadata file (or glob) within a version, JSON, YAML, TOML or a model file, "
        "and a pointer into it where it is a part: `model.pt#/meta`; null where there is none",
    )
    registry: RegistryFile | None = RegistryFile()
    mlflow: MlflowModel | None = None
    fields: CheckpointFields = CheckpointFields()
    prepare: str = Field("", description="how to make the store, told when it is missing")

    @model_validator(mode="before")
    @classmethod
    def _as_mlflow_has_them(cls, data: Any) -> Any:
        """Where MLflow keeps what others keep in a metadata file."""
        if not isinstance(data, dict) or not data.get("mlflow"):
            return data
        fields = data.get("fields") or {}
        defaults = {"feature_cols": "/signature/inputs", "run": "/run_id"}
        merged = {**defaults, **fields} if isinstance(fields, dict) else fields
        return {"metadata": "MLmodel", **data, "fields": merged}

    @property
    def is_mlflow_file_store(self) -> bool:
        """True where versions stand in the folders of runs."""
        return self.mlflow is not None and not self.mlflow.tracking_uri


class KeyedBy(_Strict):
    """One thing that the subject keeps apart beside versions: horizons, instruments, regimes."""

    values: tuple[str | int | float, ...] = Field(
        min_length=1, description="all there are; checks run for each"
    )
    surfaces: tuple[str, ...] = Field(
        ("targets", "splits", "registry"),
        description="surfaces, or single hooks, that are driven for each",
    )
    stored: Pointer = Field(
        "",
        description="where a version says which one it is for, in its row of the registry or its "
        "metadata; '' where a version serves all",
    )

    @field_validator("values")
    @classmethod
    def _once(cls, value: tuple[str | int | float, ...]) -> tuple[str | int | float, ...]:
        if len(set(map(str, value))) < len(value):
            raise ValueError("a value stands here twice")
        return value

    @field_validator("surfaces")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [name for name in value if name not in SURFACES and name not in HOOKS]
        if unknown:
            raise ValueError(f"no surface is called {unknown[0]!r}; known: {', '.join(SURFACES)}")
        return value


class HeadFacts(_Strict):
    """What one output of the model is, where the checkpoint does not say it."""

    kind: Literal["probability", "positive", "real", "other"] = Field(
        description="`other` is published beside the heads, such as a code or an end of an interval"
    )
    label: str = Field("", description="label that it learnt, as `targets.build` calls it")
    output: int | None = Field(None, description="position in the model's output")
    least: float | None = Field(None, description="smallest value that it may take")
    most: float | None = Field(None, description="largest value that it may take")
    unit: str = ""
    loss: str = ""


class Windows(_Strict):
    """Predictions that rest on windows: several rows of one asset, the predicted one the last."""

    length: int | None = Field(None, ge=2, description="rows of a window")
    stored: Reference = Field(None, description="where a version says how many")
    stride: int = Field(1, ge=1, description="rows from one predicted row of an asset to the next")
    span: Span | None = Field(
        None, description="longest time from its first row to its last: `40D`; null for any"
    )

    @model_validator(mode="after")
    def _told(self) -> Windows:
        if self.length is None and self.stored is None:
            raise ValueError("say how many rows a window has: `length`, or `stored` for a pointer")
        return self


def _span(value: Any) -> Any:
    """Refuse what is no length of time; YAML takes 16:00 for a number."""
    try:
        import pandas as pd  # slow to import, and few subjects have a clock

        if isinstance(value, str) and not value.isdigit() and not pd.isna(pd.Timedelta(value)):
            return value
    except ValueError:
        pass
    raise ValueError("write a length of time with its unit, such as 9h30min or -1h")


Span = Annotated[str, BeforeValidator(_span)]


class Clock(_Strict):
    """When a bar begins and ends, counted from the label that it has in the panel."""

    opens: Span = Field("0h", description="from the label to the first trade of the bar: `9h30min`")
    closes: Span = Field(description="from the label to its last trade: `16h`; `0h` for its end")

    @model_validator(mode="after")
    def _lasts(self) -> Clock:
        import pandas as pd  # likewise

        if pd.Timedelta(self.closes) <= pd.Timedelta(self.opens):
            raise ValueError("a bar closes after it opens")
        return self


class AccountField(_Strict):
    """One number of an account's state that a limit of the subject looks at."""

    worst: float = Field(description="a value far beyond the limit, as an account may reach it")
    limit: float | None = Field(None, description="value from which orders are smaller, or none")
    gate: str = Field("", description="gate that an order refused for it names; '' for any")
    whole: bool = Field(False, description="it counts something: whole numbers only")


class OrderField(_Strict):
    """One field of an order beside side, size and gate: strike, expiry, stop, reason."""

    kind: Literal["number", "text"] = "number"
    tolerance: float = Field(1e-9, ge=0, description="of numbers, relative")
    least: float | None = Field(None, description="smallest number that an order may hold")
    most: float | None = Field(None, description="largest number that an order may hold")
    choices: tuple[str, ...] = Field((), description="all texts there are; none for any")
    optional: bool = Field(False, description="an order may leave it out")


class Explain(_Strict):
    """What `workbook explain-model` holds its answers against, and how it writes them."""

    importances: Reference = Field(
        None, description="importances that a version records: factor to number, or by head"
    )
    priors: dict[str, Literal["increasing", "decreasing"]] = Field(
        {}, description="which way a factor should move a head: `factor`, or `head/factor`"
    )
    units: dict[str, str] = Field({}, description="unit of a factor or head, for sentences")
    learned_conditions: str = Field(
        "", description="folder of the subject's own, in a version's folder or below the root"
    )
    traces: str = Field(
        "",
        description="the subject's own decision trace, JSON Lines, likewise; `{version}` is the id",
    )
    trace_fields: dict[str, Pointer] = Field(
        {}, description="field of a trace to where the subject's lines keep it: `action/side: /s`"
    )


class Environment(_Strict):
    """In which interpreter hooks run."""

    python: str = Field("", description="interpreter, relative to the parameters folder")
    versions: dict[str, str] = Field({}, description="interpreter by version id, where one differs")
    reads: tuple[str, ...] = Field(
        (),
        description="folders and files that hooks read beside the repository, the store and the "
        "interpreter: relative to the parameters folder, `~` for the home folder, `/` for all",
    )


class HookLimits(_Strict):
    """What one hook call may use, and the calls of one check together."""

    seconds: float = Field(120, gt=0)
    check_seconds: float | None = Field(
        None, gt=0, description="of one check's calls; beyond, it is not assessed"
    )
    memory_mb: int = Field(6144, gt=0)


class Policy(_Strict):
    """What the subject's owners decided."""

    allow_unisolated: bool = Field(False, description="run hooks where no isolation is available")


class SubjectParameters(_Strict):
    """Everything the workbook is told about a subject."""

    subject: str = Field(pattern=NAME)
    title: str = ""
    source: SourceParameters = SourceParameters()
    artifacts: Artifacts | None = None
    documents: dict[str, str] = Field(
        {}, description="name to path relative to the root: contract, boundaries, edges, ..."
    )
    keys: dict[str, KeyedBy] = Field(
        {}, description="what is kept apart beside versions, by name: horizon, instrument, regime"
    )
    heads: dict[str, HeadFacts] = Field(
        {}, description="outputs of the model by name, where the checkpoint does not declare them"
    )
    orders: dict[str, OrderField] = Field(
        {}, description="fields of an order beside side, size and gate, by column"
    )
    account: dict[str, AccountField] = Field(
        {}, description="numbers of `decisions.account` that limits look at: drawdown, exposure"
    )
    sides: dict[str, Literal["label", "position"]] = Field(
        {}, description="table of `features.sides` or `predictor.sides` to how it is joined"
    )
    codes: dict[str, dict[int, str]] = Field(
        {}, description="kind of code (regime, class) to what each number means"
    )
    known_at: dict[str, str] = Field(
        {},
        description="table of `features.sides` to its column of dates on which rows were known; or "
        "field of `features.panel` to its column of dates, or of bars that go by",
    )
    windows: Windows | None = Field(
        None, description="where a prediction rests on several rows, how many; null for its own row"
    )
    clock: Clock | None = Field(
        None, description="when a bar opens and closes, where `features.build_live` takes `now`"
    )
    files: dict[str, Reason] = Field(
        {},
        description="glob of data files that `features.build` reads beside its panel, to when what "
        "stands in them is known",
    )
    explain: Explain = Explain()
    environment: Environment = Environment()
    hooks: str = Field("hooks.py", description="hooks file in the parameters folder")
    absent: dict[str, str] = Field(
        {},
        description="surface, hook or document to the reason why the subject has none; "
        "`pricing[heston]` for one variant",
    )
    options: dict[str, dict[str, Any]] = Field(
        {}, description="check code to its options; `PRC001[heston]` for one variant"
    )
    select: tuple[Selector, ...] = Field(
        (), description="codes, or beginnings of codes, of the checks to ask; all by default"
    )
    ignore: dict[Selector, Reason] = Field(
        {}, description="code, or beginning of codes, to the reason why it is not asked"
    )
    severity: dict[Selector, Literal["low", "medium", "high", "critical"]] = Field(
        {}, description="code, or beginning of codes, to the severity of what it finds"
    )
    gates: dict[str, tuple[str, ...]] = Field(
        {}, description="own gate to its checks: codes, beginnings of codes, names of other gates"
    )
    exercise: Literal["sample", "every_call", "never"] = Field(
        "sample",
        description="which calls of hooks have their lines measured: one of each hook in T1, all "
        "calls of all tasks, or none",
    )
    limits: HookLimits = HookLimits()
    policy: Policy = Policy()

    @field_validator("ignore", mode="before")
    @classmethod
    def _reasons(cls, value: object) -> object:
        if isinstance(value, list | str):
            raise ValueError("write each with its reason, such as `FEA111: the vendor backfills`")
        return value

    @field_validator("severity", mode="before")
    @classmethod
    def _breaks(cls, value: object) -> object:
        if isinstance(value, dict) and "info" in value.values():
            raise ValueError(
                "`info` would pass whatever the check finds; put the check under `ignore` with a "
                "reason, or waive its findings"
            )
        return value

    @field_validator("gates")
    @classmethod
    def _gate_names(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, members in value.items():
            if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
                raise ValueError(f"gate {name!r}: use small letters, digits, '_' and '-'")
            if not members:
                raise ValueError(f"gate {name!r} names no check")
        return value

    @field_validator("orders")
    @classmethod
    def _beside(cls, value: dict[str, OrderField]) -> dict[str, OrderField]:
        taken = sorted(set(value) & {"side", "size", "gate"})
        if taken:
            raise ValueError(f"every order has a field {taken[0]!r}; declare others only")
        return value

    @field_validator("absent")
    @classmethod
    def _known_surfaces(cls, value: dict[str, str]) -> dict[str, str]:
        names = (*SURFACES, *DOCUMENTS, *TERMS)
        unknown = sorted(k for k in value if without_variant(k)[0] not in (*names, *HOOKS))
        if unknown:
            raise ValueError(
                f"no surface, hook or document is called {unknown[0]!r}; known: {', '.join(names)}"
            )
        return value

    @property
    def registry_layout(self) -> RegistryFile | None:
        """Where the registry file keeps what; None for a subject without one."""
        return self.artifacts.registry if self.artifacts else None

    def why_absent(self, hook: str, variant: str = "") -> str | None:
        """The reason why the subject has no such hook, surface, or variant of them."""
        for name in (hook, hook.split(".", maxsplit=1)[0]):
            for key in (name, with_variant(name, variant)):
                if key in self.absent:
                    return self.absent[key]
        return None


class _OnceLoader(yaml.SafeLoader):
    """YAML in which no mapping holds a key twice: the last would win without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """As its parent; refuses a key that stands there twice."""
        seen: set[Any] = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode) and key.value != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"key {key.value!r} stands here twice", key.start_mark
                )
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


def load_parameters(folder: Path) -> SubjectParameters:
    """Read ``subject.yaml`` of a parameters folder.

    Raises:
        ParameterError: missing, not YAML, or a key or value that does not fit; the message names
            file, key and mend.
    """
    file = folder / "subject.yaml"
    try:
        text = read_words(file)
        if too_much(text, yaml.SafeLoader):
            raise yaml.YAMLError("its aliases copy more than is read, or it nests too deep")
        data = yaml.load(text, _OnceLoader)
    except FileNotFoundError:
        raise ParameterError(
            "no subject.yaml here", where=str(folder), mend="`workbook list` shows the subjects"
        ) from None
    except OSError as error:
        raise ParameterError(
            f"cannot be read: {error.strerror}", where=str(file), mend="put a regular file there"
        ) from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        what = " ".join((getattr(error, "problem", None) or str(error)).split())
        raise ParameterError(
            f"not valid YAML: {what}",
            where=f"{file}:{mark.line + 1}" if mark else str(file),
            mend="correct the syntax at that line",
        ) from None
    if not isinstance(data, dict):
        raise ParameterError(
            "holds no mapping", where=str(file), mend="begin with `subject: <name>`"
        )
    try:
        return SubjectParameters.model_validate(data)
    except ValidationError as error:
        raise ParameterError(explain(error, SubjectParameters), where=str(file)) from None


#: what to write, where the library that reads parameters speaks of its own types
_WRITE = {
    "dict_type": "write a mapping, `name: value` a line",
    "tuple_type": "write a list, `[a, b]`",
    "string_type": "write one text",
    "model_type": "write a mapping of its keys",
}


def explain(error: ValidationError, model: type[BaseModel]) -> str:
    """What does not fit, in a sentence for people: keys, and the nearest known ones."""
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            siblings = _fields_at(model, problem["loc"][:-1])
            near = difflib.get_close_matches(str(problem["loc"][-1]), siblings, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(siblings)}"
            lines.append(f"key {key!r} is not known; {hint}")
        elif problem["type"] == "missing":
            lines.append(f"key {key!r} is missing")
        else:
            text = _WRITE.get(problem["type"]) or problem["msg"].removeprefix("Value error, ")
            lines.append(f"key {key!r}: {text} (got {problem['input']!r})")
    return "; ".join(lines)


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    """Names of the fields at a path through models; empty where it leads to none."""
    parts = iter(path)
    for part in parts:
        field = model.model_fields.get(str(part))
        inner = next(_models_in(field.annotation), None) if field else None
        if field is None or inner is None:
            return []
        if get_origin(field.annotation) in (dict, list, tuple):
            next(parts, None)  # a key or position, whatever it is
        model = inner
    return [field.alias or name for name, field in model.model_fields.items()]


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in getattr(annotation, "__args__", ()):
        yield from _models_in(inner)
