"""Which functions of a repository could stand behind which hook, by what they are called.

A candidate is a guess from names: of the function, of its class and module, and of its
parameters.  Nothing is imported.  The words below are the field's, not those of any repository.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from audit_lib.subject.source import SourceFile

PER_HOOK = 3
TESTS = re.compile(
    r"(^|/)(tests?|testing|examples?|docs?|notebooks?|scripts?)(/|$)|(^|/)(test_|conftest)"
)


@dataclass(frozen=True)
class Words:
    """Words that speak for a hook.

    Attributes:
        name: regular expression that the function's name must match.
        around: words in class, module or folder names that speak for it.
        parameters: words in parameter names that speak for it.
        vague: the name alone says nothing (``predict``, ``save``), so one of ``around`` must too.
    """

    name: str
    around: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    vague: bool = False


WORDS: dict[str, Words] = {
    "features.build": Words(
        r"(build|compute|make|create|generate|extract|populate|add|engineer|calculate)\w*"
        r"(feature|indicator|factor)|feature_engineering|^transform_features?$|populate_any_indicators",
        ("feature", "indicator", "pipeline", "factor", "handler"),
        ("df", "data", "frame", "prices", "ohlcv", "panel", "bars"),
    ),
    "features.policy": Words(
        r"feature_(type|policy|metadata|schema)", ("feature",), ("feature", "name"), vague=True
    ),
    "targets.build": Words(
        r"(build|compute|make|create|set|get|generate|add)_?\w*(target|label)|forward_returns?|triple_barrier",
        ("target", "label"),
        ("df", "close", "prices", "horizon", "data"),
    ),
    "splits.folds": Words(
        r"(purged|walk_forward|time_series|date|expanding|rolling)\w*(split|fold)|^split$|"
        r"make_folds|train_test_split|generate_folds|rolling_split",
        ("split", "fold", "walk_forward", "cross_validation", "cv", "rolling", "kitchen"),
        ("dates", "n_splits", "n_folds", "purge", "embargo", "x"),
        vague=True,
    ),
    "predictor.predict": Words(
        r"^(predict|predict_proba|score|infer|inference|make_predictions?)$",
        ("predict", "model", "infer", "ensemble", "forecast"),
        ("x", "features", "dataset", "df", "data"),
        vague=True,
    ),
    "decisions.backtest": Words(
        r"(generate|get|make|compute|build)\w*(order|signal|decision|position|trade)|position_siz",
        ("backtest", "strategy", "simulat", "portfolio", "rule"),
        ("prediction", "signal", "score", "features"),
        vague=True,
    ),
    "decisions.live": Words(
        r"(generate|place|submit|make|create|execute)\w*(order|signal|decision|trade)",
        ("live", "paper", "broker", "trader", "execution"),
        ("prediction", "signal", "features"),
        vague=True,
    ),
    "registry.resolve": Words(
        r"(get|load|resolve|find|select)\w*(version|champion|latest|model_dir|recorder)|^load_model$",
        ("registry", "version", "store", "recorder", "drawer", "repository"),
        ("version", "version_id", "name", "horizon"),
        vague=True,
    ),
    "registry.register": Words(
        r"(register|publish|add|save)\w*(version|model)|^register$",
        ("registry", "version", "store", "recorder", "drawer"),
        ("version", "model", "metrics"),
        vague=True,
    ),
    "registry.versions": Words(
        r"(list|get_all|all)_?(version|model|recorder)s?", ("registry", "version"), vague=True
    ),
    "governance.promote": Words(
        r"promot|champion|challenger|evaluate_and_update|should_replace",
        ("govern", "champion", "promotion"),
        ("metrics", "score", "challenger", "candidate"),
    ),
    "retrain.decide": Words(
        r"(should|check|needs?|is)_?\w*(retrain|expired|stale)|retrain_(needed|required|trigger)|"
        r"check_if_\w*expired|^check(_triggers?)?$",
        ("retrain", "trigger", "monitor", "schedule"),
        ("days", "drift", "psi", "metrics", "timestamp"),
        vague=True,
    ),
    "drift.psi": Words(
        r"(^|_)psi($|_)|population_stability", ("drift", "shift", "stability", "monitor")
    ),
    "drift.cusum": Words(r"cusum|page_hinkley", ("drift", "shift", "change"), ("errors", "series")),
    "calibration.fit_apply": Words(
        r"^(fit|calibrate|fit_transform|fit_calibrat\w*)$",
        ("calibrat", "platt", "isotonic"),
        vague=True,
    ),
    "conformal.interval": Words(
        r"(predict_|prediction_|conformal_)?intervals?(_batch)?$|^conformal",
        ("conformal", "interval", "uncertainty"),
        ("alpha", "coverage", "prediction", "residual"),
        vague=True,
    ),
    "pricing.price": Words(
        r"black_scholes|bs_price|^price$|option_price",
        ("black", "scholes", "option", "pricing", "heston", "bsm"),
        ("strike", "sigma", "vol", "k", "s", "t"),
        vague=True,
    ),
    "pricing.implied_volatility": Words(
        r"implied_vol|^iv$|calc_iv", ("option", "black", "iv", "vol")
    ),
    "pricing.total_variance": Words(
        r"total_variance|svi|w_svi", ("svi", "surface", "iv", "variance")
    ),
    "neural.forward": Words(
        r"^forward$", ("net", "mlp", "lstm", "transformer", "nn", "torch"), vague=True
    ),
    "online.run": Words(
        r"^(partial_fit|learn_one|online_update|update_online)$|^update$",
        ("online", "incremental", "rolling_online"),
        vague=True,
    ),
    "checkpoint_io.round_trip": Words(
        r"^(save|load|dump|to_pickle|from_dict|load_state)$|save_(model|checkpoint)|load_(model|checkpoint)",
        ("model", "checkpoint", "serial", "ensemble", "drawer"),
        vague=True,
    ),
}


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


def candidates(files: Iterable[SourceFile], fan_in: dict[str, int]) -> tuple[Candidate, ...]:
    """The best few candidates of every hook, best first.

    Args:
        files: sources to look through; tests and examples among them are passed over.
        fan_in: how many files import a file, by its path; breaks ties.
    """
    found: dict[str, list[Candidate]] = {hook: [] for hook in WORDS}
    for file in files:
        if file.tree is None or TESTS.search(file.path):
            continue
        for scope, node in _functions(file.tree):
            for hook, words in WORDS.items():
                score = _score(words, file.path, scope, node)
                if score > 0:
                    found[hook].append(_candidate(hook, file, scope, node, score, fan_in))
    return tuple(
        candidate
        for hook in WORDS
        for candidate in sorted(found[hook], key=lambda c: (-c.score, c.path, c.line))[:PER_HOOK]
    )


def _score(
    words: Words, path: str, scope: str, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> float:
    if not re.search(words.name, node.name, re.IGNORECASE):
        return 0.0
    near = f"{scope} {path}".lower()
    around = sum(word in near for word in words.around)
    named = {
        a.arg.lower() for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    }
    parameters = sum(
        any(word == p or (len(word) > 2 and word in p) for p in named) for word in words.parameters
    )
    if words.vague and not around:
        return 0.0
    private = 0.5 if node.name.startswith("_") else 0.0
    return 1.0 + around + 0.5 * parameters - private - 0.5 * _is_abstract(node)


def _is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for bodies that only raise, pass or document."""
    body = [
        s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
    return all(isinstance(s, ast.Raise | ast.Pass) for s in body)


def _candidate(
    hook: str,
    file: SourceFile,
    scope: str,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    score: float,
    fan_in: dict[str, int],
) -> Candidate:
    used = min(fan_in.get(file.path, 0), 20) / 40
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
