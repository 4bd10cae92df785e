"""Runs through variants and keys of a subject's hooks: which, is told by what is asked for."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from audit_lib.errors import NotAssessed
from audit_lib.hooks import without_variant
from audit_lib.subject.bound import Serving
from audit_lib.subject.keys import Value, text_of
from audit_lib.subject.subject import Subject

Asked = Mapping[str, Serving]


def each_variant(subject: Subject) -> Iterator[tuple[Subject, Asked]]:
    """The subject bound to each variant and key of the hooks that are asked for meanwhile.

    With each comes what it was asked for, which fills while the caller works.  Variants of one name
    go together, also across surfaces; a surface that does not know a name stays at its first.
    Where a hook that answers for the version's own model is asked for, other keys than the
    version's are left out: labels of 20 bars tell nothing of a model for 10.
    """
    every: dict[str, Serving] = {}
    done: list[Subject] = []
    left = [subject if subject.base is not subject else subject.bound("", subject.every_key()[0])]
    while left:
        bound = left[0]
        with bound.noting() as asked:
            yield bound, asked
        every.update(asked)
        done.append(bound)
        if subject.base is subject:
            left = [b for b in _bindings(subject, every) if _is_new(b, done, every)]
        else:  # it is bound already, and meant to be
            left = []


def in_use(subject: Subject, hooks: Iterable[str]) -> tuple[str, ...]:
    """Names of what serves when those hooks are asked for: variants, then the key."""
    variants, key = [subject.variant], dict[str, Value]()
    try:
        for hook in hooks:
            chosen, _ = subject.serving(hook)
            if chosen:
                variants.append(without_variant(chosen)[1])
            elif subject.hooks.variants(hook):  # written, but not for this variant
                variants.append(subject.hooks.meant(hook, subject.variant))
            key |= subject.in_turn(hook)
    except NotAssessed:  # the hooks file does not parse, and every hook asked for says so
        return ()
    return tuple(dict.fromkeys(filter(None, [*variants, text_of(key)])))


def _bindings(subject: Subject, asked: Collection[str]) -> list[Subject]:
    named = (v for hook in asked for v in subject.hooks.variants(hook) if v)
    variants = list(dict.fromkeys(["", *named]))
    keys = subject.every_key()
    if len(keys) > 1 and any(map(subject.is_own, asked)):
        own = subject.own_key
        keys = [key for key in keys if own.items() <= key.items()]
    return [subject.bound(variant, key) for key in keys for variant in variants]


def _is_new(bound: Subject, done: Iterable[Subject], asked: Iterable[str]) -> bool:
    """True where some hook that was asked for is not served as in a run before."""
    hooks = list(asked)
    return not any(all(bound.serving(h) == other.serving(h) for h in hooks) for other in done)
