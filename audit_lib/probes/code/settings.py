"""Settings by name: constants of modules, environment variables, keys that are read with defaults.

Each is known by its spelling alone, and a value counts only where it is a literal.
"""

import ast
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from audit_lib.errors import NotAssessed
from audit_lib.files import MOST_TEXT, read_words
from audit_lib.model import Location
from audit_lib.probes.code.constants import number_written
from audit_lib.probes.code.surroundings import is_aside, symbol_at
from audit_lib.subject.code import Code
from audit_lib.subject.documents import read_document
from audit_lib.subject.source import SKIPPED_FOLDERS
from audit_lib.subject.uses import dotted

_READS = frozenset({"os.getenv", "getenv", "os.environ.get", "environ.get"})
_HOLDERS = re.compile(r"(^|_)(config|cfg|conf|settings?|limits)$", re.I)
_DEFINES = re.compile(r"^\s*(?:export\s+|ENV\s+|ARG\s+|-\s+)?([A-Z][A-Z0-9_]{2,})\s*[=:]", re.M)
CONFIGURES = re.compile(
    r"(^|[_./-])(config|cfg|conf|settings?|defaults?|params|parameters|limits|risk)", re.I
)
_CLASSES = re.compile(r"(Config|Cfg|Settings?|Params|Parameters|Options|Limits)$")
#: fields that are walked over, or read by a name that is made at run time
_DYNAMIC = re.compile(
    r"(asdict|model_dump|vars|dict)\([^()]*\)\.(items|values)\(|__dict__|model_fields|astuple\(|"
    r"\*\*[^,()\s]*(asdict|model_dump|vars|\.dict)\(|"
    r"\bfields\(|\bgetattr\([^,()]+,\s*[^\"'\s]"
)
LIMIT = re.compile(
    r"(?<![a-z])(?i:max|min)(imum)?(?![a-z])|(?<=[a-z])(Max|Min)(?![a-z])|"
    r"(?i:limit|threshold|stop|drawdown|cap\b|floor|ceiling|cooldown)"
)
_OPTIONS = frozenset({"add_argument", "option"})
_EMPTY = (None, "", 0, False)
_PLACEHOLDER = re.compile(r"unknown|n/?a|none|null|undefined|missing|\W+", re.I)
#: what the system sets for every program, and settings that say where a service of a place runs
SYSTEM = frozenset({"HOME", "USER", "LOGNAME", "PATH", "PWD", "SHELL", "LANG", "TERM", "TMPDIR",
                    "TEMP", "TMP", "USERPROFILE", "HOSTNAME", "XDG_CACHE_HOME"})  # fmt: skip
PLACED = re.compile(r"(^|_)(host|port|urls?|uri|endpoint|dsn|bind|addr(ess)?)($|_)", re.I)


@dataclass(frozen=True)
class Setting:
    """One place that sets or reads a setting; the value is None where it has no literal one."""

    name: str
    value: object
    location: Location


def constants(code: Code) -> dict[str, list[Setting]]:
    """Numbers that modules name in capitals, by name, each module's own."""
    settings: dict[str, list[Setting]] = defaultdict(list)
    for path in _files(code):
        for name, nodes in code.index.module(path).bindings.items():
            node = nodes[0] if len(nodes) == 1 else None
            value = (
                number_written(node.value)
                if isinstance(node, (ast.Assign, ast.AnnAssign))
                else None
            )
            if value is not None and name.isupper() and len(name) > 2 and node is not None:
                where = Location(path, line=getattr(node, "lineno", None))
                settings[name].append(Setting(name, value, where))
    return settings


def environment(code: Code) -> dict[str, list[Setting]]:
    """Environment variables that the code reads, by name."""
    settings: dict[str, list[Setting]] = defaultdict(list)
    for path, node in _nodes(code, "environ", "getenv"):
        name: ast.expr | None = None
        default: ast.expr | None = None
        if isinstance(node, ast.Call) and dotted(node.func) in _READS and node.args:
            name, default = node.args[0], node.args[1] if len(node.args) > 1 else None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            name = node.slice if dotted(node.value) in ("os.environ", "environ") else None
        if not isinstance(node, (ast.Call, ast.Subscript)):
            continue
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            settings[name.value].append(_setting(code, path, node, name.value, default))
    return settings


def environment_set(code: Code) -> frozenset[str]:
    """Names that the code sets, and those that files beside it define: ``.env``, a Dockerfile."""
    names = {
        t.slice.value
        for _, node in _nodes(code, "environ")
        for t in (node.targets if isinstance(node, ast.Assign) else [])
        if isinstance(t, ast.Subscript) and dotted(t.value).endswith("environ")
        and isinstance(t.slice, ast.Constant) and isinstance(t.slice.value, str)
    }  # fmt: skip
    for file in _beside(code.tree.root):
        try:
            names |= set(_DEFINES.findall(read_words(file, errors="replace", most=MOST_TEXT)))
        except OSError:
            continue
    return frozenset(names)


def defaults(code: Code) -> dict[tuple[str, str], list[Setting]]:
    """Keys and attributes read off a configuration with a default, by (holder's name, key)."""
    settings: dict[tuple[str, str], list[Setting]] = defaultdict(list)
    for path, node in _nodes(code, ".get(", "getattr("):
        parts = _with_default(node)
        if parts is None or not isinstance(node, ast.Call):
            continue
        holder = dotted(parts[0]).rpartition(".")[2]
        key = parts[1]
        if not _HOLDERS.search(holder) or not isinstance(key, ast.Constant):
            continue
        if isinstance(key.value, str):
            setting = _setting(code, path, node, key.value, parts[2])
            settings[holder.lstrip("_"), key.value].append(setting)
    return settings


def declared(code: Code) -> dict[str, list[Setting]]:
    """Defaults of settings that are declared: fields of configuration classes, and options."""
    settings: dict[str, list[Setting]] = defaultdict(list)
    for path, node in _nodes(code, "class ", "add_argument(", "option("):
        for name, default in _declares(node):
            value = default.value if isinstance(default, ast.Constant) else number_written(default)
            if says(value) and not isinstance(value, bool):
                symbol = node.name if isinstance(node, ast.ClassDef) else ""
                where = Location(path, line=default.lineno, symbol=symbol)
                settings[name].append(Setting(name, value, where))
    return settings


def unread(code: Code) -> Iterator[Setting]:
    """Limits that a configuration class declares, and that no source spells again.

    None where settings are read by names that are made at run time.
    """
    if any(_DYNAMIC.search(code.files[path].file.text) for path in _files(code)):
        return
    fields = [
        (path, node, part)
        for path, node in _nodes(code, "class ")
        if isinstance(node, ast.ClassDef) and _CLASSES.search(node.name)
        for part in node.body
        if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name)
    ]
    times = Counter(part.target.id for *_, part in fields if isinstance(part.target, ast.Name))
    for path, holder, part in fields:
        name = dotted(part.target)
        if LIMIT.search(name) and spelt(code)[name] == times[name]:
            where = Location(path, line=holder.lineno, symbol=holder.name)
            yield Setting(name, holder.name, where)


def spelt(code: Code) -> Counter[str]:
    """Every word that the source spells, and how often."""
    texts = (file.text for file in code.tree.files)
    return code.once("words", lambda: Counter(w for t in texts for w in re.findall(r"\w+", t)))


def keys_read(code: Code) -> dict[str, list[Setting]]:
    """Keys that are read off a configuration, with a default or without."""
    found: dict[str, list[Setting]] = defaultdict(list)
    for path, node in _nodes(code, "onfig", "onf", "cfg", "etting", "imits"):
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            holder, key = node.value, node.slice
        elif isinstance(node, ast.Call) and dotted(node.func).endswith(".get") and node.args:
            holder, key = node.func, node.args[0]
        else:
            continue
        name = dotted(holder).removesuffix(".get").rpartition(".")[2]
        if isinstance(key, ast.Constant) and isinstance(key.value, str) and _HOLDERS.search(name):
            found[key.value].append(_setting(code, path, node, key.value, None))
    return found


def in_files(code: Code) -> dict[str, list[Setting]]:
    """What configuration files of the repository define, by the last key."""
    settings: dict[str, list[Setting]] = defaultdict(list)
    for file in sorted(code.tree.root.rglob("*.*")):
        path = file.relative_to(code.tree.root)
        fits = file.suffix in (".yaml", ".yml", ".toml") and CONFIGURES.search(path.as_posix())
        if not fits or SKIPPED_FOLDERS & set(path.parts) or is_aside(path.as_posix()):
            continue
        try:
            document = read_document(file, path=path.as_posix(), base="source")
        except NotAssessed:
            continue
        for pointer, value in _leaves(document.data, ""):
            name = pointer.rpartition("/")[2]
            settings[name].append(Setting(name, value, document.location(pointer)))
    return settings


def _leaves(held: object, above: str) -> Iterator[tuple[str, object]]:
    for key, value in held.items() if isinstance(held, dict) else ():
        yield from _leaves(value, f"{above}/{key}")
        yield f"{above}/{key}", None if isinstance(value, (dict, list)) else value


def _declares(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    """Names and defaults of a configuration class, or of ``add_argument`` and ``click.option``."""
    if isinstance(node, ast.ClassDef) and _CLASSES.search(node.name):
        for part in node.body:
            if isinstance(part, ast.AnnAssign) and isinstance(part.target, ast.Name):
                default = _given(part.value)
                if default is not None:
                    yield part.target.id, default
    elif isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] in _OPTIONS:
        names = [a.value for a in node.args if isinstance(a, ast.Constant)]
        long = [n[2:] for n in names if isinstance(n, str) and n.startswith("--")]
        default = next((k.value for k in node.keywords if k.arg == "default"), None)
        if long and default is not None:
            yield long[0].partition("/")[0].replace("-", "_"), default


def _given(value: ast.expr | None) -> ast.expr | None:
    """The default within ``Field(0.3, gt=0)`` and ``field(default=0.3)``, or the value itself."""
    if isinstance(value, ast.Call) and dotted(value.func).rpartition(".")[2].lower() == "field":
        named = [k.value for k in value.keywords if k.arg == "default"]
        return next(iter([*named, *value.args]), None)
    return value


def _with_default(node: ast.AST) -> tuple[ast.expr, ast.expr, ast.expr] | None:
    """Holder, key and default of ``x.get(k, d)`` and ``getattr(x, k, d)``."""
    if not isinstance(node, ast.Call) or node.keywords:
        return None
    if dotted(node.func) == "getattr" and len(node.args) == 3:
        return node.args[0], node.args[1], node.args[2]
    if isinstance(node.func, ast.Attribute) and node.func.attr == "get" and len(node.args) == 2:
        return node.func.value, node.args[0], node.args[1]
    return None


def says(value: object) -> bool:
    """True for a value that sets something: not None, nor what is empty, or ``unknown``."""
    return value not in _EMPTY and not (
        isinstance(value, str) and _PLACEHOLDER.fullmatch(value.strip())
    )


def value_said(value: object) -> object:
    """A number where a value is one, or spells one, so that 1, 1.0 and "1" are one value."""
    try:
        return float(value) if isinstance(value, (str, int, float)) else value
    except ValueError:
        return value


def apart(settings: list[Setting]) -> list[Setting]:
    """The first place of each value that says something, files first; empty where all agree."""
    firsts: dict[object, Setting] = {}
    for setting in sorted(
        settings, key=lambda s: (not s.location.pointer, s.location.path, s.location.line or 0)
    ):
        if says(setting.value):
            firsts.setdefault(value_said(setting.value), setting)
    return list(firsts.values()) if len(firsts) > 1 else []


def _setting(
    code: Code, path: str, node: ast.Call | ast.Subscript, name: str, default: ast.expr | None
) -> Setting:
    value = default.value if isinstance(default, ast.Constant) else number_written(default)
    symbol = symbol_at(code, path, node.lineno)
    return Setting(name, value, Location(path, line=node.lineno, symbol=symbol))


def _files(code: Code) -> list[str]:
    return [p for p in sorted(code.connected) if p in code.files and not is_aside(p)]


def _nodes(code: Code, *words: str) -> Iterator[tuple[str, ast.AST]]:
    for path in _files(code):
        file = code.files[path].file
        if file.tree is not None and any(word in file.text for word in words):
            for node in ast.walk(file.tree):
                yield path, node


def _beside(root: Path) -> Iterator[Path]:
    """Files at the root that define environment variables."""
    for file in sorted(root.iterdir()):
        name = file.name.lower()
        is_environment_file = name.startswith((".env", "dockerfile", "docker-compose", "compose."))
        if (is_environment_file or name.endswith(".env")) and file.is_file():
            yield file
