"""``workbook pull``: a copy of what a tracking server registers, for audits to read."""

import os
from pathlib import Path

import click

from audit_lib.cli.options import subject_options
from audit_lib.cli.output import echo
from audit_lib.errors import ParameterError
from audit_lib.subject.subject import Subject


@click.command()
@subject_options()
@click.option(
    "--most-mb", default=2048, show_default=True, help="Megabytes that a version may have."
)
def pull(subject: Subject, most_mb: int) -> None:
    """Copy the versions of SUBJECT's model from its MLflow server into its store.

    Files are read over the server's REST API and never loaded.  Credentials come from
    MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD.
    """
    from audit_lib.subject.mlflow_rest import pull as copied

    artifacts = subject.parameters.artifacts
    if artifacts is None or artifacts.mlflow is None or not artifacts.mlflow.tracking_uri:
        raise ParameterError(
            "no tracking server is named",
            where=f"{subject.folder / 'subject.yaml'}: artifacts.mlflow.tracking_uri",
            mend="name one, as http://host:5000; a file store is read where it is",
        )
    store = Path(os.path.normpath(subject.root / artifacts.store))
    versions = copied(artifacts.mlflow, store, most_mb=most_mb)
    echo(f"{len(versions)} versions of {artifacts.mlflow.model} in {store}")
