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
#: score of a block of a larger network; it is shown where there is no network
INNER = 0.25
TESTS = re.compile(
    r"(^|/)(tests?|testing|examples?|docs?|notebooks?|scripts?)(/|$)|(^|/)(test_|conftest)"
)


@dataclass(frozen=True)
class Words:
    """Words that speak for a hook.

    Attributes:
        name: names of functions that say it by themselves, as a regular expression.
        vague: names that say nothing alone (``predict``, ``save``): one of ``around`` must too.
        typed: vaguer still (``update``): a parameter must tell besides.
        around: words in class, module or folder names that speak for it.
        parameters: words in parameter names that speak for it.
        never: words in the function's name that rule it out.
        against: words in class, module or folder names that speak against it.
        kept: words in parameter names of functions that look up what others made.
    """

    name: str = ""
    vague: str = ""
    typed: str = ""
    around: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()


#: files of packagers, which speak of versions and mean their own
PACKAGING = re.compile(r"(^|/)(_?version|versioneer|setup)\.py$")

#: at most two words between the verb and what it makes
_GAP = r"(_[a-z0-9]+){0,2}_?"

WORDS: dict[str, Words] = {
    "features.build": Words(
        rf"(build|compute|make|create|generate|extract|populate|add|engineer|calculate){_GAP}"
        r"(feature|indicator|factor)|feature_engineering|^transform_features?$|"
        r"^get_(features?|factors?)(_config|_frame)?$",
        vague=r"^compute$",
        around=("feature", "indicator", "pipeline", "factor", "handler"),
        parameters=("df", "data", "frame", "prices", "ohlcv", "panel", "bars"),
    ),
    "features.policy": Words(
        vague=r"feature_(type|policy|metadata|schema)",
        around=("feature",),
        parameters=("feature", "name"),
    ),
    "targets.build": Words(
        rf"(build|compute|make|create|set|get|generate|add){_GAP}(targets?|labels?)(_|$)|"
        r"forward_returns?|triple_barrier",
        vague=r"^[a-z]{2,}(_[a-z]{2,}){0,2}_labels(_apply)?$",
        around=("target", "label", "handler", "dataset"),
        parameters=("df", "close", "prices", "horizon", "data"),
        never=(
            "position",
            "weight",
            "amount",
            "order",
            "portfolio",
            "price",
            "stake",
            "encod",
            "plot",
        ),
    ),
    "splits.folds": Words(
        r"(purged|walk_forward|time_series|combinatorial)\w*(split|fold)|train_test_(split|data)",
        vague=r"(date|data|expanding|rolling)\w*(split|fold)|^split$|"
        r"split_(data|time|date|period|range)|"
        r"make_folds|generate_folds|rolling_split",
        around=(
            "split",
            "fold",
            "walk_forward",
            "cross_validation",
            "cv",
            "rolling",
            "kitchen",
            "process",
        ),
        parameters=("dates", "n_splits", "n_folds", "purge", "embargo", "x", "train"),
    ),
    "predictor.predict": Words(
        vague=r"^(predict|predict_proba|score|infer|inference|make_predictions?)$|"
        r"^[a-z]{1,8}_prediction$",
        around=("predict", "model", "infer", "ensemble", "forecast"),
        parameters=("x", "features", "dataset", "df", "data"),
        never=("save", "load", "get_", "set_", "append", "plot", "check"),
    ),
    "decisions.backtest": Words(
        vague=r"(generate|get|make|compute|build)\w*(order|signal|decision|position|trade)(s|$)|"
        r"position_siz|^from_(signals|predictions)$",
        around=("backtest", "strategy", "simulat", "portfolio", "rule"),
        parameters=("prediction", "signal", "score", "features"),
        kept=("records",),
    ),
    "decisions.live": Words(
        vague=r"(generate|place|submit|make|create|execute)\w*(order|signal|decision|trade)(s|$)",
        around=("live", "paper", "broker", "trader", "execution", "bot "),
        parameters=("prediction", "signal", "features"),
        against=("simulat", "backtest", "/rl/", "/gym", "backtrad"),
    ),
    "registry.resolve": Words(
        vague=r"(get|load|resolve|find|select)\w*(version|champion|latest|model_dir|recorder)|"
        r"^load_model$",
        around=("registry", "version", "store", "recorder", "drawer", "repository"),
        parameters=("version", "version_id", "name", "horizon"),
    ),
    "registry.register": Words(
        vague=r"(register|publish|add|save)\w*(version|model)",
        typed=r"^register$",
        around=("registry", "version", "store", "recorder", "drawer"),
        parameters=("version", "model", "metrics"),
    ),
    "registry.versions": Words(
        vague=r"(list|get_all|all)_?(version|model|recorder)s?", around=("registry", "version")
    ),
    "governance.promote": Words(
        r"promot|champion|challenger|evaluate_and_update|should_replace",
        around=("govern", "champion", "promotion"),
        parameters=("metrics", "score", "challenger", "candidate"),
    ),
    "governance.admits": Words(
        r"(pass|check|apply|meet|satisf)\w*_(gate|threshold|criteria|promotion|quality)s?|"
        r"(quality|promotion|release|acceptance)_gates?",
        vague=r"^(evaluate|admits?|accepts?|is_acceptable|validate)$",
        around=("gate", "promotion", "acceptance", "quality"),
        parameters=("metrics", "score", "thresholds", "result"),
    ),
    "retrain.decide": Words(
        r"(should|check|needs?|is|must)\w*_re_?train|re_?train\w*(needed|required|trigger|due)|"
        r"new_training_(needed|required|due)|check\w*model_(expired|stale|outdated)",
        vague=r"(check|is)_?\w*(expired|stale)|^check(_triggers?)?$",
        around=("retrain", "trigger", "monitor", "schedule"),
        parameters=("days", "drift", "psi", "metrics", "timestamp"),
    ),
    "drift.psi": Words(
        r"population_stability|(compute|calc|calculate|get)_psi|psi_(score|index|value)",
        vague=r"(^|_)psi($|_)",  # in other places it is the influence function of a norm
        around=("drift", "shift", "population", "monitor"),
    ),
    "drift.cusum": Words(
        r"cusum_(test|detect|statistic|alarm|change)|detect\w*cusum|page_hinkley",
        vague="cusum",  # in other places it is a cumulative sum
        around=("drift", "shift", "change", "monitor", "detect"),
        parameters=("errors", "series", "threshold"),
    ),
    "calibration.fit_apply": Words(
        vague=r"^(fit|calibrate|fit_transform|fit_calibrat\w*)$",
        around=("calibrat", "platt", "isotonic"),
    ),
    "conformal.interval": Words(
        vague=r"(predict_|prediction_|conformal_)?intervals?(_batch)?$|^conformal",
        around=("conformal", "interval", "uncertainty"),
        parameters=("alpha", "coverage", "prediction", "residual"),
    ),
    "pricing.price": Words(
        vague=r"black_scholes|bs_price|^price$|option_price",
        around=("black", "scholes", "option", "pricing", "heston", "bsm"),
        parameters=("strike", "sigma", "vol", "k", "s", "t"),
    ),
    "pricing.implied_volatility": Words(
        r"implied_vol|^iv$|calc_iv", around=("option", "black", "iv", "vol")
    ),
    "pricing.total_variance": Words(
        r"total_variance|svi|w_svi", around=("svi", "surface", "iv", "variance")
    ),
    "neural.forward": Words(
        vague=r"^forward$", around=("net", "mlp", "lstm", "transformer", "nn", "torch")
    ),
    "online.run": Words(
        r"^(partial_fit|learn_one|online_update|update_online)$",
        typed=r"^update$",
        around=("online", "incremental"),
        parameters=("x", "y", "row", "sample", "observation", "residual", "error", "label"),
    ),
    "checkpoint_io.round_trip": Words(
        vague=r"^(save|load|dump|to_pickle|from_dict|load_state)$|(save|load)_(model|checkpoint)",
        around=("model", "checkpoint", "serial", "ensemble", "drawer"),
    ),
}

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


def candidates(files: Iterable[SourceFile], fan_in: dict[str, int]) -> tuple[Candidate, ...]:
    """The best few candidates of every hook, best first.

    Args:
        files: sources to look through; tests and examples among them are passed over.
        fan_in: how many files import a file, by its path; breaks ties.
    """
    found: dict[str, list[Candidate]] = {hook: [] for hook in WORDS}
    for file in files:
        if file.tree is None or TESTS.search(file.path) or PACKAGING.search(file.path):
            continue
        inner = _inner_networks(file.tree)
        for scope, node in _functions(file.tree):
            for hook, words in WORDS.items():
                score = _score(words, file.path, scope, node)
                if hook == "neural.forward" and scope.rpartition(".")[2] in inner:
                    score = min(score, INNER)
                if score > 0:
                    found[hook].append(_candidate(hook, file, scope, node, score, fan_in))
    return tuple(candidate for hook in WORDS for candidate in _best(found[hook]))


def _best(found: list[Candidate]) -> list[Candidate]:
    """The first few; those far behind the first are left out."""
    ranked = sorted(found, key=lambda c: (-c.score, c.path, c.line))
    return [c for c in ranked[:PER_HOOK] if c.score > ranked[0].score / 3]


def _score(
    words: Words, path: str, scope: str, node: ast.FunctionDef | ast.AsyncFunctionDef
) -> float:
    name = node.name.lower()
    said, vague, typed = (
        bool(pattern) and re.search(pattern, name) is not None
        for pattern in (words.name, words.vague, words.typed)
    )
    if not (said or vague or typed) or any(word in name for word in words.never):
        return 0.0
    near = f"{scope} {path}".lower()
    around = sum(word in near for word in words.around)
    named = {
        a.arg.lower() for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    }
    parameters = sum(
        any(word == p or (len(word) > 2 and word in p) for p in named) for word in words.parameters
    )
    if not said and not (around and (vague or parameters)):
        return 0.0
    against = 0.5 * name.startswith("_") + 0.5 * _is_abstract(node)
    against += 2.0 * any(word in near for word in words.against)
    against += 2.0 * any(word in p for word in words.kept for p in named)
    against += 1.5 * bool(SHOWN.search(path)) + 0.5 * bool(EXAMPLE.search(f"{scope} {path}"))
    return max(0.0, 1.0 + around + 0.5 * parameters - against)


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


def _is_abstract(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """True for bodies that only raise, pass, document, or hand a parameter back."""
    body = [
        s for s in node.body if not (isinstance(s, ast.Expr) and isinstance(s.value, ast.Constant))
    ]
    return all(
        isinstance(s, ast.Raise | ast.Pass)
        or (isinstance(s, ast.Return) and isinstance(s.value, ast.Name | ast.Constant | None))
        for s in body
    )


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
