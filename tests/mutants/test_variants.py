"""Several hooks of a kind: every check of the surface runs on each, and says which."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from audit_lib.cli.app import cli
from audit_lib.errors import ParameterError
from audit_lib.model import Outcome, Severity
from audit_lib.probes.tryouts.tryout import try_hooks
from audit_lib.selection import check_parameters
from audit_lib.testing import assert_passes, run_check
from tests.mutants.tiny import tiny

GUIDE = Path(__file__).parents[2] / "docs/guide/variants.md"
SOUND = """
@surface("drift.psi"{named})
def psi_{name}(at, reference, current):
    reference, current = np.asarray(reference, float), np.asarray(current, float)
    reference, current = reference[np.isfinite(reference)], current[np.isfinite(current)]
    if not len(reference) or not len(current):
        raise Refusal("nothing to compare")
    edges = np.unique(np.quantile(reference, np.linspace(0, 1, 11)[1:-1]))
    def shares(x):
        counts = np.bincount(np.searchsorted(edges, x), minlength=len(edges) + 1)
        return (counts + 0.5) / (counts.sum() + 0.5 * len(counts))
    p, q = shares(reference), shares(current)
    return {factor} * float(((q - p) * np.log(q / p)).sum())
"""


def psi(variant="", factor=1):
    named = f', variant="{variant}"' if variant else ""
    return SOUND.format(named=named, name=variant or "plain", factor=factor)


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)


def test_the_example_of_the_guide(tmp_path):
    (hooks,), (options,) = blocks("python"), blocks("yaml")
    with tiny(tmp_path, hooks, parameters=options) as subject:
        check_parameters(subject)
        result = run_check("PRC002", subject)
        assert result.outcome is Outcome.FAIL
        assert {f.variant for f in result.findings} == {"research"}
        found = result.findings[0]
        assert found.message.startswith("research: ")
        assert found.anchor.symbol == "pricing.price[research]"
        assert any(name.endswith("[research]") for name in found.evidence)
        assert set(found.evidence) <= {e.name for e in result.evidence}
        assert any("(desk)" in e.what for e in result.examined)
        assert run_check("PRC003", subject).outcome is Outcome.NOT_APPLICABLE
        assert {r.hook for r in try_hooks(subject)} >= {
            "pricing.price[desk]",
            "pricing.price[research]",
        }


def _broken(result):
    """Findings above a note: plain PSI of 20 rows is one, whatever the variant."""
    return [f for f in result.findings if f.severity > Severity.INFO]


def test_sound_variants_pass_and_one_faulty_is_named(tmp_path):
    with tiny(tmp_path / "a", psi("by_decile") + psi("smoothed")) as subject:
        result = run_check("DRF001", subject)
        assert_passes(result)
        assert {e.what.rpartition(" (")[2] for e in result.examined} == {"by_decile)", "smoothed)"}
    with tiny(tmp_path / "b", psi("by_decile") + psi("smoothed", factor=-1)) as subject:
        result = run_check("DRF001", subject)
        assert {f.variant for f in _broken(result)} == {"smoothed"}


def test_a_plain_hook_is_its_only_variant(tmp_path):
    with tiny(tmp_path / "a", psi(factor=-1)) as subject:
        alone = run_check("DRF001", subject)
    assert {f.variant for f in alone.findings} == {""}
    with tiny(tmp_path / "b", psi(factor=-1) + psi("smoothed")) as subject:
        beside = run_check("DRF001", subject)
    assert {f.fingerprint for f in _broken(beside)} == {f.fingerprint for f in _broken(alone)}


def test_a_variant_that_was_not_assessed_is_a_gap(tmp_path):
    broken = '@surface("drift.psi", variant="broken")\ndef psi_b(at, a, b):\n    return "high"\n'
    with tiny(tmp_path, psi("sound") + broken) as subject:
        result = run_check("DRF001", subject)
    assert result.outcome is not Outcome.PASS
    assert any("broken" in g.what for g in result.gaps) or any(
        f.variant == "broken" for f in result.findings
    )


def test_options_of_one_variant_are_its_own(tmp_path):
    text = psi("a", factor=1.01) + psi("b", factor=1.01)
    text = text.replace("float(((q - p)", "(0.01 + float(((q - p)").replace(".sum())", ".sum()))")
    with tiny(tmp_path, text, parameters="options: {'DRF001[b]': {tolerance: 0.1}}\n") as subject:
        check_parameters(subject)
        result = run_check("DRF001", subject)
    assert {f.variant for f in _broken(result)} == {"a"}


@pytest.mark.parametrize("key", ["options: {'DRF001[c]': {}}", "absent: {'drift[c]': none}"])
def test_a_variant_that_no_hook_has(tmp_path, key):
    said = pytest.raises(ParameterError, match="there is no variant or key 'c'")
    with tiny(tmp_path, psi("a"), parameters=key) as subject, said:
        check_parameters(subject)


def test_hooks_that_share_a_name_go_together_and_plain_ones_serve_all(tmp_path):
    builders = "".join(
        f'@surface("features.{hook}", variant="{v}")\n'
        f"def {hook}_{v}(at, panel):\n"
        f"    return each(panel, {v}=lambda b: {scale} * returns(b).rolling(5).mean())\n"
        for hook, v, scale in [
            ("build", "fast", 1),
            ("build", "slow", 2),
            ("build_live", "slow", 2),
            ("build_live", "fast", 1),
        ]
    )
    absent = "absent: {features.build_backtest: backtests use the builder of training}"
    with tiny(tmp_path / "a", builders, parameters=absent) as subject:
        assert_passes(run_check("FEA003", subject))
        assert_passes(run_check("FEA101", subject))
    skewed = builders.replace("slow=lambda b: 2", "slow=lambda b: 3", 1)
    with tiny(tmp_path / "b", skewed, parameters=absent) as subject:
        result = run_check("FEA003", subject)
        assert {f.variant for f in result.findings} == {"slow"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (psi() + psi(), "stands here a second time"),
        ('NAME = "x"\n@surface("drift.psi", variant=NAME)\ndef f(at, a, b): ...\n', "is no name"),
        ('@surface("drift.psi", variant="a b")\ndef f(at, a, b): ...\n', "is no name"),
    ],
)
def test_mistakes_are_told_before_a_run(tmp_path, text, said):
    with tiny(tmp_path, "", parameters="") as subject:
        file = subject.folder / "hooks.py"
        file.write_text(file.read_text() + text)
        subject.__dict__.pop("hooks", None)
        with pytest.raises(ParameterError, match=said):
            check_parameters(subject)


def test_lists_and_explanations_know_variants(tmp_path):
    with tiny(tmp_path, psi("a") + psi("b")) as subject:
        folder = str(subject.folder) + "/"
        listed = CliRunner().invoke(cli, ["list", folder, "--hooks"]).output
    assert "drift.psi[a] " in listed
    assert "drift.psi[b] " in listed
    assert "population stability" in CliRunner().invoke(cli, ["explain", "drift.psi[a]"]).output
    whole = CliRunner().invoke(cli, ["explain", "retrain"]).output
    assert "retrain.replay" in whole
    assert "days_since_training: int" in whole
