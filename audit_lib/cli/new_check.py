"""``workbook new-check``: what a new check of the catalogue consists of, to be filled in."""

import re
import subprocess
import sys
from pathlib import Path

import click

from audit_lib.checks.catalogue import BY_TASK, CATALOGUE
from audit_lib.cli.output import echo
from audit_lib.errors import AuditError, ParameterError
from audit_lib.files import read_whole, write_whole
from audit_lib.hooks import HOOKS, how_to_name, signature
from audit_lib.model import Task

CHECKOUT = Path(__file__).parents[2]
_FORMS = Path(__file__).parent / "forms"


@click.command("new-check")
@click.argument("code")
@click.argument("name")
@click.option("--needs", multiple=True, help="A hook without which it cannot tell; repeatable.")
@click.option(
    "--task",
    type=click.Choice([task.value for task in Task]),
    help="The task that asks it.  [default: that of its contract's last check]",
)
def new_check(code: str, name: str, needs: tuple[str, ...], task: str | None) -> None:
    """Write check, page, tests and catalogue line of CODE, a class called NAME, in this checkout.

    The code says the contract (GOV007 is about governance), the name the property that holds
    (BetterNeverLoses).  The tests fail until all is filled in; docs/guide/check.md is an example.
    """
    contract, task = _place(code, name, task)
    for hook in needs:
        if hook not in HOOKS:
            raise ParameterError(
                f"no hook is called {hook!r}", where="--needs", mend=how_to_name(hook)
            )
    module = re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
    quoted = ", ".join(f'"{hook}"' for hook in needs)
    words = {
        "CODE": code,
        "NAME": name,
        "IMPORT": "" if needs else ", Reads",
        "READS": "" if needs else "    reads = Reads.CODE\n",
        "NEEDS": f"    needs = ({quoted},)\n" if needs else "",
        "ASKED": f'subject.hook("{needs[0]}")' if needs else "subject.source",
        "FOUND": "departs(" if needs else 'finding(Location("FILE", line=1), ',
        "HOOKS": "\n\n".join(signature(hook) for hook in needs),
    }
    files = {
        CHECKOUT / "audit_lib" / "checks" / contract / f"{module}.py": "check.txt",
        CHECKOUT / "tests" / "mutants" / contract / f"test_{module}.py": "tests.txt",
    }
    for file in files:
        if file.exists():
            raise ParameterError("exists already", where=str(file), mend="choose another NAME")
    for file, form in files.items():
        text = read_whole(_FORMS / form).decode("utf-8")
        write_whole(file, re.sub(r"<(\w+)>", lambda m: words[m[1]], text).encode())
        echo(f"wrote {file.relative_to(CHECKOUT)}")
    catalogue = CHECKOUT / "audit_lib" / "checks" / "catalogue.py"
    entry = f'        "{code}": "{contract}.{module}:{name}",\n'
    write_whole(catalogue, _entered(read_whole(catalogue).decode("utf-8"), task, entry).encode())
    echo(f"entered it under {task} in {catalogue.relative_to(CHECKOUT)}")
    subprocess.run([sys.executable, str(CHECKOUT / "docs" / "generate.py")], check=True)
    echo(f"wrote docs/checks/{code}.md from its docstring; `make docs` writes it again")
    echo(f"then: pytest {list(files)[1].relative_to(CHECKOUT)} --update-golden")


def _place(code: str, name: str, task: str | None) -> tuple[str, str]:
    """Contract and task of a code that is free."""
    if not (CHECKOUT / "tests" / "mutants").is_dir():
        raise AuditError(
            "this workbook is installed, and no checkout",
            where=str(CHECKOUT),
            mend="clone its repository; checks of one subject stand beside its subject.yaml",
        )
    alike = {other: at for other, at in CATALOGUE.items() if other[:3] == code[:3]}
    letters = ", ".join(sorted({other[:3] for other in CATALOGUE}))
    if not re.fullmatch(r"[A-Z]{3}\d{3}", code) or not alike or code in CATALOGUE:
        why = f"is {CATALOGUE[code]}" if code in CATALOGUE else "is no code of a contract"
        free = next(n for n in range(1, 999) if f"{code[:3]}{n:03}" not in CATALOGUE)
        mend = f"{code[:3]}{free:03} is free" if alike else f"begin with one of {letters}"
        raise ParameterError(f"{code!r} {why}", where="CODE", mend=mend)
    if not re.fullmatch(r"([A-Z][a-z0-9]+){2,}", name):
        raise ParameterError(
            f"{name!r} is no name of a property", where="NAME", mend="as in BetterNeverLoses"
        )
    last = next(t for t in reversed(BY_TASK) if any(other in BY_TASK[t] for other in alike))
    return next(iter(alike.values())).partition(".")[0], task or last.value


def _entered(text: str, task: str, entry: str) -> str:
    """The catalogue with one line more, where its task and order want it."""
    head, start, tail = text.partition(f"    Task.{task}: {{")
    first, *lines = tail.splitlines(keepends=True)
    end = next(n for n, line in enumerate(lines) if line.strip() == "},")
    lines[:end] = sorted([*lines[:end], entry])
    return head + start + first + "".join(lines)
