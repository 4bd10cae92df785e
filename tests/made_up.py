"""Made-up task results: every outcome, every view, and text that means harm to its reader."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import replace
from pathlib import Path

from audit_lib.model import (
    BoundaryVerdict,
    CheckResult,
    Contract,
    Evidence,
    Examined,
    Exempted,
    Finding,
    Gap,
    Location,
    Outcome,
    Severity,
    Task,
    TaskResult,
    Verdict,
    View,
)
from audit_lib.packets.packet import Input, Provenance
from audit_lib.reporters.json_report import dump_task

HOSTILE = (
    "<script>alert(1)</script>",
    '<img src=x onerror="alert(1)">',
    '#import "@preview/evil:1.0.0": *',
    '#read("/etc/passwd")',
    "`backticks` *bold* _under_ $x^2$ @label <label> \\ // /* */ = heading",
    "{{ 7 * 7 }} {% raw %}",
    '=HYPERLINK("http://evil.example")',
    "  @SUM(1+1)",
    "\u202eright to left\u202c עברית مرحبا",
    "]]> & ]]&gt; \x00\x07 control \ud800 surrogate \ufffe",
    "::error file=a::injected%0A\r\nsecond line",
    "[red]markup[/red] [link=http://evil.example]x[/link]",
    "</style></svg><svg onload=alert(1)>",
    "日本語の説明 — naïve café 🙂",
)


def finding(code: str, **changes: object) -> Finding:
    """A finding of that code; its contract and task follow from the code's prefix."""
    contract, task = _OF[code[:3]]
    made = Finding(
        code=code,
        contract=contract,
        task=task,
        severity=Severity.HIGH,
        location=Location("engine/features.py", line=88, symbol="Pipeline.build"),
        message="fold 3 trains on labels that end 6 bars inside its test period",
        measured="purge 4",
        expected="purge of at least 10",
        remediation="Purge as many bars as the label spans.",
        key="fold 3",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def result(code: str, outcome: Outcome = Outcome.PASS, **changes: object) -> CheckResult:
    """A check's answer of that outcome."""
    contract, task = _OF[code[:3]]
    made = CheckResult(
        code=code,
        name="MadeUp" + code,
        title=f"The {contract.title.lower()} promise number {int(code[3:])} must hold.",
        contract=contract,
        task=task,
        severity=Severity.HIGH,
        outcome=outcome,
        reason="" if outcome in (Outcome.PASS, Outcome.FAIL) else "no hook `online.run` is written",
        examined=(Examined(12, "columns"),) if outcome is Outcome.PASS else (),
        seconds=0.25,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


_OF = {
    "LED": (Contract.LEDGER, Task.T1),
    "CHK": (Contract.CHECKPOINT, Task.T1),
    "SEC": (Contract.SECURITY, Task.T1),
    "TGT": (Contract.TARGET_LABEL, Task.T2),
    "SPL": (Contract.SPLITS, Task.T2),
    "CAL": (Contract.CALIBRATION, Task.T2),
    "FEA": (Contract.FEATURE_VECTOR, Task.T3),
    "HED": (Contract.HEAD_MAPPING, Task.T3),
    "GOV": (Contract.GOVERNANCE, Task.T4),
    "DRF": (Contract.DRIFT, Task.T4),
    "PRC": (Contract.PRICING, Task.T5),
    "ONL": (Contract.ONLINE, Task.T5),
    "BND": (Contract.BOUNDARY, Task.T6),
    "DOC": (Contract.DOCS, Task.T6),
}


def evidence(view: View) -> Evidence:
    """A table of that view."""
    title, columns, rows, note = _TABLES[view]()
    return Evidence(view.value, title, columns, tuple(rows), view, note)


def _table() -> tuple:
    rows = [
        (i, HOSTILE[i % len(HOSTILE)], 1e-12 * 10**i if i < 20 else math.nan, i % 2 == 0, None)
        for i in range(300)
    ]
    rows[1] = (1, "inf", math.inf, False, None)
    return "Every cell is someone else's text", ("n", "text", "value", "flag", "none"), rows, ""


def _bars() -> tuple:
    names = [f"feature_with_a_rather_long_name_{i}" for i in range(14)]
    rows = [(n, 0.9 / (i + 1), "train" if i % 2 else "served") for i, n in enumerate(names)]
    return "Population stability by feature", ("label", "value", "group"), rows, "PSI, unitless"


def _lines() -> tuple:
    rows = []
    for name, lift in (("live", 0.1), ("backtest", 0.0)):
        for i in range(60):
            value = math.sin(i / 8) + lift
            rows.append(
                (f"2023-{1 + i // 28:02d}-{1 + i % 28:02d}", value, name, value - 0.2, value + 0.2)
            )
    return "Score over time", ("x", "value", "series", "band_low", "band_high"), rows, "score"


def _timeline() -> tuple:
    rows = []
    for fold in range(5):
        start = 2015 + fold
        rows += [
            (f"fold {fold}", "2012-01-01", f"{start}-12-10", "train"),
            (f"fold {fold}", f"{start}-12-10", f"{start + 1}-01-05", "purged"),
            (f"fold {fold}", f"{start + 1}-01-05", f"{start + 1}-12-20", "test"),
        ]
    return "Folds", ("lane", "start", "end", "kind"), rows, "train may not reach into test"


def _heatmap() -> tuple:
    heads = ("return", "direction", "volatility")
    rows = [(a, b, 1.0 if a == b else 0.2 * i - 0.5) for a in heads for i, b in enumerate(heads)]
    return "Head against declared meaning", ("row", "column", "value"), rows, "rank correlation"


def _reliability() -> tuple:
    rows = [
        (
            (i + 0.5) / 10,
            min(1, (i + 0.5) / 10 * 1.25),
            max(0, i / 10 - 0.05),
            min(1, i / 10 + 0.2),
            40 + 30 * (i % 5),
        )
        for i in range(10)
    ]
    columns = ("predicted", "observed", "low", "high", "count")
    return "Reliability of the served scores", columns, rows, "95 % interval a bin"


def _influence() -> tuple:
    rows = [(f"return_{i}", i, 0) for i in (1, 5, 20, 60)]
    rows += [("centred_mean", 4, 4), ("leaky_rank", 250, 12)]
    return "Bars that each feature reads", ("column", "look_back", "look_ahead"), rows, "bars"


def _swarm() -> tuple:
    rows = tuple(
        (name, round(math.sin(7 * i + k) / (k + 1), 3), round(i / 40, 3))
        for k, name in enumerate(("momentum", "volatility"))
        for i in range(40)
    )
    return "How factors move the return", ("label", "value", "level"), rows, "fraction"


def _dependence() -> tuple:
    rows = tuple(
        (name, round(i / 40, 3), round(math.tanh(i / 20 - k), 3), (i % 5) / 4 if k else None)
        for k, name in enumerate(("momentum", "volatility", "rank"))
        for i in range(40)
    )
    return "How the return depends", ("label", "x", "value", "level"), rows, "fraction"


def _waterfall() -> tuple:
    rows = (
        ("mean of all rows", None, 0.01, None, None),
        ("momentum = 0.2", 0.01, 0.05, 0.045, 0.055),
        ("volatility = 0.4", 0.05, 0.03, 0.025, 0.035),
        ("this decision", None, 0.03, None, None),
    )
    return "What made it 0.03", ("label", "start", "end", "low", "high"), rows, "position"


def _cards() -> tuple:
    rows = (("When `momentum` is above 0.2, it is 1 in 90 % of rows. " * 3, 0.9, 0.85, 0.94, 0.4),)
    return "Conditions of the decision", ("label", "value", "low", "high", "base"), rows, "share"


def _treemap() -> tuple:
    rows = (
        ("engine/features.py", 120, 1.0, 0.5, 0.0),
        ("engine/" + "x" * 90 + ".py", 80, 1.0, None, 0.25),
        ("$<b>&.py", 40, 0.0, 1.0, 1.0),
    )
    heads = ("file", "lines", "scanned", "exercised", "certified: $<read>")
    return "Lines by file", heads, rows, "a box is a file"


LEARNED = (View.HEATMAP, View.SWARM, View.DEPENDENCE, View.WATERFALL, View.CARDS)
_TABLES = {
    View.TABLE: _table,
    View.BARS: _bars,
    View.LINES: _lines,
    View.TIMELINE: _timeline,
    View.HEATMAP: _heatmap,
    View.RELIABILITY: _reliability,
    View.INFLUENCE: _influence,
    View.SWARM: _swarm,
    View.DEPENDENCE: _dependence,
    View.WATERFALL: _waterfall,
    View.CARDS: _cards,
    View.TREEMAP: _treemap,
}


def tasks(
    subject: str = "made_up_engine",
    version: str = "2024-03rc",
    run_id: str = "20261121T220000-7f3a",
) -> list[TaskResult]:
    """Six tasks with every outcome, severity, location and view; hostile text throughout."""
    leak = finding("SPL001", severity=Severity.CRITICAL, evidence=("timeline",))
    heads = finding(
        "HED001",
        severity=Severity.CRITICAL,
        location=Location("v/2024-03rc/meta.json", base="artifacts", pointer="/heads/1"),
        message="live reads output 1 as `direction`; the checkpoint names it `volatility`",
        measured="volatility",
        expected="direction",
        key="output 1",
        evidence=("heatmap",),
    )
    waived = finding("DRF001", severity=Severity.MEDIUM, key="psi", message="PSI ignores new bins")
    hostile = [
        finding(
            "SEC001",
            severity=Severity.MEDIUM,
            location=Location(f"store/{i}.pkl", base="artifacts", pointer=f"/~1{i}"),
            message=text,
            measured=text,
            expected=text,
            remediation=text,
            key=str(i),
        )
        for i, text in enumerate(HOSTILE)
    ]
    long = finding(
        "DOC001",
        severity=Severity.LOW,
        message="long " * 2000,
        key="long",
        location=Location("docs/contract.md", base="documents", line=3, end_line=9),
    )
    note = finding(
        "LED001",
        severity=Severity.INFO,
        message="71 % of lines were exercised",
        location=Location("subject.yaml", base="parameters", pointer="/source"),
    )
    ahead = finding(
        "FEA001",
        key="leaky_rank",
        evidence=("influence",),
        message="leaky_rank reads 12 bars ahead of its own date",
        measured="12 bars",
        expected="0 bars",
        location=Location("engine/ranks.py", line=7),
    )
    answers = {
        Task.T1: (
            result("LED001", Outcome.PASS, findings=(note,), severity=Severity.INFO),
            result("CHK001", evidence=(evidence(View.TABLE), evidence(View.TREEMAP))),
            result("SEC001", Outcome.FAIL, findings=tuple(hostile), severity=Severity.MEDIUM),
        ),
        Task.T2: (
            result("TGT001"),
            result("SPL001", Outcome.FAIL, findings=(leak,), evidence=(evidence(View.TIMELINE),)),
            result("CAL001", evidence=(evidence(View.RELIABILITY), evidence(View.LINES))),
        ),
        Task.T3: (
            result("FEA001", Outcome.FAIL, findings=(ahead,), evidence=(evidence(View.INFLUENCE),)),
            result(
                "HED001",
                Outcome.FAIL,
                findings=(heads,),
                evidence=tuple(evidence(v) for v in LEARNED),
            ),
        ),
        Task.T4: (
            result("GOV001", Outcome.ERROR, reason="the check crashed: ValueError: <b>bad</b>"),
            result(
                "DRF001",
                Outcome.FAIL,
                findings=(waived,),
                evidence=(evidence(View.BARS),),
                exempted=(
                    Exempted(waived.fingerprint, "risk desk", "new bins are capped", "2026-12-31"),
                ),
            ),
        ),
        Task.T5: (
            result("PRC001", Outcome.NOT_APPLICABLE, reason="the subject prices nothing"),
            result(
                "PRC002",
                Outcome.NOT_ASSESSED,
                gaps=(Gap("12 quotes", "no interest rate is recorded"),),
                reason="12 quotes: no interest rate is recorded",
            ),
            result("ONL001", Outcome.NOT_ASSESSED),
        ),
        Task.T6: (result("BND001"), result("DOC001", Outcome.FAIL, findings=(long,))),
    }
    edges = (
        BoundaryVerdict(
            "models_to_features_6", "high", Verdict.BROKEN, "see FEA001", (ahead.fingerprint,)
        ),
        BoundaryVerdict("models_to_config_17", "high", Verdict.KEPT, "11 symbols resolve"),
        BoundaryVerdict("api_to_models_40", "medium", Verdict.INCONCLUSIVE, HOSTILE[0]),
    )
    return [
        TaskResult(
            subject=subject,
            version=version,
            run_id=run_id,
            task=task,
            results=results,
            boundaries=edges if task is Task.T6 else (),
            started=f"2026-11-21T22:0{i}:00+00:00",
            seconds=1.5 + i,
            provenance={"isolation": "bubblewrap", "kernel": "fork"},
        )
        for i, (task, results) in enumerate(answers.items())
    ]


def clean_tasks(**names: str) -> list[TaskResult]:
    """Six tasks in which everything passes."""
    return [
        replace(
            task,
            results=tuple(result(r.code) for r in task.results),
            boundaries=tuple(
                replace(b, verdict=Verdict.KEPT, reason="", findings=()) for b in task.boundaries
            ),
        )
        for task in tasks(**names)
    ]


def lay(folder: Path, made: list[TaskResult]) -> Path:
    """Write results and sentinels into a folder, as the tasks of a run do."""
    for task in made:
        content = dump_task(task).encode("utf-8")
        file = folder / "results" / f"{task.task.value}.json"
        seal = folder / "sentinels" / file.name
        for path in (file, seal):
            path.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        sentinel = {
            "run_id": task.run_id,
            "task": task.task.value,
            "results_sha256": hashlib.sha256(content).hexdigest(),
        }
        seal.write_text(json.dumps(sentinel))
    return folder


def provenance(made: list[TaskResult], **changes: object) -> Provenance:
    """Provenance that agrees with the tasks."""
    first = made[0]
    said = Provenance(
        first.subject,
        first.version,
        first.run_id,
        title="Made-up engine",
        role="latest",
        revision="5e1f0c2",
        started="2026-11-21T22:00:00+00:00",
        ended="2026-11-21T22:01:00+00:00",
        isolation="bubblewrap",
        kernel="fork",
        subject_before="ab" * 32,
        subject_after="ab" * 32,
        inputs=(Input("subject.yaml", "parameters", "cd" * 32),),
        parameters={"version": first.version},
    )
    return replace(said, **changes)  # type: ignore[arg-type]
