"""The words of the field that speak for a hook, and those that speak against it."""

from __future__ import annotations

from dataclasses import dataclass


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
        gives: what the function returns, as annotated; ``yields`` for a generator.
        calls: what its body calls, as a regular expression over names.
        works: what its body calls that tells, with what it gives, as much as ``around``.
        caller: files or functions that call it; without such a caller ``vague`` says nothing.
    """

    name: str = ""
    vague: str = ""
    typed: str = ""
    around: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    never: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    gives: str = ""
    calls: str = ""
    works: str = ""
    caller: str = ""


#: at most two words between the verb and what it makes
_GAP = r"(_[a-z0-9]+){0,2}_?"

_FEATURES = r"(features?|indicators?|factors?)"
_ORDERS = r"(orders?|signals?|decisions?|positions?|trades?|sides?|targets?_positions?)"
_PAST = r"(backtest|backtesting|historical|simulated|simulation|research|offline|training)"
_NOW = r"(live|paper|online|serving|inference|real_?time|streaming|production)"


def _either(purpose: str, what: str) -> str:
    """Names that say both: ``live_features``, ``features_for_live``, ``compute_live_features``."""
    return rf"(^|_){purpose}_(\w+_)?{what}$|(^|_){what}_(\w+_)?{purpose}$"


_TABLE = r"DataFrame|Series|Frame|ndarray|NDArray|Floats"
_MAKES_FEATURES = r"^(compute|transform|build|make|prepare|calculate|table|features?)(_\w+)?$"
_FEATURES_NEAR = ("feature", "indicator", "pipeline", "factor", "handler")
_DECIDES = (
    r"(generate|get|make|compute|build)\w*(order|signal|decision|position|trade)(s|$)|"
    r"position_siz|^from_(signals|predictions)$|^(decide|interpret|simulate|rebalance)\w*$|"
    r"^backtest$|^run(_(backtest|cycle|simulation))?$|(^|_)(decider|interpreter|rebalancer|allocator|sizer)$"
)
_LIVE = r"(^|[/_.])(live|paper|auto\w*|serv\w*|trade\w*|bot|predict\w*|infer\w*|online)"

#: what keeps versions where nothing is called a registry
_KEEPERS = ("vault", "catalog", "archive", "repository", "hub")

WORDS: dict[str, Words] = {
    "features.panel": Words(
        r"(load|read|fetch|download)_?(\w+_)?(panel|prices|bars|ohlcv|candles|history|universe)$",
        vague=r"^(load|read|fetch|download)\w*$|^(to_)?(panel|bars|prices|history)$",
        around=("data", "panel", "provider", "loader", "cache", "feed", "market", "price"),
        parameters=("symbol", "ticker", "start", "end", "universe", "timeframe", "asset", "pair"),
        against=("config", "model", "plot", "/ui", "rpc"),
        gives=_TABLE,
    ),
    "features.build": Words(
        rf"(build|compute|make|create|generate|extract|populate|add|engineer|calculate){_GAP}"
        r"(feature|indicator|factor)|feature_engineering|^transform_features?$|"
        r"^get_(features?|factors?)(_config|_frame)?$",
        vague=_MAKES_FEATURES,
        works=r"^(rolling|ewm|pct_change|expanding)$",
        around=_FEATURES_NEAR,
        parameters=("df", "data", "frame", "prices", "ohlcv", "panel", "bars"),
        gives=_TABLE,
    ),
    "features.build_backtest": Words(
        r"(build|compute|make|prepare|create)_?(\w+_)?(backtest|training|research)$|"
        + _either(_PAST, _FEATURES),
        vague=_MAKES_FEATURES,
        around=_FEATURES_NEAR,
        parameters=("df", "data", "frame", "prices", "ohlcv", "panel", "bars"),
        gives=_TABLE,
        caller="backtest|simulat|evaluat",
    ),
    "features.build_live": Words(
        r"(build|compute|make|prepare|create)_?(\w+_)?(live|online|serving|inference)$|"
        + _either(_NOW, _FEATURES),
        vague=_MAKES_FEATURES,
        around=_FEATURES_NEAR,
        parameters=("df", "data", "frame", "prices", "ohlcv", "panel", "bars"),
        gives=_TABLE,
        caller=_LIVE,
    ),
    "features.scale": Words(
        r"(scale|normali[sz]e|standardi[sz]e)_(features?|inputs?)$",
        parameters=("df", "x", "features", "frame"),
        gives=_TABLE,
    ),
    "features.fills": Words(
        r"(neutral|fill|default|imputation)_(values?|features?|medians?)$|^feature_(fills|medians)$",
        around=("feature", "imput", "fill"),
        never=("fit", "plot", "order", "price"),
    ),
    "features.policy": Words(
        vague=r"feature_(type|policy|metadata|schema)|^polic(y|ies)$",
        around=("feature",),
        parameters=("feature", "name"),
    ),
    "targets.build": Words(
        rf"(build|compute|make|create|set|get|generate|add){_GAP}(targets?|labels?)(_|$)|"
        r"forward_returns?|triple_barrier",
        vague=r"^[a-z]{2,}(_[a-z]{2,}){0,2}_labels(_apply)?$|^(label|table|build|make|compute)$",
        around=("target", "label", "handler", "dataset", "barrier"),
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
    "targets.preconditions": Words(
        r"(enforce|ensure|validate|check|verify)_?(\w+_)?(preconditions?|execution_contract)",
        around=("precondition", "contract", "validation"),
    ),
    "splits.folds": Words(
        r"(purged|walk_forward|time_series|combinatorial)\w*(split|fold)|train_test_(split|data)",
        vague=r"(date|data|expanding|rolling)\w*(split|fold)|^(split|folds?|rows|indices)$|"
        r"^(walk_forward|purged|expanding|blocks)$|"
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
        parameters=("dates", "n_splits", "n_folds", "purge", "embargo", "x", "train", "panel"),
        gives=r"Iterator|Generator|(list|List|Sequence)\[(tuple|Tuple|Fold)|yields",
    ),
    "splits.independent": Words(
        r"(independent|non_?overlapping)_(dates?|samples?|rows?|observations?)|"
        r"(dates?|samples?|rows?)_(independent|non_?overlapping)",
        parameters=("dates", "horizon", "panel", "index"),
    ),
    "predictor.predict": Words(
        vague=r"^(predict|predict_proba|score|infer|inference|make_predictions?)$|"
        r"^[a-z]{1,8}_prediction$",
        around=("predict", "model", "infer", "ensemble", "forecast"),
        parameters=("x", "features", "dataset", "df", "data"),
        never=("save", "load", "get_", "set_", "append", "plot", "check"),
    ),
    "decisions.backtest": Words(
        _either(_PAST, _ORDERS),
        vague=_DECIDES,
        around=(
            "backtest",
            "strategy",
            "simulat",
            "portfolio",
            "rule",
            "decid",
            "decision",
            "policy",
            "spread",
        ),
        parameters=("prediction", "forecast", "signal", "score", "features", "heads"),
        against=("api/", "service", "null", "baseline", "live", "paper", "train", "trigger"),
        kept=("records",),
        calls=r"predict|position|signal|order|size|threshold|interpret",
    ),
    "decisions.live": Words(
        _either(_NOW, _ORDERS),
        vague=r"(generate|place|submit|make|create|execute)\w*(order|signal|decision|trade)(s|$)|"
        r"^on_(bar|row|tick|close|data|features)$|^orders?$|" + _DECIDES,
        around=("live", "paper", "broker", "trader", "execution", "bot ", "autopilot", "desk"),
        parameters=("prediction", "forecast", "signal", "features"),
        against=("simulat", "backtest", "/rl/", "/gym", "backtrad"),
        calls=r"predict|position|signal|order|size|threshold|interpret",
    ),
    "decisions.rules_backtest": Words(
        vague=r"^(interpret|apply_(rules|gates)|rules?|size_positions?)$",
        typed=_DECIDES,
        around=("backtest", "simulat", "rule"),
        parameters=("prediction", "forecast", "signal", "score"),
        against=("api/", "service", "null", "baseline", "live", "paper"),
        calls=r"position|signal|order|size|threshold|gate|rule",
    ),
    "decisions.rules_live": Words(
        vague=r"^(interpret|apply_(rules|gates)|rules?)$",
        typed=_DECIDES,
        around=("live", "paper", "trader", "bot ", "autopilot"),
        parameters=("prediction", "forecast", "signal", "score"),
        against=("simulat", "backtest", "/rl/", "/gym", "backtrad"),
        calls=r"position|signal|order|size|threshold|gate|rule",
    ),
    "registry.resolve": Words(
        vague=r"(get|load|resolve|find|select)\w*(version|champion|latest|model_dir|recorder)|"
        r"^(load_model|resolve)$",
        around=("registry", "version", "store", "recorder", "drawer", "predict", *_KEEPERS),
        parameters=("version", "version_id", "name", "horizon"),
    ),
    "decisions.settle": Words(
        r"(^|_)(calc\w*|compute|realized|realised|settle|close)_?(\w+_)?(pnl|profit|proceeds)$|"
        r"^(pnl|profit_and_loss|settle|close_trade_profit)$",
        vague=r"(^|_)(calc_profit|profit|pnl)(_\w+)?$",
        around=("trade", "position", "account", "ledger", "broker", "persistence"),
        parameters=("entry", "exit", "rate", "price", "quantity", "size", "side", "fee"),
        never=("plot", "daily", "report"),
    ),
    "registry.register": Words(
        vague=r"(register|publish|add|save)\w*(version|model)|^publish$",
        typed=r"^(register|create)$",
        around=("registry", "version", "store", "recorder", "drawer", *_KEEPERS),
        parameters=("version", "model", "metrics"),
    ),
    "registry.versions": Words(
        vague=r"(list|get_all|all)_?(version|model|recorder)s?|^(versions|list|ids)$",
        around=("registry", "version", *_KEEPERS),
    ),
    "registry.promote": Words(
        r"(seat|crown|set|make|promote)_(the_)?champion$|promote_(version|model|to_champion)",
        vague=r"^(promote|seat|crown)$",
        around=("registry", "version", "store", *_KEEPERS),
        parameters=("version", "version_id", "name", "model"),
        never=("get_",),
    ),
    "registry.rollback": Words(
        r"roll_?back(_(version|model|champion))?$|(restore|revert)_(to_)?(previous|champion)",
        vague=r"^(step_back|revert|demote)$",
        around=("registry", "version", "store", "champion", *_KEEPERS),
    ),
    "registry.prune": Words(
        r"(prune|clean_?up|purge|delete|remove)_(old_)?(versions|models|checkpoints|artifacts)",
        vague=r"^(prune|retain|clean_?up|apply_retention|retention|collect_garbage)$",
        around=("registry", "version", "store", *_KEEPERS),
        parameters=("keep", "retention", "max_versions", "newest"),
    ),
    "governance.promote": Words(
        r"promot|champion|challenger|evaluate_and_update|should_replace",
        vague=r"^(is_)?better(_than)?$|"
        r"^(beats|improves|replaces|supersedes|outperforms|displaces|dethrones|prefers)(_\w+)?$",
        around=(
            "govern",
            "champion",
            "promotion",
            "registry",
            "versions",
            "model_store",
            "council",
        ),
        parameters=("metrics", "score", "challenger", "candidate", "new", "old", "incumbent"),
    ),
    "governance.enter": Words(
        r"(run|stand)_for_(champion|election)|(enter|submit|propose)_(challenger|candidate)",
        vague=r"^(enter|contest|challenge|propose|hear|consider)$",
        around=("govern", "champion", "promotion", "council", "committee"),
        parameters=("version", "metrics", "challenger", "candidate", *_KEEPERS),
    ),
    "governance.admits": Words(
        r"(pass|check|apply|meet|satisf)\w*_(gate|threshold|criteria|promotion|quality)s?|"
        r"(quality|promotion|release|acceptance)_gates?",
        vague=r"^(evaluate|admits?|accepts?|is_acceptable|validate|objections|shortfalls)$",
        around=("gate", "promotion", "acceptance", "quality", "govern", "council"),
        parameters=("metrics", "score", "thresholds", "result"),
    ),
    "retrain.decide": Words(
        r"(should|check|needs?|is|must)\w*_re_?train|re_?train\w*(needed|required|trigger|due)|"
        r"new_training_(needed|required|due)|_to_retrain$|check\w*model_(expired|stale|outdated)",
        vague=r"(check|is)_?\w*(expired|stale)|^check(_\w+)?$|^decide$",
        around=("retrain", "trigger", "monitor", "schedule"),
        parameters=("days", "drift", "psi", "metrics", "timestamp"),
    ),
    "retrain.train": Words(
        rf"^(train|fit|retrain){_GAP}(model|ensemble|models|predictor|estimator|pipeline)s?$|"
        r"^run_training$",
        vague=r"^(train|fit|retrain|learn)$",
        around=("train", "learner", "model"),
        calls=r"^(fit|partial_fit|save|publish|register|train)|_fit|fold|split",
        parameters=("features", "x_train", "labels", "target", "y", "dataset", "df", "data"),
        against=("layer", "loss", "network", "scaler", "transformer", "wrapper"),
    ),
    "drift.psi": Words(
        r"population_stability|(compute|calc|calculate|get)_psi|psi_(score|index|value)",
        vague=r"(^|_)psi($|_)",  # in other places it is the influence function of a norm
        around=("drift", "shift", "population", "monitor"),
    ),
    "drift.cusum": Words(
        r"cusum_\w*(test|detect|statistic|alarm|change)|detect\w*cusum|page_hinkley",
        vague="cusum",  # in other places it is a cumulative sum
        around=("drift", "shift", "change", "monitor", "detect", "surveil"),
        parameters=("errors", "series", "threshold"),
    ),
    "drift.shifted": Words(
        r"(detect|check|find|has|feature)s?_(\w+_)?(drift|shift)(ed|s)?$|"
        r"(drifted|shifted)(_(features|columns))?$",
        around=("drift", "shift", "monitor", "surveil"),
        parameters=("reference", "current", "baseline", "live", "recent"),
        never=("cusum", "psi", "retrain", "plot"),
    ),
    "calibration.fit_apply": Words(
        vague=r"^(fit|calibrate|fit_transform|fit_calibrat\w*)$",
        around=("calibrat", "platt", "isotonic"),
    ),
    "calibration.served": Words(
        r"(^|_)calibrate(d|_\w+)?$",
        vague=r"^(apply|transform|predict|predict_proba)$",
        around=("calibrat",),
        against=("heston", "svi", "option", "pricing", "surface"),
        parameters=("score", "confidence", "raw", "proba", "prediction"),
        never=("fit", "error", "save", "load", "compute", "plot"),
        gives=_TABLE,
    ),
    "calibration.measures": Words(
        r"calibration_error|brier(_score)?$|(^|_)(ece|mce)(_|$)|reliability_(table|diagram|score)",
        parameters=("score", "prob", "outcome", "confidence", "y_true", "label"),
        never=("plot", "log_", "assert"),
    ),
    "conformal.coverage": Words(
        r"(empirical|interval|actual|measured|evaluate|realized)_coverage|coverage_(rate|of)",
        vague=r"^(coverage|evaluate_coverage)$",
        around=("conformal", "interval", "uncertainty"),
        parameters=("lower", "upper", "interval", "actual", "outcome"),
    ),
    "conformal.interval": Words(
        vague=r"(predict_|prediction_|conformal_)?intervals?(_batch)?$|^conformal|"
        r"half_?width|(^|_)bands?(_|$)",
        around=("conformal", "interval", "uncertainty", "band"),
        parameters=("alpha", "coverage", "prediction", "residual"),
    ),
    "conformal.scaled_interval": Words(
        r"(scaled|normali[sz]ed|adaptive)_(\w+_)?(intervals?|bands?|conformal)",
        vague=r"^(around|intervals?|bands?)$",
        around=("scaledband", "scaled_", "normalized", "adaptive"),
        parameters=("scale", "alpha", "sigma", "vol"),
    ),
    "pricing.price": Words(
        vague=r"black_(scholes|76)|bs_price|^price$|option_price|^(heston|bachelier|merton|sabr)$",
        around=("black", "scholes", "option", "pricing", "heston", "bsm"),
        parameters=("strike", "sigma", "vol", "k", "s", "t"),
    ),
    "pricing.greeks": Words(r"(^|_)greeks$", parameters=("strike", "sigma", "vol", "k", "s", "t")),
    "pricing.implied_volatility": Words(
        r"implied_vol|^iv$|calc_iv",
        vague=r"^implied$",
        around=("option", "black", "iv", "vol", "pricing"),
    ),
    "pricing.fit": Words(
        r"fit_(svi|ssvi|sabr|surface|smile|slice)|(svi|smile|surface|slice)_fit$",
        around=("svi", "surface", "smile", "slice"),
        parameters=("quotes", "strikes", "k", "w", "iv"),
    ),
    "pricing.total_variance": Words(
        r"total_variance|svi|w_svi", around=("svi", "surface", "iv", "variance")
    ),
    "neural.forward": Words(
        vague=r"^forward$", around=("net", "mlp", "lstm", "transformer", "nn", "torch")
    ),
    "neural.load": Words(
        r"load_(state|weights)(_dict)?$|^from_(state|weights|arrays)(_dict)?$",
        around=("net", "mlp", "lstm", "transformer", "nn", "torch", "neural"),
        parameters=("state", "weights", "arrays"),
    ),
    "online.run": Words(
        r"^(partial_fit|learn_one|online_update|update_online)$",
        vague=r"^(learn|observe|add_sample|adjust_\w+)$",
        typed=r"^update$",
        around=("online", "incremental"),
        parameters=("x", "y", "row", "sample", "observation", "residual", "error", "label"),
    ),
    "online.feed": Words(
        r"(deliver|receive|on|settle|resolve)_(labels?|outcomes?)$",
        vague=r"^(hear|feed|settle|mature)$",
        around=("online", "incremental", "learner"),
        parameters=("labels", "label", "due", "now", "outcomes"),
    ),
    "checkpoint_io.round_trip": Words(
        vague=r"^_?(save|load|dump|to_pickle|from_dict|load_state)$|(save|load)_(model|checkpoint)",
        around=("model", "checkpoint", "serial", "ensemble", "drawer"),
    ),
}
