"""Names that artifacts may hold, one by one, with the rule under which each may be used.

Data only; what it means, and how an entry earns its place, stands in :mod:`trust`.
"""

#: Rule, module, names.
TRUSTED = """
# --- Python ------------------------------------------------------------------------------------
named      builtins: object int float bool str Ellipsis NotImplemented
attribute  builtins: getattr
group      builtins: ExceptionGroup BaseExceptionGroup
singleton  builtins: type
reconstructor copyreg: _reconstructor
text_codec    _codecs: encode
container  builtins: list tuple dict set frozenset
no_size    builtins: bytes bytearray
data       builtins: complex range slice
container  collections: OrderedDict Counter
inert      collections: ChainMap UserDict UserList
deque      collections: deque
factory    collections: defaultdict
data       datetime: date time timedelta
zoned      datetime: datetime time timezone
named      zoneinfo: ZoneInfo
zone       zoneinfo: ZoneInfo._unpickle
value      http: HTTPStatus HTTPMethod
value      re: RegexFlag
regex      re: _compile
data       decimal: Decimal
data       fractions: Fraction
inert      uuid: UUID
data       uuid: SafeUUID
data       pathlib: PurePosixPath PureWindowsPath PosixPath WindowsPath Path PurePath
data       pathlib._local: PurePosixPath PureWindowsPath PosixPath WindowsPath Path PurePath
empty      types: SimpleNamespace
inert      argparse: Namespace
data       time: struct_time
data       ipaddress: IPv4Address IPv6Address IPv4Network IPv6Network IPv4Interface IPv6Interface
data       operator: itemgetter
packed     array: array _array_reconstructor
holder     random: Random
holder     statistics: NormalDist
inert      dateutil.relativedelta: relativedelta

# --- NumPy -------------------------------------------------------------------------------------
array      numpy.core.multiarray: _reconstruct
array      numpy._core.multiarray: _reconstruct
scalar     numpy.core.multiarray: scalar
scalar     numpy._core.multiarray: scalar
frombuffer numpy.core.numeric: _frombuffer
frombuffer numpy._core.numeric: _frombuffer
dtype      numpy: dtype
masked     numpy.ma.core: _mareconstruct
class_first numpy.random.bit_generator: __pyx_unpickle_SeedSequence
inert      numpy.random.bit_generator: SeedSequence
generator  numpy.random._pickle: __randomstate_ctor __generator_ctor
bits       numpy.random._pickle: __bit_generator_ctor
named      numpy.random._mt19937: MT19937
named      numpy.random._pcg64: PCG64 PCG64DXSM
named      numpy.random._philox: Philox
named      numpy.random._sfc64: SFC64
inert      numpy.random.mtrand: RandomState
named      numpy: ndarray matrix memmap recarray record bool bool_ int8 int16 int32 int64 intc intp
named      numpy: uint8 uint16 uint32 uint64 uintc uintp float16 float32 float64 longdouble
named      numpy: complex64 complex128 str_ bytes_ object_ void datetime64 timedelta64 generic
named      numpy: integer floating number inexact signedinteger unsignedinteger character nan inf
named      numpy.matrixlib.defmatrix: matrix
named      numpy.ma: MaskedArray
named      numpy.ma.core: MaskedArray
named      numpy: abs absolute add subtract multiply divide power sqrt cbrt square exp exp2 expm1
named      numpy: log log2 log10 log1p sign tanh sin cos tan arcsinh arctan minimum maximum fmin
named      numpy: fmax negative positive reciprocal rint floor ceil isnan isfinite isinf mean
named      numpy: median std var min max sum prod nanmean nanmedian nanstd nanmin nanmax amin amax
named      numpy: nan_to_num clip asarray array
inert      numpy: vectorize
inert      numpy: poly1d
inert      numpy.polynomial.polynomial: Polynomial
inert      numpy.polynomial.chebyshev: Chebyshev
inert      numpy.polynomial.legendre: Legendre
inert      numpy.polynomial.hermite: Hermite
inert      numpy.polynomial.hermite_e: HermiteE
inert      numpy.polynomial.laguerre: Laguerre
named      numpy.rec: recarray
record     numpy.linalg._linalg: EigResult EighResult QRResult SlogdetResult SVDResult

# --- joblib ------------------------------------------------------------------------------------
inert      joblib.numpy_pickle: NumpyArrayWrapper NDArrayWrapper ZNDArrayWrapper
inert      joblib.numpy_pickle_compat: NDArrayWrapper ZNDArrayWrapper

# --- scikit-learn: what is called (classes follow below) --------------------------------------
tree       sklearn.tree._tree: Tree
tree       sklearn.tree.tree: Tree
class_first sklearn.neighbors._kd_tree: newObj
class_first sklearn.neighbors._ball_tree: newObj
class_first sklearn.neighbors.kd_tree: newObj
class_first sklearn.neighbors.ball_tree: newObj
class_first sklearn.metrics._dist_metrics: newObj
class_first sklearn.neighbors._dist_metrics: newObj
class_first sklearn.neighbors.dist_metrics: newObj
data       sklearn._loss._loss: CyHalfTweedieLoss CyHalfTweedieLossIdentity CyHuberLoss
data       sklearn._loss._loss: CyPinballLoss
# The wheels of scikit-learn 1.8 call this module so.
data       _loss: CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss CyHalfGammaLoss
data       _loss: CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss
data       _loss: CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss
data       sklearn.linear_model._sgd_fast: Classification EpsilonInsensitive Hinge Huber Log
data       sklearn.linear_model._sgd_fast: ModifiedHuber Regression SquaredEpsilonInsensitive
data       sklearn.linear_model._sgd_fast: SquaredHinge SquaredLoss LossFunction
data       sklearn.linear_model.sgd_fast: Classification EpsilonInsensitive Hinge Huber Log
data       sklearn.linear_model.sgd_fast: ModifiedHuber Regression SquaredEpsilonInsensitive
data       sklearn.linear_model.sgd_fast: SquaredHinge SquaredLoss LossFunction
data       sklearn._loss.link: Interval
data       sklearn.gaussian_process.kernels: Hyperparameter
container  sklearn.utils: Bunch
container  sklearn.utils._bunch: Bunch
named      sklearn.metrics: accuracy_score balanced_accuracy_score average_precision_score
named      sklearn.metrics: brier_score_loss f1_score log_loss precision_score recall_score
named      sklearn.metrics: roc_auc_score r2_score mean_absolute_error mean_squared_error
named      sklearn.metrics: root_mean_squared_error median_absolute_error max_error
named      sklearn.metrics: explained_variance_score mean_absolute_percentage_error
named      sklearn.metrics._classification: accuracy_score balanced_accuracy_score
named      sklearn.metrics._classification: brier_score_loss f1_score log_loss precision_score
named      sklearn.metrics._classification: recall_score jaccard_score matthews_corrcoef
named      sklearn.metrics._ranking: roc_auc_score average_precision_score top_k_accuracy_score
named      sklearn.metrics._regression: r2_score mean_absolute_error mean_squared_error max_error
named      sklearn.metrics._regression: root_mean_squared_error median_absolute_error
named      sklearn.metrics._regression: explained_variance_score mean_absolute_percentage_error
named      sklearn.metrics._regression: mean_squared_log_error mean_pinball_loss d2_tweedie_score
named      sklearn.feature_selection._univariate_selection: f_classif f_regression chi2 r_regression
named      sklearn.feature_selection._mutual_info: mutual_info_classif mutual_info_regression
inert      sklearn.utils._metadata_requests: MetadataRequest MethodMetadataRequest
record     sklearn.impute._iterative: _ImputerTriplet

# --- LightGBM, XGBoost, CatBoost ---------------------------------------------------------------
inert      lightgbm.sklearn: LGBMModel LGBMRegressor LGBMClassifier LGBMRanker
inert      lightgbm.sklearn: _ObjectiveFunctionWrapper _EvalFunctionWrapper
lightgbm   lightgbm.basic: Booster
inert      lightgbm.engine: CVBooster
inert      lightgbm.compat: LGBMLabelEncoder _LGBMLabelEncoder
xgboost    xgboost.core: Booster
inert      xgboost.sklearn: XGBModel XGBRegressor XGBClassifier XGBRanker XGBRFRegressor
inert      xgboost.sklearn: XGBRFClassifier
inert      xgboost.compat: XGBoostLabelEncoder
inert      xgboost.callback: EarlyStopping EvaluationMonitor LearningRateScheduler

inert      catboost.core: CatBoost CatBoostClassifier CatBoostRegressor CatBoostRanker

# --- statsmodels: a model by formula evaluates the formula, which its rule refuses ---------------
statsmodels statsmodels.base.data: ModelData PandasData
inert      statsmodels.base.model: LikelihoodModel LikelihoodModelResults GenericLikelihoodModel
inert      statsmodels.regression.linear_model: OLS WLS GLS GLSAR OLSResults RegressionResults
inert      statsmodels.regression.linear_model: RegressionResultsWrapper
inert      statsmodels.regression.rolling: RollingOLS RollingWLS RollingRegressionResults
inert      statsmodels.regression.quantile_regression: QuantReg QuantRegResults
inert      statsmodels.robust.robust_linear_model: RLM RLMResults RLMResultsWrapper
inert      statsmodels.robust.norms: HuberT TukeyBiweight LeastSquares
inert      statsmodels.discrete.discrete_model: Logit Probit MNLogit Poisson NegativeBinomial
inert      statsmodels.discrete.discrete_model: LogitResults ProbitResults BinaryResults
inert      statsmodels.discrete.discrete_model: BinaryResultsWrapper MultinomialResults
inert      statsmodels.discrete.discrete_model: MultinomialResultsWrapper PoissonResults
inert      statsmodels.discrete.discrete_model: PoissonResultsWrapper CountResults
inert      statsmodels.genmod.generalized_linear_model: GLM GLMResults GLMResultsWrapper
inert      statsmodels.genmod.families.family: Gaussian Binomial Poisson Gamma InverseGaussian
inert      statsmodels.genmod.families.family: NegativeBinomial Tweedie
inert      statsmodels.genmod.families.links: Identity Log Logit Power InversePower CLogLog Probit
inert      statsmodels.genmod.families.varfuncs: VarianceFunction Power Binomial
inert      statsmodels.tsa.base.tsa_model: TimeSeriesModel
inert      statsmodels.tsa.arima.model: ARIMA ARIMAResults ARIMAResultsWrapper
inert      statsmodels.tsa.arima.params: SARIMAXParams
inert      statsmodels.tsa.arima.specification: SARIMAXSpecification
inert      statsmodels.tsa.ar_model: AutoReg AutoRegResults AutoRegResultsWrapper
inert      statsmodels.tsa.deterministic: DeterministicProcess TimeTrend Seasonality Fourier
inert      statsmodels.tsa.deterministic: CalendarSeasonality CalendarFourier CalendarTimeTrend
inert      statsmodels.tsa.holtwinters.model: ExponentialSmoothing SimpleExpSmoothing Holt
inert      statsmodels.tsa.holtwinters.results: HoltWintersResults HoltWintersResultsWrapper
inert      statsmodels.tsa.regime_switching.markov_regression: MarkovRegression
inert      statsmodels.tsa.regime_switching.markov_regression: MarkovRegressionResults
inert      statsmodels.tsa.regime_switching.markov_regression: MarkovRegressionResultsWrapper
inert      statsmodels.tsa.regime_switching.markov_autoregression: MarkovAutoregression
inert      statsmodels.tsa.regime_switching.markov_autoregression: MarkovAutoregressionResults
inert      statsmodels.tsa.regime_switching.markov_switching: KimSmootherResults
inert      statsmodels.tsa.regime_switching.markov_switching: HamiltonFilterResults
inert      statsmodels.tsa.regime_switching.markov_switching: MarkovSwitchingParams
inert      statsmodels.tsa.seasonal._seasonal: DecomposeResult
inert      statsmodels.tsa.seasonal: DecomposeResult
inert      statsmodels.tsa.vector_ar.var_model: VAR VARResults VARResultsWrapper
inert      statsmodels.nonparametric.kde: KDEUnivariate
named      statsmodels.stats.sandwich_covariance: weights_bartlett weights_uniform
container  statsmodels.tools.tools: Bunch

# --- SciPy -------------------------------------------------------------------------------------
inert      scipy.sparse._csr: csr_matrix csr_array
inert      scipy.sparse._csc: csc_matrix csc_array
inert      scipy.sparse._coo: coo_matrix coo_array
inert      scipy.sparse._bsr: bsr_matrix bsr_array
inert      scipy.sparse._dia: dia_matrix dia_array
inert      scipy.sparse.csr: csr_matrix
inert      scipy.sparse.csc: csc_matrix
inert      scipy.sparse.coo: coo_matrix
inert      scipy.interpolate._interpolate: interp1d PPoly BPoly
inert      scipy.interpolate.interpolate: interp1d PPoly
inert      scipy.interpolate._cubic: CubicSpline PchipInterpolator Akima1DInterpolator
inert      scipy.interpolate._bsplines: BSpline
inert      scipy.interpolate._fitpack2: UnivariateSpline InterpolatedUnivariateSpline
inert      scipy.interpolate._fitpack2: LSQUnivariateSpline RectBivariateSpline
inert      scipy.interpolate._fitpack2: SmoothBivariateSpline
inert      scipy.interpolate._rgi: RegularGridInterpolator
inert      scipy.interpolate._polyint: BarycentricInterpolator KroghInterpolator
holder     scipy.interpolate._rbfinterp: RBFInterpolator
named      scipy.interpolate._interpolate: interp1d._call_linear interp1d._call_linear_np
named      scipy.interpolate._interpolate: interp1d._call_nearest interp1d._call_previousnext
named      scipy.interpolate._interpolate: interp1d._call_spline interp1d._call_nan_spline
inert      scipy.optimize._constraints: Bounds LinearConstraint
inert      scipy.signal._ltisys: TransferFunctionContinuous TransferFunctionDiscrete
inert      scipy.signal._ltisys: StateSpaceContinuous StateSpaceDiscrete
inert      scipy.signal._ltisys: ZerosPolesGainContinuous ZerosPolesGainDiscrete
holder     scipy.spatial.transform._rotation: Rotation
named      scipy.special._ufuncs: expit logit erf ndtr
named      scipy._lib.array_api_compat.numpy._aliases: asarray
inert      scipy.sparse._lil: lil_matrix lil_array
inert      scipy.sparse._dok: dok_matrix dok_array
container  scipy.optimize._optimize: OptimizeResult
container  scipy.optimize.optimize: OptimizeResult
container  scipy.optimize._zeros_py: RootResults
inert      scipy.optimize._lbfgsb_py: LbfgsInvHessProduct
# Distributions (classes *_gen) follow from their modules; see trust.py.
inert      scipy.stats._distn_infrastructure: rv_frozen rv_continuous_frozen rv_discrete_frozen
inert      scipy.stats._kde: gaussian_kde
inert      scipy.stats.kde: gaussian_kde
inert      scipy.stats._multivariate: multivariate_normal_gen multivariate_normal_frozen _PSD
inert      scipy.stats._multivariate: multivariate_t_gen multivariate_t_frozen
inert      scipy.stats._multivariate: dirichlet_gen dirichlet_frozen wishart_gen wishart_frozen
inert      scipy.stats._survival: ECDFResult EmpiricalDistributionFunction
inert      scipy.stats._covariance: CovViaPSD CovViaCholesky CovViaDiagonal CovViaPrecision

# --- pandas ------------------------------------------------------------------------------------
frame      pandas.core.frame: DataFrame
frame      pandas.core.series: Series
frame      pandas: DataFrame Series
frame      pandas.core.internals.managers: BlockManager SingleBlockManager
frame      pandas.core.internals: BlockManager SingleBlockManager
frame      pandas._libs.internals: _unpickle_block BlockPlacement
frame      pandas.core.internals.blocks: new_block
class_first pandas.core.indexes.base: _new_Index
class_first pandas.core.indexes.datetimes: _new_DatetimeIndex
class_first pandas.core.indexes.period: _new_PeriodIndex
class_first pandas.core.indexes.interval: _new_IntervalIndex
class_first pandas.core.indexes.timedeltas: _new_TimedeltaIndex
frame      pandas: Interval
frame      pandas._libs.interval: Interval
frame      pandas._libs.sparse: IntIndex BlockIndex
inert      pandas: SparseDtype
inert      pandas.core.dtypes.dtypes: SparseDtype
inert      pandas.core.arrays.sparse.dtype: SparseDtype
inert      pandas.core.arrays.sparse.array: SparseArray
named      pandas.core.indexes.base: Index
named      pandas: Index RangeIndex MultiIndex DatetimeIndex TimedeltaIndex PeriodIndex NaT NA
named      pandas: CategoricalIndex IntervalIndex
named      pandas.core.indexes.range: RangeIndex
named      pandas.core.indexes.multi: MultiIndex
named      pandas.core.indexes.datetimes: DatetimeIndex
named      pandas.core.indexes.timedeltas: TimedeltaIndex
named      pandas.core.indexes.period: PeriodIndex
named      pandas.core.indexes.category: CategoricalIndex
named      pandas.core.indexes.interval: IntervalIndex
named      pandas.core.indexes.numeric: Int64Index Float64Index UInt64Index
data       pandas._libs.tslibs.timestamps: _unpickle_timestamp
frame      pandas._libs.tslibs.timestamps: Timestamp
data       pandas._libs.tslibs.timedeltas: _timedelta_unpickle Timedelta
data       pandas._libs.tslibs.nattype: _nat_unpickle
frame      pandas._libs.tslibs.period: Period
class_first pandas._libs.arrays: __pyx_unpickle_NDArrayBacked
named      pandas.core.arrays.datetimes: DatetimeArray
named      pandas.core.arrays.timedeltas: TimedeltaArray
named      pandas.core.arrays.period: PeriodArray
named      pandas.core.arrays.categorical: Categorical
named      pandas.core.arrays.string_: StringArray
named      pandas.core.arrays.numpy_: NumpyExtensionArray PandasArray
inert      pandas.core.arrays.integer: IntegerArray
inert      pandas.core.arrays.floating: FloatingArray
inert      pandas.core.arrays.boolean: BooleanArray
inert      pandas.core.arrays.categorical: Categorical
inert      pandas.core.arrays.datetimes: DatetimeArray
inert      pandas.core.arrays.string_: StringArray
frame      pandas.core.arrays.string_: StringDtype
inert      pandas.core.dtypes.dtypes: CategoricalDtype
frame      pandas.core.dtypes.dtypes: DatetimeTZDtype PeriodDtype IntervalDtype
inert      pandas.core.arrays.integer: Int8Dtype Int16Dtype Int32Dtype Int64Dtype UInt8Dtype
inert      pandas.core.arrays.integer: UInt16Dtype UInt32Dtype UInt64Dtype
inert      pandas.core.arrays.floating: Float32Dtype Float64Dtype
inert      pandas.core.arrays.boolean: BooleanDtype
inert      pandas.core.flags: Flags
frame      pandas._libs.tslibs.offsets: BusinessDay Day Hour Minute Second MonthEnd BusinessMonthEnd
frame      pandas._libs.tslibs.offsets: MonthBegin Week YearEnd QuarterEnd Milli Micro Nano
frame      pandas._libs.tslibs.offsets: YearBegin QuarterBegin BusinessMonthBegin BYearEnd
frame      pandas._libs.tslibs.offsets: BYearBegin
frame      pandas._libs.tslibs.offsets: BQuarterEnd BQuarterBegin SemiMonthEnd SemiMonthBegin
frame      pandas._libs.tslibs.offsets: WeekOfMonth LastWeekOfMonth Easter FY5253 FY5253Quarter
frame      pandas._libs.tslibs.offsets: BusinessHour CustomBusinessDay CustomBusinessHour
frame      pandas._libs.tslibs.offsets: CustomBusinessMonthEnd CustomBusinessMonthBegin DateOffset
frame      pandas: DateOffset
inert      pandas.tseries.holiday: AbstractHolidayCalendar USFederalHolidayCalendar Holiday
named      pandas.tseries.holiday: nearest_workday sunday_to_monday next_monday next_workday
data       pytz: _UTC _p

# pandas 3 names its classes by the public path, and keeps text in Arrow arrays.
named      pandas.arrays: DatetimeArray TimedeltaArray PeriodArray StringArray NumpyExtensionArray
inert      pandas.arrays: IntegerArray FloatingArray BooleanArray ArrowStringArray
inert      pandas.arrays: ArrowExtensionArray IntervalArray SparseArray
inert      pandas: Categorical CategoricalDtype Int8Dtype Int16Dtype Int32Dtype Int64Dtype
inert      pandas: UInt8Dtype UInt16Dtype UInt32Dtype UInt64Dtype Float32Dtype Float64Dtype
inert      pandas: BooleanDtype
frame      pandas: DatetimeTZDtype PeriodDtype IntervalDtype StringDtype Timestamp Timedelta Period
frame      pandas: ArrowDtype
inert      pandas.core.arrays.string_arrow: ArrowStringArray
frame      pyarrow.lib: _restore_array
data       pyarrow.lib: type_for_alias py_buffer
frame      pyarrow.lib: schema field timestamp duration time32 time64 decimal128 list_ large_list
frame      pyarrow.lib: struct
frame      pyarrow.lib: map_ dictionary binary chunked_array _reconstruct_table
frame      pyarrow.lib: _reconstruct_record_batch

# --- polars: frames keep themselves as Arrow bytes ---------------------------------------------
arrow      polars.dataframe.frame: DataFrame
arrow      polars.series.series: Series
named      polars.datatypes.classes: Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float32
named      polars.datatypes.classes: Float64 Boolean String Utf8 Categorical Date Time Binary Null
inert      polars.datatypes.classes: Datetime Duration Decimal List Array Struct

# --- torch -------------------------------------------------------------------------------------
tensor     torch._utils: _rebuild_tensor _rebuild_tensor_v2 _rebuild_parameter
tensor     torch._utils: _rebuild_qtensor
named      torch: FloatStorage DoubleStorage HalfStorage BFloat16Storage LongStorage IntStorage
named      torch: ShortStorage CharStorage ByteStorage BoolStorage ComplexFloatStorage
named      torch: ComplexDoubleStorage QInt8Storage QUInt8Storage QInt32Storage
named      torch.storage: UntypedStorage TypedStorage
named      torch: float32 float64 float16 bfloat16 int64 int32 int16 int8 uint8 bool complex64
named      torch: complex128 float half double long int short strided sparse_coo contiguous_format
named      torch: per_tensor_affine per_channel_affine
data       torch: Size device
data       torch.serialization: _get_layout
inert      torch.nn.parameter: Parameter Buffer
inert      torch.nn.modules.linear: Linear Identity Bilinear NonDynamicallyQuantizableLinear
inert      torch.nn.modules.activation: ReLU LeakyReLU ELU GELU SiLU Sigmoid Tanh Softmax Softplus
inert      torch.nn.modules.activation: LogSoftmax SELU PReLU Mish Hardtanh MultiheadAttention
inert      torch.nn.modules.container: Sequential ModuleList ModuleDict ParameterList
inert      torch.nn.modules.dropout: Dropout Dropout1d Dropout2d AlphaDropout
inert      torch.nn.modules.normalization: LayerNorm GroupNorm
inert      torch.nn.modules.batchnorm: BatchNorm1d BatchNorm2d
inert      torch.nn.modules.rnn: LSTM GRU RNN LSTMCell GRUCell
inert      torch.nn.modules.conv: Conv1d Conv2d
inert      torch.nn.modules.pooling: MaxPool1d AvgPool1d AdaptiveAvgPool1d
inert      torch.nn.modules.sparse: Embedding
inert      torch.nn.modules.flatten: Flatten
inert      torch.nn.modules.transformer: TransformerEncoder TransformerEncoderLayer
inert      torch.nn.modules.loss: MSELoss L1Loss CrossEntropyLoss BCELoss HuberLoss
inert      torch.nn.modules.loss: BCEWithLogitsLoss SmoothL1Loss
"""
