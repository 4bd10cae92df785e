"""Rules and factors in plain sentences."""

from collections.abc import Mapping, Sequence

from audit_lib.explain.records import ConditionRecord, Measured, RuleRecord, Rules

_EVENTS = {
    "equals": "{:g}",
    "above": "above its median of {:g}",
    "up_to": "at most its median of {:g}",
}


def sentence(rule: RuleRecord, head: str, units: Mapping[str, str], unit: str = "") -> str:
    """One rule in one plain sentence."""
    when = " and ".join(condition(c, units) for c in rule.conditions) or "always"
    what = f"{head} is {_EVENTS[rule.event.kind].format(rule.event.value)}"
    what += f" ({unit})" if unit else ""
    share = f"{_percent(rule.precision.value)} of held-out rows"
    share += interval(rule.precision, percent=True)
    return (
        f"When {when}, {what} in {share}, against {_percent(rule.base)} of all "
        f"(lift {rule.lift.value:.2f}); it applies to {_percent(rule.support)} of rows."
    )


def condition(record: ConditionRecord, units: Mapping[str, str]) -> str:
    """``momentum is above 0.03 and at most 0.1 (fraction)``."""
    parts = []
    if record.above is not None:
        parts.append(f"above {record.above:g}")
    if record.up_to is not None:
        parts.append(f"at most {record.up_to:g}")
    unit = units.get(record.factor, "")
    text = f"`{record.factor}` is {' and '.join(parts)}{f' ({unit})' if unit else ''}"
    return f"{text} or missing" if record.missing else text


def interval(measured: Measured, *, percent: bool = False) -> str:
    """``, 95 % interval 88 to 93 %``; '' where there is none."""
    if measured.low is None or measured.high is None:
        return ""
    if percent:
        return f" (95 % interval {100 * measured.low:.0f} to {100 * measured.high:.0f} %)"
    return f" (95 % interval {measured.low:.3g} to {measured.high:.3g})"


def rules_page(
    rules: list[Rules], together: Sequence[tuple[str, ...]], not_told: dict[str, str]
) -> str:
    """``rules.md``: every rule in words, and what must be known to read them."""
    lines = [
        "# What it learned",
        "",
        "Conditions that the version's *answers* follow, not ones under which they are right. "
        "Each was learned on earlier rows and measured on later ones, a purge apart.",
        "",
    ]
    for one in rules:
        lines += [f"## {one.head}", ""]
        skill = (
            f"{one.skill.value:.2f}{interval(one.skill)}" if one.skill.value is not None else "–"
        )
        lines += [
            f"{one.train:,} rows, {one.held:,} held out, purge {one.purge}; skill {skill}.",
            "",
        ]
        if not one.learned:
            lines += [f"Nothing is shown as learned: {one.why}.", ""]
        for rule in one.rules:
            weak = "" if rule.stability >= 0.5 else " Unstable: few trees grown anew find its kind."
            lines.append(f"- {rule.sentence}{weak}")
        lines.append("")
    if together:
        lines += ["## Factors that hang together", ""]
        lines += [f"- {', '.join(f'`{n}`' for n in group)}" for group in together]
        lines += ["", "Which of a group is credited, or named in a rule, is arbitrary.", ""]
    if not_told:
        lines += ["## Not assessed", "", *(f"- {k}: {v}" for k, v in not_told.items()), ""]
    return "\n".join(lines)


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f} %"
