"""Every check there is, one line a code.  Order is the order in packets."""

from __future__ import annotations

import json
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from audit_lib.errors import AuditError
from audit_lib.files import read_words
from audit_lib.model import Task

if TYPE_CHECKING:
    from audit_lib.checks.base import Check  # which asks here for the task of a code

#: code -> hooks that the check was seen to ask, or look for, while tests ran; they write it
ASKED = Path(__file__).with_name("asked.json")

#: task -> code -> "module within audit_lib.checks:class"
BY_TASK: dict[Task, dict[str, str]] = {
    Task.T1: {  # Ledger and artifacts
        "CHK001": "checkpoint.metadata_present:MetadataIsComplete",
        "CHK002": "checkpoint.checksums_cover:ChecksumsCoverTheFiles",
        "CHK003": "checkpoint.registry_agrees:RegistryAgreesWithArtifacts",
        "CHK004": "checkpoint.metadata_consistent:MetadataIsConsistent",
        "CHK005": "checkpoint.norm_stats:NormStatsAreSane",
        "CHK006": "checkpoint.columns_agree:ModelsReadTheDeclaredColumns",
        "CHK007": "checkpoint.no_orphans:NoOrphanArtifacts",
        "CHK008": "checkpoint.no_duplicates:DifferentModelsDiffer",
        "CHK009": "checkpoint.environment_loads:EnvironmentLoadsArtifacts",
        "CHK010": "checkpoint.format_versioned:FormatsChangeWithTheirVersion",
        "CHK011": "checkpoint.stored_values:StoredMetadataCanBeTrue",
        "LED001": "ledger.lines_accounted:EveryLineIsAccountedFor",
        "LED002": "ledger.files_parse:EveryFileParses",
        "LED003": "ledger.declared_sizes:DeclaredSizesAgree",
        "LED004": "ledger.certifications_hold:CertificationsHold",
        "SEC001": "security.artifacts_safe:ArtifactsAreSafeToLoad",
        "SEC002": "security.loaders_guarded:LoadersRunNothing",
        "SEC003": "security.hidden_text:SourceReadsAsItRuns",
    },
    Task.T2: {  # Training pipeline
        "CAL001": "calibration.error:ProbabilitiesMatchOutcomes",
        "CAL002": "calibration.unseen:CalibratorIsJudgedOnUnseenRows",
        "CAL003": "calibration.domain:CalibratorServesTheScoresItKnows",
        "CAL004": "calibration.map:CalibrationMapIsSound",
        "CAL005": "calibration.learns:CalibratorLearnsTheFrequency",
        "CAL007": "calibration.nothing_learnt:NothingLearntIsNotCalibrated",
        "CAL008": "calibration.measures:MeasuresAreWhatTheyAreCalled",
        "CAL011": "calibration.trainer_calibrates:CalibratorIsFittedOnNewRows",
        "CNF101": "conformal.over_time:IntervalsCoverLaterRows",
        "CNF102": "conformal.unseen:ResidualsAreOfUnseenRows",
        "FEA101": "feature_vector.causal:FeaturesReadNoFuture",
        "FEA102": "feature_vector.deterministic:FeaturesAreDeterministic",
        "FEA103": "feature_vector.informative:RequiredFeaturesVary",
        "FEA104": "feature_vector.scaler_rows:ScalerSawTrainRowsOnly",
        "FEA105": "feature_vector.scale_sanity:ScalesFitTheFeatures",
        "FEA106": "feature_vector.decisions_causal:DecisionsReadNoFuture",
        "FEA107": "feature_vector.scaled_once:ScalerSawRawFeaturesOnce",
        "FEA108": "feature_vector.imputation:GapsAreFilledFromThePast",
        "FEA109": "feature_vector.selection:FeaturesAreSelectedInsideTheFolds",
        "FEA110": "feature_vector.published:NothingIsKnownBeforeItIsPublished",
        "FEA111": "feature_vector.negative_shift:NoNegativeShift",
        "FEA112": "feature_vector.backward_fill:NoBackwardFill",
        "FEA113": "feature_vector.centred_window:NoCentredWindow",
        "FEA114": "feature_vector.global_statistic:NoGlobalStatistic",
        "FEA115": "feature_vector.fit_before_split:PreprocessingIsFittedAfterTheSplit",
        "FEA121": "feature_vector.trainer_scales:PreprocessingSawNoJudgedRow",
        "FEA122": "feature_vector.trainer_records:RecordedNumbersComeFromTrainRows",
        "FEA123": "feature_vector.trainer_columns:ColumnsAreRecordedAsFitted",
        "RET011": "retrain.trainer_writes:TrainingWritesToItsStoreOnly",
        "SPL001": "splits.purged:TrainLabelsEndBeforeTheTest",
        "SPL002": "splits.disjoint:TrainAndTestAreApart",
        "SPL003": "splits.as_declared:SplitsAreAsDeclared",
        "SPL004": "splits.recorded:RecordedFoldsArePurged",
        "SPL005": "splits.coverage:FoldsCoverTheData",
        "SPL006": "splits.overfit_gap:SkillSurvivesOutOfSample",
        "SPL007": "splits.trials:SelectionSurvivesTheTrials",
        "SPL008": "splits.holdout_gap:FitsEndBeforeTheHoldout",
        "SPL009": "splits.independent:IndependentDatesShareNoLabel",
        "SPL011": "splits.random_split:SplitsAreNotShuffled",
        "SPL012": "splits.preconditions:EveryEntryEnforcesThePreconditions",
        "SPL021": "splits.trainer_purges:TrainerJudgesPurgedRows",
        "TGT001": "target_label.horizon:HorizonIsAsDeclared",
        "TGT002": "target_label.future_prices:LabelsReadFuturePricesOnly",
        "TGT003": "target_label.unknown_stays_unknown:UnknownLabelsStayUnknown",
        "TGT004": "target_label.kind:LabelsAreWhatTheyAreCalled",
        "TGT005": "target_label.balance:LabelsVary",
        "TGT006": "target_label.statistics_rows:LabelStatisticsComeFromTrainRows",
        "TGT007": "target_label.preconditions:PreconditionsHoldForTheLabels",
        "TGT008": "target_label.calendar:LabelsCountTheDeclaredBars",
    },
    Task.T3: {  # Prediction and features
        "CAL006": "calibration.applied_once:CalibratorIsAppliedOnce",
        "CHK101": "checkpoint.round_trip:SavingChangesNothing",
        "CHK102": "checkpoint.tampered:TamperedIsRefused",
        "CHK103": "checkpoint.removed_fields:RemovedFieldsAreNotGuessed",
        "CNF001": "conformal.shape:IntervalsAreOrderedAndNested",
        "CNF002": "conformal.coverage:IntervalsCoverWhatTheyPromise",
        "CNF003": "conformal.domain:NoResidualsNoInterval",
        "CNF004": "conformal.scaled:IntervalsFollowTheirScale",
        "CNF005": "conformal.measured:CoverageCountsEveryRow",
        "FEA001": "feature_vector.schema:SchemaIsTheModels",
        "FEA002": "feature_vector.policy:EveryFeatureMayBeServed",
        "FEA003": "feature_vector.parity:BuildersAgree",
        "FEA004": "feature_vector.by_label:PredictionsFollowLabels",
        "FEA005": "feature_vector.missing:MissingIsNeverMadeUp",
        "FEA006": "feature_vector.domain:FeaturesStayInTheirDomain",
        "FEA007": "feature_vector.unit:FeaturesHaveNoUnit",
        "FEA008": "feature_vector.builders_by_label:BuildersJoinByLabel",
        "FEA009": "feature_vector.windows:WindowsAreAsLongAsDeclared",
        "FEA010": "feature_vector.unfinished:LiveWaitsForTheClose",
        "FEA011": "feature_vector.scale_applied:ScalingIsWhatIsRecorded",
        "FEA012": "feature_vector.gate:TheFeatureGateIsClosed",
        "FEA013": "feature_vector.fills:FillsAreNeutral",
        "HED001": "head_mapping.named:HeadsAreNamed",
        "HED002": "head_mapping.forward:OutputsKeepTheirContract",
        "HED003": "head_mapping.distribution:OutputsAreAlive",
        "HED004": "head_mapping.meaning:HeadsMeanWhatTheySay",
        "HED005": "head_mapping.decoded:OutputsAreDecodedInOnePlace",
        "INT001": "interpretation.paths_agree:BacktestIsLive",
        "INT002": "interpretation.well_formed:OrdersAreWellFormed",
        "INT003": "interpretation.rules_smoke:RulesTradeWhenTheyShould",
        "INT004": "interpretation.sides_follow:SidesFollowADirectionalHead",
        "INT005": "interpretation.account_limits:AccountLimitsBind",
        "INT006": "interpretation.account_kept:RefusalsChangeNothing",
        "INT007": "interpretation.gates_decide:GatesDecideByTheirThreshold",
        "INT008": "interpretation.mirrored:MirroredScoresGiveMirroredOrders",
        "INT010": "interpretation.settled:PositionsAddUp",
        "INT011": "interpretation.rule_texts:RulesMeanWhatTheySay",
    },
    Task.T4: {  # Versioning and governance
        "DRF001": "drift.psi_relations:PsiMeasuresDrift",
        "DRF002": "drift.cusum_detects:CusumDetectsShifts",
        "DRF003": "drift.psi_domain:PsiSeesBrokenData",
        "DRF004": "drift.cusum_domain:CusumSurvivesBadData",
        "DRF005": "drift.many_features:OneShiftedFeatureIsFound",
        "GOV001": "governance.irreflexive:NothingBeatsItself",
        "GOV002": "governance.monotone:BetterNeverLoses",
        "GOV003": "governance.antisymmetric:TwoModelsCannotBeatEachOther",
        "GOV004": "governance.unknown_metrics:UnknownMetricsNeverPromote",
        "GOV005": "governance.served_admitted:ServedVersionsPassTheGates",
        "GOV006": "governance.stored_state:StoredGovernanceDecidesAlike",
        "GOV008": "governance.gates_closed:GatesFailClosed",
        "RET001": "retrain.monotone:WorseNeverUntriggers",
        "RET002": "retrain.extremes:HealthyRestsAndDisasterFires",
        "RET003": "retrain.unknown_state:UnknownIsNotHealthy",
        "RET004": "retrain.remembered:TriggerRemembersAcrossRestarts",
        "RET005": "retrain.fed:TriggersAreFed",
        "VER001": "versioning.explicit:ExplicitMeansExplicit",
        "VER002": "versioning.pointers:PointersLeadWhereTheySay",
        "VER003": "versioning.register:RegisteredIsResolved",
        "VER004": "versioning.writers:ConcurrentWritersLoseNothing",
        "VER005": "versioning.histories:RegistryKeepsItsPromises",
        "VER006": "versioning.crashes:ACrashLeavesOldOrNew",
        "VER011": "versioning.keyed:EachKeyIsServedItsOwn",
    },
    Task.T5: {  # Specialised models
        "NEU001": "neural.batch:NeuralRowsAreIndependent",
        "NEU002": "neural.domain:NeuralDomainIsClosed",
        "NEU003": "neural.loaded_whole:NetworksAreLoadedWhole",
        "NEU004": "neural.states:StatesFitOrAreRefused",
        "NEU005": "neural.sequences:PaddingMeansNothing",
        "NEU006": "neural.trained:NetworkWasTrained",
        "ONL001": "online.restart:RestartChangesNothing",
        "ONL002": "online.bounded:OneBadRowIsForgiven",
        "ONL003": "online.deliveries:LabelsFindTheirRows",
        "ONL004": "online.follows:LearnerFollowsItsLessons",
        "PRC001": "pricing.limits:PricesHaveTheirLimits",
        "PRC002": "pricing.no_arbitrage:PricesAllowNoArbitrage",
        "PRC003": "pricing.implied_volatility:ImpliedVolatilityInvertsPrice",
        "PRC004": "pricing.surface:SurfaceAllowsNoArbitrage",
        "PRC005": "pricing.greeks:GreeksAreDerivatives",
        "PRC006": "pricing.quotes_refused:BadQuotesAreRefused",
        "PRC007": "pricing.surface_factors:FactorsRestoreSurfaces",
    },
    Task.T6: {  # Boundaries and closure
        "BND001": "boundary.imports_resolve:ImportsResolve",
        "BND002": "boundary.declared_edges:DeclaredEdgesAgree",
        "BND003": "boundary.declared_boundaries:DeclaredBoundariesHold",
        "BND004": "boundary.private_symbols:NoPrivateSymbolsCross",
        "BND005": "boundary.import_cycles:NoImportCycles",
        "BND006": "boundary.calls_fit:CallsFitSignatures",
        "BND007": "boundary.none_declared:DeclaredValuesAreThere",
        "BND008": "boundary.none_reaches:NoneStaysWhereItIsDeclared",
        "BND009": "boundary.names_bound:NamesAreBound",
        "BND010": "boundary.attributes_exist:AttributesExist",
        "BND011": "boundary.unpacking_fits:UnpackingFits",
        "BND012": "boundary.optional_imports:OptionalImportsAreAskedFor",
        "BND013": "boundary.dependencies_declared:DependenciesAreDeclared",
        "BND014": "boundary.stored_keys:StoredKeysAreWritten",
        "BND015": "boundary.code_reached:CodeIsReached",
        "BND016": "boundary.settings_agree:SettingsAgree",
        "BND017": "boundary.interfaces_kept:InterfacesAreKept",
        "BND019": "boundary.inputs_fed:WhatIsReadIsFed",
        "BND020": "boundary.stored_flags:StoredFlagsStayFlags",
        "BND021": "boundary.assumptions:WhatConsumersAssumeHolds",
        "DOC001": "docs.contract_agrees:ContractDocumentAgrees",
        "DOC002": "docs.metadata_keys:MetadataKeysAreWrittenAndRead",
        "DOC003": "docs.codes:CodesMeanTheSame",
        "DOC004": "docs.tables_agree:TablesStateTheSettings",
        "LED901": "ledger.high_risk_clear:HighRiskFilesAreClear",
        "LED902": "ledger.waivers_in_force:WaiversAreInForce",
    },
}

#: the same without the tasks
CATALOGUE: dict[str, str] = {code: at for part in BY_TASK.values() for code, at in part.items()}

#: code -> the task that asks it
TASK_OF: dict[str, Task] = {code: task for task, part in BY_TASK.items() for code in part}


@cache
def check_class(code: str) -> type[Check]:
    """The check of that code.

    Raises:
        AuditError: no such code; the message names the nearest ones.
    """
    if code not in CATALOGUE:
        import difflib

        alike = [c for c in CATALOGUE if c[:3] == code[:3].upper()] or list(CATALOGUE)
        near = difflib.get_close_matches(code.upper(), alike, n=3) or alike[:3]
        raise AuditError(
            f"no check is called {code!r}",
            where="check code",
            mend=f"did you mean {', '.join(near)}? `workbook list --checks` shows all",
        )
    module, _, name = CATALOGUE[code].partition(":")
    check: type[Check] = getattr(import_module(f"audit_lib.checks.{module}"), name)
    return check


def all_checks() -> tuple[type[Check], ...]:
    """Every check, in catalogue order."""
    return tuple(check_class(code) for code in CATALOGUE)


def checks_of(task: Task) -> tuple[type[Check], ...]:
    """The checks of one task, in catalogue order; no other is imported."""
    return tuple(check_class(code) for code in BY_TASK.get(task, {}))


@cache
def _hooks_asked() -> dict[str, list[str]]:
    hooks_by_code: dict[str, list[str]] = json.loads(read_words(ASKED))
    return hooks_by_code


def also_asked(check: type[Check]) -> tuple[str, ...]:
    """Hooks that a check may ask besides those that it needs; measured, see :data:`ASKED`."""
    measured = set(_hooks_asked().get(check.code, ())) | set(check.offered)
    return tuple(sorted(measured - set(check.needs)))


def askers(hook: str) -> tuple[list[str], list[str]]:
    """Codes of the checks that need a hook, and of those that may ask it too."""
    checks = all_checks()
    also = [c.code for c in checks if hook in also_asked(c)]
    return [c.code for c in checks if hook in c.needs], also
