"""A subject's options and hooks against the catalogue: what ``subject.yaml`` alone cannot tell."""

import difflib
from collections.abc import Iterable, Sequence

from pydantic import ValidationError

from audit_lib.checks.base import Check
from audit_lib.errors import NotAssessed, ParameterError
from audit_lib.hooks import HOOKS, VARIANT, VARIANT_FORM, how_to_name, without_variant
from audit_lib.probes.code.boundaries.verdicts import own_boundaries
from audit_lib.selection.roster import roster_of
from audit_lib.selection.selectors import selected
from audit_lib.subject.keys import combinations, text_of
from audit_lib.subject.subject import Subject


def configured(check: type[Check], subject: Subject) -> Check:
    """The check with the subject's options.

    Raises:
        ParameterError: an option is not known or does not fit; the message names it.
    """
    return _with_options(check, subject, check.code)


def _with_options(check: type[Check], subject: Subject, *keys: str) -> Check:
    """The check with the options under those keys; what a later one says holds."""
    given = subject.parameters.options
    options = {name: value for key in keys for name, value in given.get(key, {}).items()}
    try:
        return check(**options)
    except ValidationError as error:
        problem = error.errors()[0]
        key = ".".join(["options", keys[-1], *map(str, problem["loc"])])
        known = ", ".join(check.model_fields) or "none"
        raise ParameterError(
            f"key {key!r}: {problem['msg']}",
            where=str(subject.folder / "subject.yaml"),
            mend=f"options of {check.code}: {known}",
        ) from None


def check_parameters(subject: Subject) -> None:
    """Find mistakes in the parameters that only the catalogue and the hooks can tell.

    Raises:
        ParameterError: options of a check that does not exist or does not know them, a hook that
            nothing knows or that stands there twice, a variant that no hook has, a subsystem
            without files, a reader of artifacts that cannot be loaded, or a boundary that does not
            have the form of one; the message names the nearest.
    """
    roster = roster_of(subject)
    for key in subject.parameters.options:
        code = without_variant(key)[0]
        if code not in roster.codes:
            raise ParameterError(
                f"key 'options.{code}' names no check",
                where=str(subject.folder / "subject.yaml"),
                mend=_near(code, roster.codes, "`workbook list --checks` shows all"),
            )
        _with_options(roster.get(code), subject, code, key)
    selected(subject, roster)
    subject.source.subsystem  # noqa: B018 - asking is what finds out
    subject.readers  # noqa: B018 - the same
    own_boundaries(subject)
    try:
        written = subject.hooks.written
    except NotAssessed:  # a syntax error costs the checks that need hooks, and they say so
        return
    _check_hooks(subject, written)
    _check_bindings(subject, written)


def _check_bindings(subject: Subject, written: Sequence[tuple[str, int]]) -> None:
    """Find options and absences of a variant or key that there is not."""
    bindings = {without_variant(name)[1] for name, _ in written} - {""}
    bindings |= {text_of(key) for key in combinations(subject.parameters.keys) if key}
    for place in ("options", "absent"):
        for key in getattr(subject.parameters, place):
            variant = without_variant(key)[1]
            if variant and variant not in bindings:
                raise ParameterError(
                    f"key '{place}.{key}': there is no variant or key {variant!r}",
                    where=str(subject.folder / "subject.yaml"),
                    mend=_near(
                        variant, bindings, f"known: {', '.join(sorted(bindings)) or 'none'}"
                    ),
                )


def _check_hooks(subject: Subject, written: Sequence[tuple[str, int]]) -> None:
    """Find hooks that nothing knows, that stand there twice, or whose variant is no name."""
    file, first = subject.folder / subject.parameters.hooks, dict[str, int]()
    for name, line in written:
        hook, variant = without_variant(name)
        if hook not in HOOKS:
            raise ParameterError(
                f"no hook is called {hook!r}",
                where=f"{file}:{line}",
                mend=how_to_name(hook),
            )
        if variant and not VARIANT.match(variant):
            raise ParameterError(
                f"the variant of {hook!r} is no name written as plain text",
                where=f"{file}:{line}",
                mend=VARIANT_FORM,
            )
        if name in first:
            raise ParameterError(
                f"hook {name!r} stands here a second time, after line {first[name]}",
                where=f"{file}:{line}",
                mend=f'name several of a kind: @surface("{hook}", variant="...")',
            )
        first[name] = line


def _near(word: str, words: Iterable[str], otherwise: str) -> str:
    nearest = difflib.get_close_matches(word, list(words), n=1)
    return f"did you mean {nearest[0]!r}?" if nearest else otherwise
