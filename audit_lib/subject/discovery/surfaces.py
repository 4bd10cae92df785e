"""Which functions of a repository could stand behind which hook.

A candidate is a guess from names (of the function, its class and module), from what it takes and
gives (parameters, annotations, what its body calls), and from who calls it.  Nothing is imported.
The words are the field's, not those of any repository.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from audit_lib.subject.discovery.facts import Callers, Facts
from audit_lib.subject.discovery.words import WORDS, Words
from audit_lib.subject.source import SourceFile

PER_HOOK = 4
#: who is told no id by name may give it itself
REGISTER, CREATE = "registry.register", "registry.create"
IDS = frozenset(
    {"v", "version", "version_id", "vid", "id", "model_id", "name", "tag", "version_name"}
)
#: candidates of one class or module that are shown before those of others
OF_ONE_PLACE = 2
#: score of a block of a larger network; it is shown where there is no network
INNER = 0.25
TESTS = re.compile(r"(^|/)(tests?|testing|examples?|docs?|notebooks?)(/|$)|(^|/)(test_|conftest)")


#: folders of scripts: those that import the engine run it, the others look after the repository
SCRIPTS = re.compile(r"(^|/)scripts?(/|$)")

#: files of packagers, which speak of versions and mean their own
PACKAGING = re.compile(r"(^|/)(_?version|versioneer|setup)\.py$")

#: places that show what others decide, and code that shows others how
SHOWN = re.compile(r"(^|/|_)(plot|plotting|reports?|visuali[sz]e?|display)(/|_|\.)")
EXAMPLE = re.compile(r"example|(^|[^a-z])(sample|demo|tutorial|templates?)", re.IGNORECASE)


@dataclass(frozen=True)
class Candidate:
    """A function that could stand behind a hook.

    Attributes:
        hook: name of the hook.
        path: file, relative to the root.
        line: line of the ``def``.
        name: qualified name.
        signature: parameters as written.
        score: how much speaks for it; only the order means something.
    """

    hook: str
    path: str
    line: int
    name: str
    signature: str
    score: float


def candidates(
    files: Iterable[SourceFile], importers: Mapping[str, frozenset[str]]
) -> tuple[Candidate, ...]:
    """The best few candidates of every hook, best first.

    Args:
        files: sources to look through; tests and examples among them are passed over.
        importers: which files import a file, by its path.
    """
    files = list(files)
    by_hook: dict[str, list[Candidate]] = {hook: [] for hook in (*WORDS, CREATE)}
    callers = Callers(files, importers)
    for file in files:
        if file.tree is None or TESTS.search(file.path) or PACKAGING.search(file.path):
            continue
        inner = _inner_networks(file.tree)
        for scope, node in _functions(file.tree):
            facts = Facts.of(file.path, scope, node, callers)
            for hook, words in WORDS.items():
                score = _score(words, facts)
                if hook == "neural.forward" and scope.rpartition(".")[2] in inner:
                    score = min(score, INNER)
                if score > 0:
                    by_hook[hook].append(_candidate(hook, file, scope, node, score, facts))
                    if hook == REGISTER and not facts.parameters & IDS:
                        by_hook[CREATE].append(_candidate(CREATE, file, scope, node, score, facts))
    return tuple(candidate for listed in by_hook.values() for candidate in _best(listed))


def _best(found: list[Candidate]) -> list[Candidate]:
    """The first few; those far behind the first are left out."""
    ranked = sorted(found, key=lambda c: (-c.score, c.path, c.line))
    near = [c for c in ranked if c.score > ranked[0].score / 3]
    # A third method of one class tells a reader less than the first of another.
    places: Counter[tuple[str, str]] = Counter()
    first: list[Candidate] = []
    others: list[Candidate] = []
    for candidate in near:
        place = (candidate.path, candidate.name.rpartition(".")[0])
        places[place] += 1
        (first if places[place] <= OF_ONE_PLACE else others).append(candidate)
    chosen = [*first, *others][:PER_HOOK]
    return sorted(chosen, key=lambda c: (-c.score, c.path, c.line))


def _score(words: Words, facts: Facts) -> float:
    name, near = facts.name.lower(), facts.near
    speaks, vague, typed = (
        bool(pattern) and re.search(pattern, name) is not None
        for pattern in (words.name, words.vague, words.typed)
    )
    # A method says what it does together with its class, and one that is called, by it alone.
    speaks = speaks or bool(words.name and re.search(words.name, facts.spelled))
    vague = vague or bool(
        name == "__call__" and words.vague and re.search(words.vague, facts.spelled)
    )
    speaks = speaks or _shaped(words, facts, vague)
    if not (speaks or vague or typed) or any(word in name for word in words.never):
        return 0.0
    around = sum(word in near for word in words.around)
    named = facts.parameters
    parameters = sum(
        any(word == p or (len(word) > 2 and word in p) for p in named) for word in words.parameters
    )
    placed = around or _works(words, facts)
    if not speaks and not (placed and (vague or parameters)):
        return 0.0
    if words.caller and not speaks and not any(re.search(words.caller, c) for c in facts.callers):
        return 0.0
    against = 0.5 * name.startswith("_") + 0.5 * facts.abstract
    against += 2.0 * any(word in near for word in words.against)
    against += 2.0 * any(word in p for word in words.kept for p in named)
    against += 1.5 * bool(SHOWN.search(facts.path))
    against += 0.5 * bool(EXAMPLE.search(f"{facts.scope} {facts.path}"))
    return max(0.0, 1.0 + around + 0.5 * parameters + _behaves(words, facts) - against)


def _shaped(words: Words, facts: Facts, vague: bool) -> bool:
    """What it takes tells it, beside what it gives or a name that says nothing alone."""
    takes = all(any(re.search(t, p) for p in facts.parameters) for t in words.takes)
    gives = bool(words.gives) and re.search(words.gives, facts.gives) is not None
    return bool(words.takes) and takes and (vague or gives)


def _works(words: Words, facts: Facts) -> bool:
    """What it gives and what it calls tell together what no name around it does."""
    gives = bool(words.gives) and re.search(words.gives, facts.gives) is not None
    return gives and any(re.search(words.works, c) for c in facts.calls if words.works)


def _behaves(words: Words, facts: Facts) -> float:
    """What the signature, the body and the callers say for it."""
    gives = bool(words.gives) and re.search(words.gives, facts.gives) is not None
    calls = bool(words.calls) and any(re.search(words.calls, c) for c in facts.calls)
    return 0.5 * gives + 0.5 * calls + 0.4 * min(len(facts.callers), 3)


def _inner_networks(tree: ast.Module) -> frozenset[str]:
    """Classes that other classes with a ``forward`` of the same file are made of."""
    networks = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
        and any(isinstance(f, ast.FunctionDef) and f.name == "forward" for f in node.body)
    ]
    names = {node.name for node in networks}
    return frozenset(
        call.func.id
        for node in networks
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id in names - {node.name}
    )


def _candidate(
    hook: str,
    file: SourceFile,
    scope: str,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    score: float,
    facts: Facts,
) -> Candidate:
    used = min(facts.fan_in, 20) / 40
    return Candidate(
        hook,
        file.path,
        node.lineno,
        f"{scope}.{node.name}" if scope else node.name,
        f"({ast.unparse(node.args)})",
        round(score + used, 3),
    )


def _functions(
    node: ast.AST, scope: str = ""
) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield scope, child
        elif isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{scope}.{child.name}" if scope else child.name)
        elif isinstance(child, ast.If | ast.Try):
            yield from _functions(child, scope)
