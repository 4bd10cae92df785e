"""How to try each hook: a table, those first that others need."""

import numpy as np
import pandas as pd

from audit_lib.probes.prediction.deliveries import deliveries
from audit_lib.probes.prediction.options import WAYS, sound_quotes, surface_history
from audit_lib.probes.tryouts import arguments as given
from audit_lib.probes.tryouts import judges
from audit_lib.probes.tryouts.trial import Trial

FRAME = "a frame on (some of) the rows that were given"
ARRAY = "an array, one number a row"

#: how to try each hook, those that others need first
TRIALS: dict[str, Trial] = {
    "features.panel": Trial(
        "a frame indexed by (asset, date), sorted, float columns, close among them",
        given.nothing,
        judges.is_panel,
    ),
    "features.sides": Trial("a mapping of table to frame", given.panel, judges.is_tables),
    "features.build": Trial(FRAME, given.panel, judges.is_frame),
    "features.build_backtest": Trial(FRAME, given.panel, judges.is_frame),
    "features.build_live": Trial(FRAME, given.panel, judges.is_frame),
    "features.policy": Trial("a mapping of feature to its policy", given.nothing, judges.is_policy),
    "features.modes": Trial("a mapping of mode to types", given.nothing, judges.is_lists),
    "features.admitted": Trial("some of the names", given.names, judges.is_among),
    "targets.build": Trial(FRAME, given.panel, judges.is_frame),
    "targets.ends": Trial("a frame of dates, a column a label", given.panel, judges.is_ends),
    "targets.declared": Trial(
        "a mapping of label to horizon", given.nothing, judges.is_kind(dict, "a mapping")
    ),
    "targets.preconditions": Trial(
        "holding, entry, price and kind, as far as they are fixed", given.nothing, judges.is_terms
    ),
    "splits.folds": Trial("a list of folds with row positions", given.panel, judges.is_folds),
    "splits.declared": Trial(
        "horizon, purge and embargo in bars",
        given.nothing,
        judges.has_keys("horizon", "purge", "embargo"),
    ),
    "splits.independent": Trial("dates of the panel", given.panel, judges.is_dates),
    "predictor.required": Trial(
        "a list of feature names", given.nothing, judges.is_kind(list, "a list")
    ),
    "features.schema_hash": Trial("a text", given.required, judges.is_kind(str, "a text")),
    "features.scale": Trial(FRAME, given.features, judges.is_frame),
    "features.fills": Trial("a mapping of feature to number", given.nothing, judges.is_account),
    "predictor.sides": Trial("a mapping of table to frame", given.features, judges.is_tables),
    "predictor.outputs": Trial("an array of shape (n, k)", given.features, judges.is_matrix),
    "predictor.decode": Trial(
        "a frame, a row each row of outputs",
        lambda answers: (given.answered(answers, "predictor.outputs"),),
        lambda answer, asked: (
            judges.is_kind(pd.DataFrame, "a frame")(answer, asked)
            or ([] if len(answer) == len(asked[0]) else [f"{len(answer)} rows for {len(asked[0])}"])
        ),
    ),
    "predictor.predict": Trial(FRAME, given.features, judges.is_frame),
    "decisions.account": Trial("name to number", given.nothing, judges.is_account),
    "decisions.settle": Trial(
        "a frame: gross, fees, net",
        lambda _: (given.positions(),),
        lambda answer, asked: (
            judges.is_kind(pd.DataFrame, "a frame")(answer, asked)
            or [f"column {c} is missing" for c in ("gross", "fees", "net") if c not in answer]
        ),
    ),
    "decisions.rule_texts": Trial(
        "name to side and text",
        given.nothing,
        lambda answer, asked: (
            judges.is_kind(dict, "a mapping")(answer, asked)
            or [f"{n} has no text" for n, r in answer.items() if "text" not in r]
        ),
    ),
    "decisions.rule_fires": Trial(
        "a frame, a column a rule",
        lambda answers: (
            {n: r["text"] for n, r in given.answered(answers, "decisions.rule_texts").items()},
            *given.features(answers),
        ),
        lambda answer, asked: judges.is_frame(answer, asked[1:]),
    ),
    "decisions.backtest": Trial("orders: side, size, gate", given.features, judges.is_orders),
    "decisions.live": Trial("orders: side, size, gate", given.features, judges.is_orders),
    "decisions.rules_backtest": Trial(
        "orders: side, size, gate", given.predictions, judges.is_orders
    ),
    "decisions.rules_live": Trial("orders: side, size, gate", given.predictions, judges.is_orders),
    "registry.resolve": Trial(
        "the version and files of the default request",
        lambda _: (None,),
        judges.has_keys("version", "files"),
    ),
    "registry.register": Trial(
        "nothing; a new version in a scratch store",
        lambda _: ("2099-01-01", {"score": 0.5}),
        lambda *_: [],
        writes=True,
    ),
    "registry.create": Trial(
        "the id of a new version in a scratch store",
        lambda answers: given.recorded({"governance.metrics": {"score": "higher"}, **answers}),
        judges.is_kind(str, "an id"),
        writes=True,
    ),
    "registry.versions": Trial("a list of ids", given.nothing, judges.is_kind(list, "a list")),
    "registry.promote": Trial(
        "True or False, or a refusal, in a scratch store",
        given.newest,
        judges.is_kind(bool, "True or False"),
        writes=True,
        may_refuse=True,
    ),
    "registry.rollback": Trial(
        "an id, or a refusal where nobody reigned before",
        given.nothing,
        judges.is_kind(str, "an id"),
        writes=True,
        may_refuse=True,
    ),
    "registry.prune": Trial(
        "nothing; a scratch store that keeps as many as there are",
        lambda answers: (len(given.answered(answers, "registry.versions")),),
        lambda *_: [],
        writes=True,
    ),
    "governance.metrics": Trial("metric to higher or lower", given.nothing, judges.is_directions),
    "governance.admits": Trial("admitted and reasons", given.recorded, judges.is_admission),
    "governance.promote": Trial(
        "True or False", given.promotion, judges.is_kind(bool, "True or False")
    ),
    "governance.enter": Trial(
        "True or False, in a scratch store",
        lambda answers: ("audit-entrant", given.promotion(answers)[1]),
        judges.is_kind(bool, "True or False"),
        writes=True,
    ),
    "retrain.decide": Trial(
        "retrain and reasons",
        lambda _: ({"days_since_training": 1, "psi": 0.01, "errors": [0.0] * 50},),
        judges.has_keys("retrain", "reasons"),
    ),
    "retrain.replay": Trial(
        "a list of decisions, one a state",
        lambda _: ([{"days_since_training": d, "psi": 0.01} for d in (1, 2)], 0),
        lambda answer, asked: (
            judges.is_kind(list, "a list")(answer, asked)
            or ([] if len(answer) == 2 else [f"{len(answer)} decisions for 2 states"])
        ),
    ),
    "retrain.state": Trial("a state of the trigger", given.live, judges.is_kind(dict, "a mapping")),
    "retrain.train": Trial(
        "fits that can be traced to rows", given.table, judges.is_record, writes=True
    ),
    "drift.psi": Trial(
        "one number",
        lambda _: (given.draw(500), given.draw(500, 8)),
        judges.is_kind(float, "a number"),
    ),
    "drift.shifted": Trial(
        "shifted, and the features that did",
        lambda _: (given.columns(8), given.columns(9)),
        judges.has_keys("shifted"),
    ),
    "drift.cusum": Trial(
        "alarm and position", lambda _: (given.draw(200), 0.0, 1.0), judges.has_keys("alarm", "at")
    ),
    "calibration.fit_apply": Trial(
        "an array of probabilities",
        lambda _: (given.draw(400), (given.draw(400) > 0).astype(np.int64), given.draw(50, 3)),
        judges.is_probability,
    ),
    "calibration.served": Trial(
        "an array of probabilities", lambda _: (np.linspace(0.05, 0.95, 40),), judges.is_probability
    ),
    "calibration.sample": Trial("scores, outcomes, fitted", given.nothing, judges.is_sample),
    "calibration.measures": Trial(
        "ece, mce, brier, log_loss: those there are", lambda _: given.scored(), judges.is_measures
    ),
    "conformal.coverage": Trial(
        "a share from 0 to 1",
        lambda _: (np.column_stack([given.draw(50) - 1, given.draw(50) + 1]), given.draw(50, 8)),
        judges.is_share,
    ),
    "conformal.interval": Trial(
        "an array of shape (n, 2)",
        lambda _: (given.draw(300) * 0.01, given.draw(20) * 0.01, 0.1),
        judges.is_interval,
    ),
    "conformal.scaled_interval": Trial(
        "an array of shape (n, 2)",
        lambda _: (given.draw(300) * 0.01, np.ones(300), given.draw(20) * 0.01, np.ones(20), 0.1),
        lambda answer, asked: judges.is_interval(answer, (None, asked[2])),
    ),
    "pricing.greeks": Trial(
        "a frame: delta, gamma, vega, theta, rho",
        lambda _: (given.terms("volatility"),),
        judges.is_kind(pd.DataFrame, "a frame"),
    ),
    "pricing.price": Trial(
        ARRAY, lambda _: (judges.priced(given.terms("volatility")),), judges.is_price
    ),
    "pricing.implied_volatility": Trial(
        ARRAY, lambda _: (given.terms("price"),), judges.is_volatility
    ),
    "pricing.fit": Trial(ARRAY, lambda _: (sound_quotes(0, 15),), judges.is_array),
    "pricing.reloaded": Trial(ARRAY, lambda _: (sound_quotes(0, 15),), judges.is_array),
    "pricing.factors": Trial(
        "a mapping: factors, scores, restored",
        lambda _: (surface_history(np.random.default_rng(0), 60), WAYS),
        judges.is_kind(dict, "a mapping"),
    ),
    "pricing.total_variance": Trial(
        ARRAY,
        lambda _: (pd.DataFrame({"log_moneyness": [-0.1, 0.0, 0.1], "maturity": [0.5] * 3}),),
        judges.is_array,
    ),
    "neural.forward": Trial("an array of shape (n, k)", given.inputs, judges.is_matrix),
    "neural.state": Trial(
        "a mapping of name to array", given.nothing, judges.is_kind(dict, "a mapping")
    ),
    "neural.load": Trial(
        "an array of shape (n, k)",
        lambda answers: (given.answered(answers, "neural.state"), *given.inputs(answers)),
        lambda answer, asked: judges.is_matrix(answer, asked[1:]),
    ),
    "neural.exported": Trial("an array of shape (n, k)", given.inputs, judges.is_matrix),
    "neural.sequences": Trial(
        "an array of shape (n, k)",
        given.sequences,
        lambda answer, asked: judges.is_matrix(answer, asked[:1]),
    ),
    "neural.gradients": Trial(
        "a mapping of name to array",
        lambda answers: (*given.inputs(answers), given.answered(answers, "neural.forward")),
        judges.is_kind(dict, "a mapping"),
    ),
    "online.run": Trial(
        ARRAY,
        lambda _: (given.batches(), given.batches()[0].drop(columns="y"), None),
        lambda answer, arguments: judges.is_array(answer, (arguments[1],)),
    ),
    "online.feed": Trial(
        ARRAY,
        lambda _: (*deliveries(["a", "b"], seed=0).calls(), None),
        lambda answer, arguments: judges.is_array(answer, (arguments[1],)),
    ),
    "checkpoint_io.round_trip": Trial(FRAME, given.features, judges.is_frame),
    "explain.inputs": Trial("a mapping with features", given.nothing, judges.has_keys("features")),
    "explain.stages": Trial(
        "a mapping of scaled, raw and gates", given.features, judges.is_kind(dict, "a mapping")
    ),
    "explain.outcomes": Trial("return, mfe, mae and cost", given.features, judges.is_frame),
}
