"""Writes what first contact found as a parameters folder, each guess marked as one."""

import json
from collections.abc import Iterator
from pathlib import Path

from audit_lib.hooks import HOOKS, SURFACES, purpose, signature
from audit_lib.subject.discovery.discovery import Discovery
from audit_lib.subject.discovery.surfaces import Candidate

GUESS = "  # guess"
CANDIDATES = "candidates.json"


def render(found: Discovery, name: str, *, root: str) -> dict[str, str]:
    """Files of the parameters folder, by name.

    Args:
        name: the subject's name.
        root: the checkout as ``source.root``; '' leaves it to ``--root``.
    """
    return {
        "subject.yaml": "\n".join(_subject(found, name, root)) + "\n",
        "hooks.py": "\n".join(_hooks(found, name)) + "\n",
        CANDIDATES: _candidates(found),
        "README.md": "\n".join(_readme(found, name)) + "\n",
    }


FORMS_HEAD = "# What engines have besides, where yours does (the guide has a page on each):"
#: a line of subject.yaml each
FORMS = (
    "keys: {horizon: {values: [5, 10, 20], stored: /horizon}}  # models kept apart",
    "sides: {regimes: label}  # how a table beside the features is joined",
    "codes: {regime: {0: calm, 1: stressed}}  # what numbers mean, wherever the source says it",
    "known_at: {macro: published}  # table of features.sides: its column of dates",
    "files: {data/macro.csv: known at the close of its date}  # read by features.build",
    "windows: {length: 20, stored: /window}  # a prediction rests on several rows",
    "clock: {opens: 9h30min, closes: 16h}  # of a bar, where live takes `now`",
    "orders: {strike: {kind: number}}  # fields of an order beside side, size and gate",
    "account: {drawdown: {worst: 0.5, limit: 0.2}}  # what limits look at: decisions.account",
    "heads: {up: {kind: probability, output: 0}}  # outputs, where the checkpoint does not say",
)


def _subject(found: Discovery, name: str, root: str) -> Iterator[str]:
    yield "# Written by `workbook new-subject` from a look at the source; nothing was run."
    yield "# What it guessed is marked; correct it, and remove the mark."
    yield f"subject: {name}"
    yield "source:"
    if root:
        yield f"  root: {json.dumps(root)}"
    if found.is_package:
        yield f"  package: {found.package}{GUESS}: the root folder is the package"
    elif found.package:
        yield f"  # package: the root holds the package {found.package}, so none is named here"
    yield f"  subsystem:{GUESS}: where candidates for hooks stand"
    if found.mapped:
        yield f"    map: {json.dumps(found.documents['subsystem_map'])}"
        yield f"    id: {found.mapped}"
    else:
        yield "    files:"
        yield from (f"      - {json.dumps(glob)}" for glob in found.subsystem)
    if found.high_risk:
        yield f"  high_risk:{GUESS}: long files that many import"
        yield from (f"    - {json.dumps(path)}" for path in found.high_risk)
    yield from _artifacts(found)
    if found.documents:
        yield "documents:"
        yield from (
            f"  {kind}: {json.dumps(path)}{GUESS}" for kind, path in found.documents.items()
        )
    yield "hooks: hooks.py"
    yield "# Surfaces that the engine does not have are declared, with the reason:"
    yield "# absent:"
    yield "#   online: the engine learns in batches only"
    yield FORMS_HEAD
    yield from (f"# {form}" for form in FORMS)


def _artifacts(found: Discovery) -> Iterator[str]:
    store = found.store
    if store is None:
        yield "# No file in a model format was found. Where the artifacts are elsewhere, say so:"
        yield "# artifacts:"
        yield "#   store: ../trained_models"
        return
    told = ", ".join(f"{n} {form}" for form, n in sorted(store.models.items()))
    yield "artifacts:"
    yield f"  store: {json.dumps(store.path)}{GUESS}: {told}"
    if store.mlflow:
        yield f"  mlflow: {{model: {json.dumps(store.mlflow)}}}{GUESS}: of those it registers"
        return
    if store.version_dir != "{version}":
        yield f"  version_dir: {json.dumps(store.version_dir)}{GUESS}"
    if store.metadata:
        yield f"  metadata: {json.dumps(store.metadata)}{GUESS}"
    if store.fields:
        yield f"  fields:{GUESS}: where the metadata keeps what the contracts ask for"
        yield from (f"    {name}: {json.dumps(at)}" for name, at in store.fields.items())
    if not store.registry:
        told = f"{', '.join(store.databases)} is for hooks" if store.databases else ""
        yield f"  registry: null{GUESS}: {told or 'no file names the folders of the store'}"
    else:
        yield f"  registry:{GUESS}"
        yield f"    file: {json.dumps(store.registry)}"
        for key in ("versions", "id", "latest", "champion", "metrics"):
            value = getattr(store, key)
            none = key in ("latest", "champion") and not value
            yield f"    {key}: {'null' if none else json.dumps(value)}"
    others = [s.path for s in found.stores[1:6]]
    if others:
        yield f"  # other folders with models: {', '.join(others)}"
    if store.keys:
        yield f"keys:{GUESS}: versions differ by it"
    for name, (pointer, values) in store.keys.items():
        yield f"  {name}: {{values: {json.dumps(values)}, stored: {json.dumps(pointer)}}}"


def _hooks(found: Discovery, name: str) -> Iterator[str]:
    yield f'"""Hooks of {name}: one short function a surface, none of them written yet.'
    yield ""
    yield "Each block is an example made from what was found; uncomment it, correct it, and let"
    yield f"`workbook hooks check {name}` say whether it answers in form.  All of it is a guess."
    yield '"""'
    yield ""
    yield "from __future__ import annotations"
    yield ""
    yield "# import importlib"
    yield "# import sys"
    yield "#"
    yield "# from audit_lib.hooks import Context, Refusal, surface"
    yield "#"
    yield "#"
    yield "# def engine(at: Context, module: str):"
    yield '#     """A module of the checkout under audit."""'
    yield f"#     sys.path.insert(0, str({_import_root(found)}))"
    yield "#     return importlib.import_module(module)"
    by_hook: dict[str, list[Candidate]] = {}
    for candidate in found.candidates:
        by_hook.setdefault(candidate.hook, []).append(candidate)
    for surface in SURFACES:
        chosen = {h: c for h, c in by_hook.items() if h.split(".")[0] == surface}
        if chosen:
            yield ""
            yield ""
            yield f"# --- {surface} {'-' * (90 - len(surface))}"
        for hook, listed in chosen.items():
            yield "#"
            yield f"# {purpose(hook)}"
            yield "# found:"
            yield from (f"#   {c.path}:{c.line}  {c.name}{_cut(c.signature)}" for c in listed)
            if len(listed) > 1:
                yield "# where several are in use, each is a variant:"
                yield f'#   @surface("{hook}", variant="...")'
            yield from (f"# {line}" for line in _example(found, listed[0]))
    yield from _not_found(by_hook)


def _not_found(by_hook: dict[str, list[Candidate]]) -> Iterator[str]:
    """Every other hook there is, a line each: what nobody guessed is easily forgotten."""
    yield ""
    yield ""
    yield f"# --- nothing was found that looks like these {'-' * 54}"
    yield "# Where the engine has it, write the hook: `workbook explain HOOK` shows how."
    yield "# Where it has not, say so under `absent` in subject.yaml."
    yield "#"
    lines = dict.fromkeys(purpose(hook) for hook in HOOKS if hook not in by_hook)
    yield from (f"# {line}" for line in lines)


def _example(found: Discovery, candidate: Candidate) -> Iterator[str]:
    head = signature(candidate.hook).split("\n")
    yield head[0]
    yield head[1].removesuffix(" ...")
    owner, _, function = candidate.name.rpartition(".")
    yield f'    module = engine(at, "{module_name(found, candidate.path)}")'
    caller = f"module.{owner}(...).{function}" if owner else f"module.{function}"
    yield f"    return {caller}(...)"


def module_name(found: Discovery, path: str) -> str:
    """Dotted name by which the repository's own code imports a file."""
    parts = list(Path(path).with_suffix("").parts)
    if parts[0] == "src" and not found.from_src:
        parts = parts[1:]
    if parts[-1] == "__init__":
        parts = parts[:-1]
    if found.is_package:
        parts = [found.package, *parts]
    return ".".join(parts)


def _import_root(found: Discovery) -> str:
    if found.is_package:
        return "at.root.parent"
    return 'at.root / "src"' if (found.root / "src" / found.package).is_dir() else "at.root"


def _candidates(found: Discovery) -> str:
    listed: dict[str, list[str]] = {}
    for c in found.candidates:
        listed.setdefault(c.hook, []).append(f"{c.path}:{c.line} {c.name}{_cut(c.signature)}")
    return json.dumps(listed, indent=2) + "\n"


def _readme(found: Discovery, name: str) -> Iterator[str]:
    yield f"# {name}"
    yield ""
    yield f"Found in {found.files} Python files of {found.lines:,} lines, tests left out."
    yield ""
    yield "| part | lines |"
    yield "|---|---:|"
    yield from (f"| `{part}` | {lines:,} |" for part, lines in list(found.parts.items())[:12])
    if found.unread:
        counted = ", ".join(f"{count} {ending}" for ending, count in found.unread.items())
        yield ""
        yield f"Not read, since only Python is: {counted} files."
    if found.entry_points:
        yield ""
        yield "Runs begin at:"
        yield ""
        yield from (f"- `{point}`" for point in found.entry_points[:15])
        if len(found.entry_points) > 15:
            yield f"- and {len(found.entry_points) - 15} more"
    yield ""
    yield "Next: correct the guesses in `subject.yaml`, write hooks in `hooks.py`, then"
    yield ""
    yield f"    workbook hooks check {name}"
    yield f"    workbook run {name}"


def _cut(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 90 else flat[:87] + "..."
