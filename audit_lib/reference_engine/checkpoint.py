"""A checkpoint: everything a version is, in a folder of plain files.

``meta.json`` holds the contract (columns, scaler, heads, schema hash, run) and the SHA-256 of
every other file; models are LightGBM text and arrays, so nothing needs to be executed to be read.
``README.md`` lists the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .calibration import Calibrator
from .errors import ArtifactRefused
from .features import RESEARCH_ONLY, policy, schema_hash
from .files import from_json, from_npz, read_verified, sha256, to_json, to_npz
from .heads import LABELS, NEURAL, Head
from .neural import Network
from .rules import DecisionConfig
from .scaling import FACTOR, FLOOR, RobustScaler
from .svi import Surface
from .trees import Forest

SCHEMA_VERSION = 1
META = "meta.json"
#: What happens to inputs that are not there: part of the promise, so part of the checkpoint.
MISSING = {"column": "refuse", "value": "no prediction for the row, no order"}

Arrays = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """One version in memory.

    Attributes:
        version: its id.
        created: when, ISO 8601; the last training date.
        feature_cols: input columns in model order.
        schema_hash: hash of the columns the models were trained on.
        scaler: statistics in the order of ``feature_cols``.
        outputs: output names in stored order.
        heads: head name to what it reads and means.
        models: output name to the text of its tree model.
        network: the neural head.
        calibrator: raw direction score to probability.
        calibration: arrays ``scores``, ``outcomes``, ``fitted`` of the calibration sample.
        conformal: arrays ``residuals`` and ``dates`` of the return head, before the holdout.
        reference: arrays ``features`` and ``columns``: training rows for drift and attribution.
        surface: implied-variance surface.
        decisions: ``backtest`` and ``live`` numbers.
        targets: label name to horizon, kind, thresholds and statistics.
        splits: horizon, purge, embargo, folds, opening.
        folds: the fold table with dates, row counts and metrics.
        metrics: the holdout's metrics, as registered.
        run: data range, universe, seed, rows behind each fit, library versions.
        unlisted: files without a checksum; empty for a released version.
    """

    version: str
    created: str
    feature_cols: tuple[str, ...]
    schema_hash: str
    scaler: RobustScaler
    outputs: tuple[str, ...]
    heads: dict[str, Head]
    models: dict[str, str]
    network: Network
    calibrator: Calibrator
    calibration: Arrays
    conformal: Arrays
    reference: Arrays
    surface: Surface
    decisions: dict[str, DecisionConfig]
    targets: dict[str, Any]
    splits: dict[str, Any]
    folds: list[dict[str, Any]]
    metrics: dict[str, float]
    run: dict[str, Any]
    unlisted: tuple[str, ...] = ()

    def renamed(self, version: str) -> Checkpoint:
        """The same checkpoint under another id."""
        return replace(self, version=version)

    def contract_problems(self) -> list[str]:
        """Promises of a release that this checkpoint does not keep, in words."""
        problems = []
        if self.unlisted:
            problems.append(f"no checksum covers {list(self.unlisted)}")
        if self.schema_hash != schema_hash(self.feature_cols):
            problems.append("feature_cols are not those of the schema hash")
        for name, head in self.heads.items():
            if self.outputs[head.output] != name:
                problems.append(f"head {name!r} reads output {self.outputs[head.output]!r}")
        research = [n for n, p in policy(self.feature_cols).items() if p == RESEARCH_ONLY]
        if research:
            problems.append(f"inputs {research} are RESEARCH_ONLY")
        if any(Forest.parse(text).names != self.feature_cols for text in self.models.values()):
            problems.append("the models were trained on other columns than feature_cols")
        if self.splits["purge"] < self.splits["horizon"]:
            problems.append("the purge is shorter than the horizon")
        if self.decisions["live"] != self.decisions["backtest"]:
            problems.append("live and backtest decide by different numbers")
        return problems

    def save(self, folder: Path) -> dict[str, str]:
        """Write the checkpoint into a folder.

        Returns:
            File name to SHA-256 of every file that has one, ``meta.json`` included.
        """
        folder.mkdir(parents=True, exist_ok=True)
        contents = self._files()
        checksums = {
            name: sha256(content)
            for name, content in sorted(contents.items())
            if name not in self.unlisted
        }
        contents[META] = to_json(self._meta(checksums))
        for name, content in contents.items():
            (folder / name).write_bytes(content)
        return {META: sha256(contents[META]), **checksums}

    @classmethod
    def load(cls, folder: Path, *, candidate: bool = False) -> Checkpoint:
        """Read a checkpoint and verify it.

        Args:
            folder: where :meth:`save` wrote it.
            candidate: read it for evaluation although it does not keep a release's promises.
                Checksums that are there are verified even so.

        Raises:
            ArtifactRefused: a file is missing, altered, of another version or, unless
                ``candidate``, a promise of a release is not kept.
        """
        meta = from_json(META, read_verified(folder / META, None))
        try:
            _check_meta(meta)
            checkpoint = cls._from_meta(meta, folder)
        except (KeyError, TypeError, IndexError) as error:
            raise ArtifactRefused(f"{folder.name}/{META}: {error!r} is not as promised") from None
        problems = checkpoint.contract_problems()
        if problems and not candidate:
            raise ArtifactRefused(f"version {checkpoint.version}: {'; '.join(problems)}")
        return checkpoint

    def _files(self) -> dict[str, bytes]:
        files = {f"{name}.txt": text.encode() for name, text in self.models.items()}
        files["neural.npz"] = to_npz(self.network.arrays())
        files["calibrator.json"] = to_json(self.calibrator.as_data())
        files["calibration.npz"] = to_npz(self.calibration)
        files["conformal.npz"] = to_npz(self.conformal)
        files["reference.npz"] = to_npz(self.reference)
        files["surface.json"] = to_json(self.surface.as_data())
        files["decisions.json"] = to_json({k: v.as_data() for k, v in self.decisions.items()})
        return files

    def _meta(self, checksums: Mapping[str, str]) -> dict[str, Any]:
        return {
            "schema_version": SCHEMA_VERSION,
            "version": self.version,
            "created": self.created,
            "input_dim": len(self.feature_cols),
            "feature_cols": list(self.feature_cols),
            "feature_policy": policy(self.feature_cols),
            "schema_hash": self.schema_hash,
            "missing": MISSING,
            "scaler": {
                "median": list(self.scaler.median),
                "mad": list(self.scaler.mad),
                "factor": FACTOR,
                "floor": FLOOR,
            },
            "outputs": list(self.outputs),
            "heads": {name: head.as_data() for name, head in self.heads.items()},
            "models": sorted(self.models),
            "targets": self.targets,
            "splits": self.splits,
            "folds": self.folds,
            "metrics": self.metrics,
            "run": self.run,
            "checksums": dict(checksums),
        }

    @classmethod
    def _from_meta(cls, meta: Mapping[str, Any], folder: Path) -> Checkpoint:
        checksums: dict[str, str] = meta["checksums"]

        def content(name: str) -> bytes:
            return read_verified(folder / name, checksums.get(name))

        def data(name: str) -> Any:
            return from_json(name, content(name))

        def arrays(name: str) -> Arrays:
            return from_npz(name, content(name))

        checkpoint = cls(
            version=meta["version"],
            created=meta["created"],
            feature_cols=tuple(meta["feature_cols"]),
            schema_hash=meta["schema_hash"],
            scaler=RobustScaler(tuple(meta["scaler"]["median"]), tuple(meta["scaler"]["mad"])),
            outputs=tuple(meta["outputs"]),
            heads={name: Head.from_data(head) for name, head in meta["heads"].items()},
            models={name: content(f"{name}.txt").decode() for name in meta["models"]},
            network=Network.from_arrays(arrays("neural.npz")),
            calibrator=Calibrator.from_data(data("calibrator.json")),
            calibration=arrays("calibration.npz"),
            conformal=arrays("conformal.npz"),
            reference=arrays("reference.npz"),
            surface=Surface.from_data(data("surface.json")),
            decisions={
                path: DecisionConfig.from_data(numbers)
                for path, numbers in data("decisions.json").items()
            },
            targets=meta["targets"],
            splits=meta["splits"],
            folds=meta["folds"],
            metrics=meta["metrics"],
            run=meta["run"],
        )
        present = {path.name for path in folder.iterdir()} - {META}
        return replace(checkpoint, unlisted=tuple(sorted(present - set(checksums))))


def _check_meta(meta: Mapping[str, Any]) -> None:
    """Raise :class:`ArtifactRefused` where ``meta.json`` contradicts itself or this engine."""
    width = meta["input_dim"]
    scaler, outputs = meta["scaler"], meta["outputs"]
    demands = {
        f"schema {meta['schema_version']} is not known here": meta["schema_version"]
        == SCHEMA_VERSION,
        "input_dim does not count feature_cols": width == len(meta["feature_cols"]),
        "scaler statistics do not count feature_cols": width
        == len(scaler["median"])
        == len(scaler["mad"]),
        "scaled by a factor or floor unknown here": (scaler["factor"], scaler["floor"])
        == (FACTOR, FLOOR),
        "feature_policy is not the policy of feature_cols": meta["feature_policy"]
        == policy(meta["feature_cols"]),
        "a policy for missing inputs unknown here": meta["missing"] == MISSING,
        "outputs unknown here": set(outputs) == set(LABELS),
        "models are not those of the outputs": meta["models"] == sorted({*outputs} - {NEURAL}),
        "a head reads an output that is not there": all(
            0 <= head["output"] < len(outputs) for head in meta["heads"].values()
        ),
    }
    broken = [message for message, kept in demands.items() if not kept]
    if broken:
        raise ArtifactRefused(f"{META}: {'; '.join(broken)}")
