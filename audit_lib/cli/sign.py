"""Commands about who vouches for a packet, and whether it is whole: sign, verify."""

import json
from pathlib import Path

import click
from rich.text import Text

from audit_lib.cli.options import json_option
from audit_lib.cli.output import echo
from audit_lib.errors import AuditError, RunError
from audit_lib.packets.keys import new_key, trusted_keys
from audit_lib.packets.manifest import NAME, Problem, read_manifest
from audit_lib.packets.manifest import verify as verify_run
from audit_lib.packets.sign import DECISIONS, Signed, last_decisions, refusal, signatures
from audit_lib.packets.sign import sign as sign_run
from audit_lib.reporters.screen import Screen


@click.command()
@click.argument("run", metavar="[RUN]", required=False, type=click.Path(path_type=Path))
@click.option("--key", type=click.Path(path_type=Path), help="Your private key (Ed25519, PEM).")
@click.option("--name", help="Who signs, such as 'model risk desk'.")
@click.option("--decision", type=click.Choice(DECISIONS), help="What you decide on this version.")
@click.option("--override", default="", help="Why a broken packet is released all the same.")
@click.option("--remarks", default="", help="Conditions, or what else a reader should know.")
@click.option(
    "--new-key", "fresh", type=click.Path(path_type=Path), help="Write a new key there instead."
)
@click.option("--passphrase", is_flag=True, help="Ask for a passphrase to encrypt the new key.")
@click.pass_context
def sign(
    ctx: click.Context,
    run: Path | None,
    key: Path | None,
    name: str | None,
    decision: str | None,
    override: str,
    remarks: str,
    fresh: Path | None,
    passphrase: bool,
) -> None:
    """Sign the packet of RUN that you have read, or make a key to sign with.

    What is signed is the SHA-256 of the run's manifest, which lists every file of the packet, with
    your name, your decision and the time.  Signatures of others stay.  Exit codes: 0 signed, 1 the
    packet is not whole, or is partial, or broken and released without a reason, and was not signed.
    """
    if fresh is not None:
        _make_key(fresh, name or "YOUR NAME", passphrase=passphrase)
        return
    if run is None or key is None or not name or not decision:
        raise click.UsageError("give RUN, --key, --name and --decision; or --new-key FILE")
    folder = _folder(run)
    problems = verify_run(folder)
    if problems:
        _say_problems(problems)
        echo("not signed: the packet is not whole", err=True)
        ctx.exit(1)
    why = refusal(folder, decision, override)
    if why:
        echo(f"not signed: {why}; or decide `conditions` or `reject`", err=True)
        ctx.exit(1)
    public = sign_run(
        folder,
        key,
        name=name,
        decision=decision,
        remarks=remarks,
        override=override,
        ask=_ask_passphrase,
    )
    echo(f"signed: {folder.name}, {decision}, by {name}")
    echo(f"others trust your key by this line:\n{public.line(name)}")


@click.command()
@click.argument("run", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--trusted",
    type=click.Path(path_type=Path),
    help="Keys to trust, one a line: `ed25519 KEY NAME`.  One of them must have signed.",
)
@json_option
@click.pass_context
def verify(ctx: click.Context, run: Path, trusted: Path | None, output_format: str) -> None:
    """Prove that a packet is whole, that its files are those of its manifest, and who signed it.

    RUN is the folder of a run, such as reports/<subject>/<version>/latest.  Checks every file
    against the manifest's SHA-256, the results against their sentinels, that the subject was not
    changed, and every signature.  Exit codes: 0 whole, 1 not, or not signed with a trusted key, or
    rejected by one.
    """
    folder = _folder(run)
    keys = trusted_keys(trusted) if trusted is not None else None
    problems = verify_run(folder)
    signed = signatures(folder, keys) if (folder / NAME).is_file() else []
    problems += [
        Problem(f"signature of {s.name or 'nobody'}", s.problem) for s in signed if s.problem
    ]
    if keys is not None and not any(s.trusted_as is not None for s in signed):
        problems.append(Problem("", _why_untrusted(signed)))
    problems += [
        Problem("", f"a trusted key has rejected it: {s.trusted_as or s.name}")
        for s in last_decisions(signed)
        if s.trusted_as is not None and s.decision == "reject"
    ]
    if output_format == "json":
        listed = [{"path": p.path, "message": p.message} for p in problems]
        checked = [_signature(s, checked=keys is not None) for s in signed]
        record = {"whole": not problems, "problems": listed, "signatures": checked}
        echo(json.dumps(record, indent=2))
    else:
        _say(folder, problems, signed, checked=keys is not None)
    ctx.exit(1 if problems else 0)


def _folder(run: Path) -> Path:
    if not run.is_dir():
        raise RunError(
            f"{run} is not a folder",
            where="RUN",
            mend="name a run, such as reports/<subject>/<version>/latest",
        )
    return run.resolve()


def _make_key(file: Path, name: str, *, passphrase: bool) -> None:
    secret = click.prompt("passphrase", hide_input=True, confirmation_prompt=True, err=True) \
        if passphrase else ""  # fmt: skip
    public = new_key(file, secret)
    echo(f"wrote {file}; keep it to yourself. Others trust it by this line:", err=True)
    echo(public.line(name))


def _ask_passphrase() -> str:
    try:
        return str(click.prompt("passphrase of the key", hide_input=True, err=True))
    except click.Abort:
        raise AuditError("is encrypted", where="--key", mend="type its passphrase") from None


def _why_untrusted(signed: list[Signed]) -> str:
    holding = [s for s in signed if s.holds and s.key is not None]
    if not signed:
        return "it is not signed"
    if not holding:
        return "no signature holds"
    names = ", ".join(f"{s.name} ({s.key.id[:16]})" for s in holding if s.key)
    return f"no trusted key has signed it; unknown: {names}"


def _say(folder: Path, problems: list[Problem], signed: list[Signed], *, checked: bool) -> None:
    _say_problems(problems)
    console = Screen(soft_wrap=True, highlight=False)
    if not any(p.path and not p.path.startswith("signature of") for p in problems):
        files = len(read_manifest(folder).files)
        console.print(Text(f"whole: {files} files are as {NAME} says", style="green"))
    for one in (s for s in signed if s.holds):
        tone, signer = _standing(one, checked=checked)
        console.print(Text(f"signed: {one.decision}, by {signer}, {one.at}", style=tone))
        if one.override:
            console.print(Text(f"  released though it is broken: {one.override}", style="red"))
        if one.remarks:
            console.print(Text(f"  {one.remarks}"))
    if not signed:
        console.print(Text("not signed: this shows what the manifest covers, not who wrote it"))


def _standing(one: Signed, *, checked: bool) -> tuple[str, str]:
    key = f"key {one.key.id[:16]}" if one.key else "no key"
    if one.trusted_as is not None:
        name = one.trusted_as or one.name
        alias = f", calling themselves {one.name}" if one.name and one.name != name else ""
        return "green", f"{name}{alias} ({key}, trusted)"
    if checked:
        return "yellow", f"somebody calling themselves {one.name} ({key}, not trusted)"
    return "yellow", f"somebody calling themselves {one.name} ({key}; give --trusted to know who)"


def _signature(one: Signed, *, checked: bool) -> dict[str, object]:
    return {
        "name": one.name,
        "key": one.key.id if one.key else "",
        "trusted": one.trusted_as is not None if checked else None,
        "trusted_as": one.trusted_as,
        "decision": one.decision,
        "remarks": one.remarks,
        "override": one.override,
        "at": one.at,
        "problem": one.problem,
    }


def _say_problems(problems: list[Problem]) -> None:
    console = Screen(soft_wrap=True, highlight=False)
    for problem in problems:
        console.print(Text(str(problem), style="red"))
