"""Runs deepchecks' leakage checks on the planted columns, by deepchecks' own interpreter.

Its checks see tables, not builders: each column is one feature of a table with the five-bar label,
split by date.  Of its leakage checks, those that look at a single feature and its label, or at the
dates of train and test, apply.  Prints one JSON object a column, on a line that begins with ``@@``.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path


def main() -> None:
    """Every planted column, one after another."""
    sys.path.insert(0, str(Path(__file__).parent))
    warnings.simplefilter("ignore")
    import planted
    from deepchecks.tabular import Dataset, checks

    bars = planted.market()
    label = (bars["close"].shift(-5) > bars["close"]).astype(int)
    chosen = (checks.FeatureLabelCorrelation().add_condition_feature_pps_less_than(),)
    paired = (
        checks.DateTrainTestLeakageDuplicates().add_condition_leakage_ratio_less_or_equal(),
        checks.DateTrainTestLeakageOverlap().add_condition_leakage_ratio_less_or_equal(),
        checks.FeatureLabelCorrelationChange()
        .add_condition_feature_pps_difference_less_than()
        .add_condition_feature_pps_in_train_less_than(),
    )
    for group in ("LEAKS", "SIGNALS", "CLEAN"):
        for name, make in getattr(planted, group).items():
            started = time.perf_counter()
            feature = make(bars).astype(float)
            table = bars[["date"]].assign(feature=feature, label=label).iloc[60:-5].dropna()
            cut = int(0.7 * len(table))
            sets = [
                Dataset(part, label="label", datetime_name="date", cat_features=[])
                for part in (table.iloc[:cut], table.iloc[cut:])
            ]
            failed = []
            for check, inputs in [(c, sets[:1]) for c in chosen] + [(c, sets) for c in paired]:
                try:
                    result = check.run(*inputs)
                except Exception as error:  # noqa: BLE001 - told as the answer
                    failed.append(f"{type(check).__name__} error: {error!r}"[:120])
                    continue
                if not result.passed_conditions(fail_if_warning=True):
                    failed.append(type(check).__name__)
            flagged = [f for f in failed if " error: " not in f]
            said = {"flagged": bool(flagged), "checks": failed}
            said["seconds"] = round(time.perf_counter() - started, 2)
            print("@@" + json.dumps({"group": group, "name": name, **said}), flush=True)


if __name__ == "__main__":
    main()
