"""Calls that run what they read: pickles, unsafe YAML, ``eval``, shells; and who reaches them.

A loader is told by the library's own name, followed through imports and aliases.  Data is *outside*
where it comes from a parameter, a file, the network, the environment or the command line; a text
that stands in the source, and what is made of such texts, is not.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from audit_lib.probes.code.calls import bound, own_calls, parameters
from audit_lib.subject.code import Code
from audit_lib.subject.units import MODULE, Unit
from audit_lib.subject.uses import dotted

_PICKLES = frozenset(
    {"pickle.load", "pickle.loads", "pickle.Unpickler", "_pickle.load", "_pickle.loads",
     "cPickle.load", "cPickle.loads", "cloudpickle.load", "cloudpickle.loads", "dill.load",
     "dill.loads", "joblib.load", "pandas.read_pickle", "marshal.load", "marshal.loads",
     "shelve.open", "jsonpickle.decode", "sklearn.externals.joblib.load"}
)  # fmt: skip
_SHELLS = frozenset({"os.system", "os.popen", "subprocess.getoutput", "subprocess.getstatusoutput"})
_STARTS = frozenset({"run", "Popen", "call", "check_call", "check_output"})
_EVALS = frozenset({"eval", "exec", "builtins.eval", "builtins.exec"})
_SAFE_YAML = re.compile(r"Safe|Base")
#: Signs that what is loaded was held to a digest or signature before.
_PROVEN = re.compile(r"sha\d|md5|blake|hmac|checksum|digest|signature|verif", re.I)
#: Calls that make text or paths of what they are given.
#: what is asked of a text or a path, and brings nothing
_TELLS = frozenset(
    ("endswith", "startswith", "exists", "is_file", "isfile", "isinstance", "hasattr", "lower",
     "upper", "strip", "rstrip", "lstrip", "split", "rsplit", "format", "replace", "append",
     "sorted")
)  # fmt: skip
_BRINGS = re.compile(r"(^|\.|_)(open|urlopen|read\w*|recv\w*|get|post|download\w*|input|fetch\w*)$")
_SHAPES = frozenset(
    {"str", "repr", "bytes", "Path", "pathlib.Path", "os.path.join", "join", "getattr", "format",
     "io.BytesIO", "BytesIO", "dedent", "textwrap.dedent", "compile", "len", "range", "sorted",
     "list", "dict", "tuple", "zip", "map", "enumerate", "type", "globals", "locals"}
)  # fmt: skip
_OF_TEXTS = ("join", "format", "replace", "strip", "lower")
_CHAIN = 3


@dataclass(frozen=True)
class Load:
    """A call that runs what it reads.

    Attributes:
        kind: ``pickle``, ``yaml``, ``full yaml``, ``eval`` or ``shell``.
        what: the call, in words.
        mend: how to do without.
        outside: where the data comes from, innermost first; empty where it stands in the source.
        proven: something in the function holds it to a digest first.
        template: a text of the source holds the code; only parts come from outside.
    """

    unit: Unit
    node: ast.Call
    kind: str
    what: str
    mend: str
    outside: tuple[str, ...] = ()
    proven: bool = False
    template: bool = False


def loads(code: Code, path: str) -> Iterator[Load]:
    """Calls of a file that run what they read."""
    file = code.files.get(path)
    for unit in file.units if file is not None else ():
        for node in own_calls(unit):
            loader = _loader_call(unit, node, _full_name(code, unit, dotted(node.func)))
            if loader is not None and not _options_say_so(unit, node):
                kind, what, mend, data = loader
                own = kind == "eval" and data is not None and _own_text(unit, data)
                outside = () if own else tuple(_outside(code, unit, data))
                proven, template = _proven(code, unit, node), _template(unit, data)
                yield Load(unit, node, kind, what, mend, outside, proven, template)


def _loader_call(
    unit: Unit, node: ast.Call, name: str
) -> tuple[str, str, str, ast.expr | None] | None:
    """Kind, words, mend and the data of a call that runs what it reads; None for any other."""
    options = {k.arg: k.value for k in node.keywords}
    data = node.args[0] if node.args else None
    if name in _PICKLES:
        return "pickle", name, "store plain data, or check a digest before loading", data
    if name in ("numpy.load", "numpy.lib.npyio.load") and _is(options.get("allow_pickle"), True):
        return "pickle", "numpy.load(allow_pickle=True)", "store plain arrays", data
    if name == "torch.load" and not _is(options.get("weights_only"), True):
        option = "weights_only=False" if "weights_only" in options else "without weights_only"
        return "pickle", f"torch.load {option}", "pass weights_only=True", data
    if name in ("yaml.load", "yaml.load_all", "yaml.unsafe_load", "yaml.full_load"):
        loader = options.get("Loader", node.args[1] if len(node.args) > 1 else None)
        made = [] if loader is None else [loader, *_assigned(unit, dotted(loader))]
        if any(_SAFE_YAML.search(ast.unparse(m)) for m in made):
            return None
        full = name == "yaml.full_load" or (loader is not None and "Full" in ast.unparse(loader))
        return "full yaml" if full else "yaml", name, "use yaml.safe_load", data
    if name in _EVALS:
        return "eval", name, "use ast.literal_eval, or a table of functions", data
    if name in _SHELLS:
        return "shell", name, "pass a list of arguments to subprocess.run", data
    module, _, last = name.rpartition(".")
    if module == "subprocess" and last in _STARTS and _is(options.get("shell"), True):
        return "shell", f"{name}(shell=True)", "pass a list of arguments, without a shell", data
    return None


def _options_say_so(unit: Unit, node: ast.Call) -> bool:
    """True for ``torch.load(x, **options)`` where the function puts ``weights_only`` into them."""
    names = {dotted(k.value) for k in node.keywords if k.arg is None} - {""}
    for part in ast.walk(unit.node) if names and unit.node is not None else ():
        if not isinstance(part, ast.Assign) or part.lineno > node.lineno:
            continue
        for target in part.targets:
            inner = target.value if isinstance(target, ast.Subscript) else None
            key = target.slice if isinstance(target, ast.Subscript) else None
            stored = dotted(inner) in names and _is(key, "weights_only") and _is(part.value, True)
            if stored:
                return True
            value_text = ast.unparse(part.value) if dotted(target) in names else ""
            if re.search(r"weights_only['\"]?\s*[=:]\s*True", value_text):
                return True
    return False


def _full_name(code: Code, unit: Unit, text: str) -> str:
    """A dotted name with the import that brings its root written out; '' for a local's."""
    root, _, rest = text.partition(".")
    for scope in code.references._scopes(unit):
        if root in scope.uses.imports:
            return _written_out(scope.uses.imports[root], root, rest)
        if root in scope.uses.binds:
            return ""
    nodes = code.index.module(unit.path).bindings.get(root, [])
    imports = [n for n in nodes if isinstance(n, (ast.Import, ast.ImportFrom))]
    if imports:
        return _written_out(imports[0], root, rest)
    return "" if nodes else text


def _written_out(node: ast.Import | ast.ImportFrom, root: str, rest: str) -> str:
    for alias in node.names:
        if (alias.asname or alias.name.partition(".")[0]) == root:
            name = alias.name if alias.asname or isinstance(node, ast.ImportFrom) else root
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) and node.module else ""
            if isinstance(node, ast.ImportFrom) and node.level:
                return ""
            return f"{module}{name}.{rest}".rstrip(".")
    return ""


def _outside(code: Code, unit: Unit, data: ast.expr | None) -> Iterator[str]:
    """Where data comes from: what brings it, and the functions that call for it."""
    if data is None:
        return
    where = unit.name if unit.name != MODULE else "the module"
    own = {a.arg for a in parameters(unit.node, open_ones=True)} - {"self", "cls"}
    names, makers = _made_of(unit, data)
    brought = sorted(names & own, key=lambda name: (_only_an_option(unit, name), name))
    calls = [c for c in makers - _SHAPES if c.rpartition(".")[2] not in _TELLS]
    calls.sort(key=lambda call: (_BRINGS.search(call) is None, call))
    if any(c.rpartition(".")[2] in ("dumps", "dump", "deepcopy") for c in calls):
        return  # it goes round within the program
    callers = _callers(code, unit)
    if brought and not (callers and all(_literal(c, unit, brought[0]) for c in callers)):
        yield f"{brought[0]} of {where}"
        seen, here = {unit.key}, unit
        for _ in range(_CHAIN):
            above = [c for c in _callers(code, here) if c.key not in seen]
            if not above:
                return
            here = above[0]
            seen.add(here.key)
            yield here.name if here.name != MODULE else here.path
    elif calls and not brought:
        yield f"{calls[0]}() in {where}"
    elif not brought and any(dotted(n).startswith("self.") for n in ast.walk(data)):
        yield f"a field of {where.rpartition('.')[0]}"


def _only_an_option(unit: Unit, name: str) -> bool:
    """True for a parameter that calls take by keyword alone: how to fetch, and not what."""
    nodes = list(ast.walk(unit.node)) if unit.node is not None else []
    options = {
        id(part)
        for node in nodes
        if isinstance(node, ast.Call)
        for k in node.keywords
        for part in ast.walk(k.value)
    }
    used = [n for n in nodes if isinstance(n, ast.Name) and n.id == name]
    return all(id(n) in options for n in used)


def _own_text(unit: Unit, data: ast.expr) -> bool:
    """True for names that ``inspect`` reads off the code, and files that stand beside it."""
    names, calls = _made_of(unit, data)
    return "__file__" in names or any(c.startswith("inspect.") for c in calls)


def _callers(code: Code, unit: Unit) -> list[Unit]:
    keys = [k.partition("::") for k in sorted(code.references.sources.get(unit.key, ()))]
    units = [code.references.unit(path, name) for path, _, name in keys]
    return [u for u in units if u is not None]


def _literal(caller: Unit, unit: Unit, parameter: str) -> bool:
    """True where a caller gives the parameter nothing but what stands in the source."""
    last = unit.name.rpartition(".")[2]
    given = [
        argument
        for call in (ast.walk(caller.node) if caller.node is not None else ())
        if isinstance(call, ast.Call) and dotted(call.func).rpartition(".")[2] == last
        for name, argument in bound(unit.node, call)
        if name == parameter
    ]
    return bool(given) and all(
        isinstance(g, ast.Constant) or dotted(g).endswith("__name__") for g in given
    )


def _made_of(
    unit: Unit, node: ast.AST, seen: frozenset[str] = frozenset()
) -> tuple[set[str], set[str]]:
    """Names and calls that an expression is made of, through locals assigned from others."""
    names: set[str] = set()
    calls: set[str] = set()
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and dotted(part.func):
            calls |= {dotted(part.func)}
        elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id not in seen:
            values = _assigned(unit, part.id)
            names |= set() if values else {part.id}
            for value in values:
                more = _made_of(unit, value, seen | {part.id})
                names, calls = names | more[0], calls | more[1]
    return names, {c for c in calls if c.rpartition(".")[2] not in _OF_TEXTS}


def _assigned(unit: Unit, name: str) -> list[ast.expr]:
    values: list[ast.expr] = []
    for node in ast.walk(unit.node) if unit.node is not None and unit.name != MODULE else ():
        if isinstance(node, ast.Assign) and any(dotted(t) == name for t in node.targets):
            values.append(node.value)
        elif isinstance(node, ast.withitem) and dotted(node.optional_vars) == name:
            values.append(node.context_expr)
        elif isinstance(node, (ast.For, ast.comprehension)) and dotted(node.target) == name:
            values.append(node.iter)
    return values


def _template(unit: Unit, data: ast.expr | None, seen: frozenset[str] = frozenset()) -> bool:
    """True where a text of the source holds the code, and only names are put into it."""
    if isinstance(data, ast.Name):
        values = _assigned(unit, data.id) if data.id not in seen else []
        return bool(values) and all(_template(unit, v, seen | {data.id}) for v in values)
    if isinstance(data, ast.JoinedStr):
        first = data.values[0] if data.values else None
        return isinstance(first, ast.Constant)
    if isinstance(data, ast.Call):
        inner = data.func.value if isinstance(data.func, ast.Attribute) else None
        given = inner if inner is not None and not isinstance(inner, ast.Name) else None
        return _template(unit, given or (data.args[0] if data.args else None), seen)
    if isinstance(data, ast.BinOp):
        return _template(unit, data.left, seen)
    return isinstance(data, ast.Constant)


def _proven(code: Code, unit: Unit, node: ast.Call) -> bool:
    """True where the function, or one that it calls before, holds the data to a digest."""
    for part in ast.walk(unit.node) if unit.node is not None and unit.name != MODULE else ():
        if not isinstance(part, ast.Call) or part is node or part.lineno > node.lineno:
            continue
        text = dotted(part.func)
        if _PROVEN.search(text.rpartition(".")[2]) or _PROVEN.search(text):
            return True
        target = code.references.chain(unit, text).unit if text and text.count(".") < 4 else None
        if target is not None and isinstance(target.node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            inner = (dotted(n.func) for n in ast.walk(target.node) if isinstance(n, ast.Call))
            if any(_PROVEN.search(t) for t in inner):
                return True
    return False


def _is(node: ast.expr | None, value: object) -> bool:
    return (
        isinstance(node, ast.Constant) and type(node.value) is type(value) and (node.value == value)
    )
