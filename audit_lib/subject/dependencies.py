"""Third-party packages that a repository declares, read from the files that installers read.

Nothing is run: ``setup.py`` is read for literals.  What is imported and what is declared bear other
names now and then (``sklearn`` is scikit-learn); names are compared loosely, so that what is called
undeclared is so under any spelling known.
"""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import cache, cached_property
from importlib.metadata import PackageNotFoundError, packages_distributions, requires
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name

from audit_lib.files import MOST_TEXT, read_words
from audit_lib.subject.source import SKIPPED_FOLDERS

#: Import names to distributions, where they differ and nothing installed here tells.
_LONG = 5
KNOWN = {
    "sklearn": "scikit-learn", "yaml": "pyyaml", "PIL": "pillow",
    "cv2": "opencv-python opencv-contrib-python opencv-python-headless "
           "opencv-contrib-python-headless",
    "bs4": "beautifulsoup4", "dateutil": "python-dateutil", "dotenv": "python-dotenv",
    "talib": "ta-lib", "skimage": "scikit-image", "Crypto": "pycryptodome", "jwt": "pyjwt",
    "MySQLdb": "mysqlclient", "psycopg2": "psycopg2-binary", "serial": "pyserial",
    "torch": "pytorch", "git": "gitpython", "google.protobuf": "protobuf", "ibapi": "ibapi",
    "attr": "attrs", "pkg_resources": "setuptools", "umap": "umap-learn",
    "community": "python-louvain", "websocket": "websocket-client",
    "telegram": "python-telegram-bot", "binance": "python-binance",
    "alpaca_trade_api": "alpaca-trade-api", "faiss": "faiss-cpu", "tensorflow": "tensorflow-cpu",
    "xgboost": "xgboost-cpu", "slugify": "python-slugify", "py_vollib": "vollib",
    "skbase": "scikit-base", "imblearn": "imbalanced-learn",
    "fp": "free-proxy", "sklearnex": "scikit-learn-intelex",
    "pywt": "pywavelets", "mpl_toolkits": "matplotlib", "pylab": "matplotlib",
    "ruamel": "ruamel-yaml", "OpenSSL": "pyopenssl", "usb": "pyusb", "zmq": "pyzmq",
    "magic": "python-magic", "kafka": "kafka-python", "nacl": "pynacl", "wx": "wxpython",
    "gi": "pygobject", "win32com": "pywin32", "win32api": "pywin32", "IPython": "ipython",
    "dateparser": "dateparser", "quantlib": "quantlib-python", "fitz": "pymupdf",
    "docx": "python-docx", "progressbar": "progressbar2", "playhouse": "peewee",
    "uuid_extensions": "uuid7",
}  # fmt: skip
_PYTHON = re.compile(
    r"^[ \t]*(?:requires-python|Requires-Python|python_requires|python)[ \t]*[=:][ \t]*"
    r"[\"']?([\d^~<>=!*., ]+)",
    re.MULTILINE,
)
#: What packages have long brought along, for those that are not installed here.
BROUGHT = {
    "flask": "werkzeug jinja2 click itsdangerous markupsafe blinker",
    "boto3": "botocore s3transfer", "requests": "urllib3 certifi idna charset-normalizer",
    "pandas": "numpy python-dateutil pytz six", "scikit-learn": "numpy scipy joblib threadpoolctl",
    "statsmodels": "numpy scipy pandas patsy", "xgboost": "numpy scipy",
    "lightgbm": "numpy scipy", "catboost": "numpy pandas scipy plotly matplotlib",
    "lightning": "torch torchmetrics tqdm pyyaml packaging typing-extensions fsspec",
    "pytorch-lightning": "torch torchmetrics tqdm pyyaml packaging fsspec",
    "torchvision": "torch numpy pillow", "matplotlib": "numpy pillow packaging",
    "seaborn": "numpy pandas matplotlib", "jupyter": "ipython ipykernel notebook nbconvert",
    "ipykernel": "ipython", "fastapi": "pydantic starlette", "streamlit": "pandas numpy altair",
    "dask": "cloudpickle fsspec toolz pyyaml", "ib-insync": "eventkit nest-asyncio",
    "yfinance": "pandas numpy requests beautifulsoup4 multitasking platformdirs peewee",
    "python-binance": "requests aiohttp dateparser websockets pycryptodome six",
    "ccxt": "requests aiohttp cryptography certifi yarl", "backtesting": "numpy pandas bokeh",
    "alpaca-trade-api": "pandas numpy requests urllib3 websocket-client websockets pyyaml aiohttp",
    "mlflow": "numpy pandas scikit-learn pyyaml", "cvxpy": "numpy scipy",
    "aiohttp": "yarl multidict", "ray": "numpy pyyaml requests",
}  # fmt: skip
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)$")
_LOCKS = ("poetry.lock", "uv.lock", "pdm.lock", "Pipfile.lock", "conda-lock.yml", "pixi.lock")


@dataclass(frozen=True)
class Declared:
    """One declared package.

    Attributes:
        name: as written.
        spec: the version specifier; '' for any.
        file, line: where; the line is 0 where the form has none.
        required: always installed; else of an extra, a group or a development file.
    """

    name: str
    spec: str
    file: str
    line: int
    required: bool


class Dependencies:
    """What a repository declares.

    Args:
        root: the checkout.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def declared(self) -> tuple[Declared, ...]:
        """Every declaration, file by file."""
        return tuple(d for file in self.files for d in _read(self.root, file))

    @cached_property
    def files(self) -> tuple[str, ...]:
        """Files that declare packages, relative to the root; those of the folder above included.

        A root that is a package itself has them beside it.
        """
        beside = (self.root / "__init__.py").exists()
        declaring = []
        for folder in [self.root, *([self.root.parent] if beside else [])]:
            inner = [f for f in sorted(folder.iterdir()) if f.is_dir() and _holds(f)]
            for place in [folder, *inner]:
                files = (f for f in sorted(place.iterdir()) if f.is_file())
                declaring += [f for f in files if _declares(f, folder)]
        names = (
            f.relative_to(self.root).as_posix() if f.is_relative_to(self.root) else f"../{f.name}"
            for f in declaring
        )
        return tuple(dict.fromkeys(names))

    @cached_property
    def python(self) -> str:
        """Versions of Python that the repository is for (PEP 440); '' where nothing says it."""
        for file in self.files:
            with suppress(OSError):
                text = read_words(self.root / file, errors="replace", most=MOST_TEXT)
                if (versions := _PYTHON.search(text)) is not None:
                    return re.sub(r"\^|~=?(?=\d+\.\d+(?!\.))", ">=", versions[1])
        return ""

    @cached_property
    def locked(self) -> bool:
        """True where a lock file stands beside."""
        return any((self.root / name).is_file() for name in _LOCKS)

    @cached_property
    def _names(self) -> dict[str, bool]:
        required: dict[str, bool] = {}
        for d in self.declared:
            name = canonicalize_name(d.name)
            required[name] = required.get(name, False) or d.required
        return required

    def requires(self, imported: str) -> bool:
        """True where what is imported is always installed."""
        return any(self._names[n] for n in _spellings(imported) & self._names.keys())

    def declares(self, imported: str) -> bool:
        """True where some declaration may bring what is imported."""
        return any(may_bring(name, imported) for name in self._names)

    def brings(self, imported: str) -> str:
        """A declared package that requires the one imported, as far as is installed here."""
        wanted = _spellings(imported)
        for name in sorted(self._names):
            if not wanted.isdisjoint(BROUGHT.get(name, "").split()):
                return name
            try:
                needs = requires(name) or []
            except PackageNotFoundError:
                continue
            names = [canonicalize_name(_split(n)[0]) for n in needs if "extra ==" not in n]
            if not wanted.isdisjoint(names):
                return name
        return ""


def may_bring(distribution: str, imported: str) -> bool:
    """True where a distribution of that name may hold what is imported."""
    name, top = canonicalize_name(distribution), canonicalize_name(imported.partition(".")[0])
    if name in _spellings(imported) or name.startswith(f"{top}-") or name.endswith(f"-{top}"):
        return True
    whole, short = name.replace("-", ""), top.replace("-", "")  # scikitplot of scikit-plot
    if whole == short or (len(short) >= _LONG and whole.endswith(short)):  # and of a fork of it
        return True
    # jpype of jpype1, gph of giotto-ph
    *first, last = name.split("-")
    if name.rstrip("0123456789") == top or (first and "".join(w[:1] for w in first) + last == top):
        return True
    # of two words and more, shortened: ``eth_defi`` of ``web3-ethereum-defi``
    words, parts = top.split("-"), name.split("-")
    return len(words) > 1 and all(any(w.startswith(t) for w in parts) for t in words if t)


def is_known(imported: str) -> bool:
    """True where it is known which distribution brings a module of that name."""
    top = imported.partition(".")[0]
    return bool({top, imported} & KNOWN.keys()) or top in _installed()


@cache
def _spellings(imported: str) -> frozenset[str]:
    """Names of distributions that may bring what is imported."""
    top = imported.partition(".")[0]
    first_two = ".".join(imported.split(".")[:2])
    names = {top, first_two, f"python-{top}", f"py{top}", f"{top}-python", f"{top}-binary"}
    names |= {d for n in (top, first_two) for d in KNOWN.get(n, "").split()}
    names |= set(_installed().get(top, ()))
    return frozenset(map(canonicalize_name, names))


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def _holds(folder: Path) -> bool:
    """True for folders in which declarations stand beside the root's own."""
    name = folder.name
    if name in SKIPPED_FOLDERS:
        return False
    named = name in ("requirements", "requirements.d", "deps", "conda")
    named = named or name.endswith((".dist-info", ".egg-info"))
    return named or (folder / "pyproject.toml").is_file()


def _declares(file: Path, folder: Path) -> bool:
    name = file.name.lower()
    if file.parent.name.endswith((".dist-info", ".egg-info")):
        return name in ("metadata", "requires.txt")
    if name in ("pyproject.toml", "setup.cfg", "setup.py", "pipfile", "meta.yaml"):
        return True
    if name.endswith((".yml", ".yaml")):
        return "env" in name or "conda" in name
    wanted = "require" in name or "depend" in name or file.parent != folder
    return wanted and name.endswith((".txt", ".in", ".pip"))


def _read(root: Path, path: str) -> Iterator[Declared]:
    file = root / path
    try:
        text = read_words(file, errors="replace", most=MOST_TEXT)
    except OSError:  # a device, or no file any more
        return
    name = file.name.lower()
    try:
        if name in ("pyproject.toml", "pipfile"):
            yield from _toml(path, text, tomllib.loads(text))
        elif name == "setup.cfg":
            yield from _setup_cfg(path, text)
        elif name == "setup.py":
            yield from _setup_py(path, text)
        elif name == "metadata":
            yield from _metadata(path, text)
        elif name.endswith((".yml", ".yaml")):
            yield from _conda(path, text, yaml.safe_load(text))
        else:
            required = not re.search(r"dev|test|doc|lint|extra|opt|build", name)
            yield from _lines(path, text, required=required)
    except (tomllib.TOMLDecodeError, yaml.YAMLError, configparser.Error, SyntaxError, ValueError):
        return


def _toml(path: str, text: str, data: Mapping[str, Any]) -> Iterator[Declared]:
    project, tool = data.get("project", {}), data.get("tool", {})
    yield from _each(path, text, project.get("dependencies", []), required=True)
    groups = [*project.get("optional-dependencies", {}).values()]
    groups += [*data.get("dependency-groups", {}).values()]
    groups += [*tool.get("pdm", {}).get("dev-dependencies", {}).values()]
    groups.append(tool.get("uv", {}).get("dev-dependencies", []))
    for group in groups:
        yield from _each(path, text, [x for x in group if isinstance(x, str)], required=False)
    poetry = tool.get("poetry", {})
    tables = [(poetry.get("dependencies", {}), True), (poetry.get("dev-dependencies", {}), False)]
    tables += [(g.get("dependencies", {}), False) for g in poetry.get("group", {}).values()]
    tables += [(data.get("packages", {}), True), (data.get("dev-packages", {}), False)]
    for table, required in tables:
        for name, spec in table.items() if isinstance(table, dict) else ():
            optional = isinstance(spec, dict) and bool(spec.get("optional"))
            version = spec if isinstance(spec, str) else str((spec or {}).get("version", ""))
            if name.lower() != "python":
                line = _line(text, name)
                yield Declared(name, version.strip("*"), path, line, required and not optional)


def _setup_cfg(path: str, text: str) -> Iterator[Declared]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.read_string(text)
    for section, option in (("options", "install_requires"), ("metadata", "requires_dist")):
        if parser.has_option(section, option):
            yield from _each(path, text, parser.get(section, option).splitlines(), required=True)
    if parser.has_section("options.extras_require"):
        for _, value in parser.items("options.extras_require"):
            yield from _each(path, text, value.splitlines(), required=False)


def _setup_py(path: str, text: str) -> Iterator[Declared]:
    """Every text in a list near a word such as ``install_requires``, wherever it is assembled."""
    for node in ast.walk(ast.parse(text)):
        about = ""
        if isinstance(node, ast.keyword):
            about = node.arg or ""
        elif isinstance(node, ast.Assign):
            about = ast.unparse(node.targets[0])
        if re.search(r"require|depend|extra", about, re.I) and node.value is not None:  # type: ignore[attr-defined]
            required = not re.search(r"extra|test|dev|setup|build", about, re.I)
            texts = [n.value for n in ast.walk(node) if isinstance(n, ast.Constant)
                     and isinstance(n.value, str)]  # fmt: skip
            yield from _each(path, text, texts, required=required)


def _metadata(path: str, text: str) -> Iterator[Declared]:
    for item in HeaderParser().parsestr(text).get_all("Requires-Dist") or []:
        name, spec = _split(str(item))
        yield Declared(name, spec, path, _line(text, name), "extra ==" not in str(item))
        yield from _extras(str(item), path, _line(text, name))


def _conda(path: str, text: str, data: Any) -> Iterator[Declared]:
    for item in data.get("dependencies", []) if isinstance(data, dict) else []:
        if isinstance(item, str):
            name, spec = _split(item.rpartition("::")[2])
            if name != "python":
                yield Declared(name, spec, path, _line(text, name), True)
        elif isinstance(item, dict):
            yield from _each(path, text, [str(x) for x in item.get("pip") or []], required=True)


def _lines(path: str, text: str, *, required: bool) -> Iterator[Declared]:
    for number, written in enumerate(text.splitlines(), 1):
        line = re.sub(r"(^|\s)#.*$", "", written).strip().rstrip("\\").strip()
        if line.startswith("["):
            required = False  # the extras of requires.txt
        elif "egg=" in line:
            yield Declared(line.rpartition("egg=")[2].partition("&")[0], "", path, number, required)
        elif line and not line.startswith(("-", "http", "git+", "./", "/")):
            name, spec = _split(line)
            if name:
                yield Declared(name, spec, path, number, required)
                yield from _extras(line, path, number)


def _each(path: str, text: str, items: Iterable[str], *, required: bool) -> Iterator[Declared]:
    for item in items:
        name, spec = _split(item)
        if name:
            yield Declared(name, spec, path, _line(text, name), required)
            yield from _extras(item, path, _line(text, name))


def _extras(item: str, path: str, line: int) -> Iterator[Declared]:
    """Packages that a requirement asks for by its extras: ``polars[pandas]``."""
    extras = re.match(r"[\w.\s-]+\[([^\]]+)\]", item.strip())
    for extra in extras[1].split(",") if extras is not None else ():
        yield Declared(extra.strip(), "", path, line, False)


def _split(item: str) -> tuple[str, str]:
    requirement = _NAME.match(item.partition(";")[0].strip())
    if requirement is None:
        return "", ""
    spec = requirement[2].strip().strip("()")
    return requirement[1], "" if spec.startswith("@") else spec


def _line(text: str, name: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if re.search(rf"(^|[\s\"'\[]){re.escape(name)}($|[^A-Za-z0-9_])", line, re.I):
            return number
    return 0
