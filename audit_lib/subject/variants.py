"""Runs through the variants of a subject's hooks: which there are is told by what is asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from audit_lib.errors import NotAssessed
from audit_lib.hooks import without_variant
from audit_lib.subject.subject import Subject

Asked = dict[str, str | None]


def each_variant(subject: Subject) -> Iterator[tuple[Subject, Asked]]:
    """The subject as it is, then bound to each further variant of the hooks asked for meanwhile.

    With each comes what it was asked for, which fills while the caller works.  Variants of one name
    go together, also across surfaces; a surface that does not know a name stays at its first.
    """
    every: Asked = {}
    done: list[str] = []
    left = [subject.variant]
    while left:
        name = left.pop(0)
        bound = subject if name == subject.variant else subject.as_variant(name)
        with bound.noting() as asked:
            yield bound, asked
        every.update(asked)
        done.append(name)
        left = [name for name in _names(subject, every) if _is_new(subject, name, done, every)]


def in_use(subject: Subject, hooks: Iterable[str]) -> tuple[str, ...]:
    """Variants that serve when those hooks are asked for, the one the subject is bound to first."""
    found = [subject.variant]
    try:
        for hook in hooks:
            chosen = subject.hooks.chosen(hook, subject.variant)
            if chosen:
                found.append(without_variant(chosen)[1])
            elif subject.hooks.variants(hook):  # written, but not for this variant
                found.append(subject.hooks.meant(hook, subject.variant))
    except NotAssessed:  # the hooks file does not parse, and every hook asked for says so
        return ()
    return tuple(dict.fromkeys(filter(None, found)))


def _names(subject: Subject, asked: Iterable[str]) -> list[str]:
    found = (v for hook in asked for v in subject.hooks.variants(hook) if v)
    return list(dict.fromkeys(found))


def _is_new(subject: Subject, name: str, done: Iterable[str], asked: Iterable[str]) -> bool:
    """True where some hook that was asked for is not the one of a run before."""
    hooks = list(asked)

    def serving(variant: str) -> list[str | None]:
        return [subject.hooks.chosen(hook, variant) for hook in hooks]

    return serving(name) not in [serving(variant) for variant in done]
