from audit_lib.checks.base import Answers, Check, Reads, Subject
from audit_lib.errors import NotApplicable
from audit_lib.model import Examined, Location, Severity
from audit_lib.probes.code.network_loads import NetworkLoad, network_loads
from audit_lib.probes.code.surroundings import is_aside
from audit_lib.subject.code import code_of
from audit_lib.subject.units import MODULE


class NetworksAreLoadedWhole(Check):
    """A network that is loaded to predict has all its weights, and is in inference mode.

    What it checks
        `load_state_dict(strict=False)`, `load_weights(by_name=True)` or `skip_mismatch=True` whose
        answer nobody looks at; a handler that swallows the error of a load that does not fit; a
        network whose weights are loaded and that is called to predict without `eval()`; and a state
        that is read without `map_location` in an engine that trains on a GPU.
    Why it matters
        Weights that do not fit are left as they were drawn at random: the network answers, in the
        right shape and range. Dropout and batch statistics that stay in training mode make each
        answer depend on chance and on its neighbours.
    How
        Reads the calls in the files that touch the subsystem, and follows the object that is loaded
        within its function, its class and its module. HIGH for weights, MEDIUM for the mode,
        LOW for the device.
    Limitations
        Subclasses of a trainer that sets the mode itself, and modes set by a caller in another
        module, are not followed; NEU001 measures what comes of it.
    Remediation
        Load with `strict=True`, or compare `missing_keys` and `unexpected_keys` with what may be
        missing; call `eval()` where the network is loaded, and say `map_location`.
    Sources
        PyTorch documentation, `Module.load_state_dict` and `Module.eval`.
    """

    code = "NEU003"
    severity = Severity.HIGH
    reads = Reads.CODE
    pure = True

    def run(self, subject: Subject) -> Answers:
        """Look at every place that loads weights."""
        code = code_of(subject.source)
        paths = [p for p in sorted(code.connected) if p in code.files and not is_aside(p)]
        loads = [load for path in paths for load in network_loads(code, path)]
        if not loads:
            raise NotApplicable("the source loads no weights into a network")
        for load in loads:
            yield from self._report(load)
        yield Examined(len(loads), "places that load weights")

    def _report(self, load: NetworkLoad) -> Answers:
        symbol = load.unit.name if load.unit.name != MODULE else ""
        place = Location(load.unit.path, line=load.node.lineno, symbol=symbol)
        where = symbol or "the module"
        if load.loose:
            yield self.finding(
                place,
                f"{where} loads weights with {load.loose} and looks at nothing that was missing: "
                "what does not fit stays as it was drawn",
                measured=load.loose,
                expected="all weights, or a look at those that are missing",
                key=f"{symbol} loose",
            )
        elif load.swallowed:
            yield self.finding(
                place,
                f"{where} loads weights under a handler (line {load.swallowed}) that goes on where "
                "they do not fit",
                measured="an untrained network",
                expected="an error",
                key=f"{symbol} swallowed",
            )
        if load.predicts and not load.evaluated:
            yield self.finding(
                place,
                f"{where} loads weights into {load.name}, which predicts, and nothing puts it into "
                "inference mode",
                measured="training mode",
                expected=f"{load.name}.eval()",
                key=f"{symbol} mode",
                severity=Severity.MEDIUM,
            )
        if load.unplaced:
            yield self.finding(
                place,
                f"{where} reads a state without map_location: one that was saved on a GPU cannot "
                "be loaded where there is none",
                measured="torch.load(path)",
                expected="torch.load(path, map_location=...)",
                key=f"{symbol} device",
                severity=Severity.LOW,
            )
