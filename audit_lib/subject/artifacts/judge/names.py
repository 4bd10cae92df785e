"""Families of names that artifacts may hold, and names that are harmful.

Data only; what it means, and how an entry earns its place, stands in :mod:`trust`.  Single names
that are trusted stand in :mod:`trusted`.
"""

#: Classes of scikit-learn that are trusted in any of its public modules.
SKLEARN_CLASSES = """
ARDRegression AdaBoostClassifier AdaBoostRegressor AdditiveChi2Sampler AffinityPropagation
AgglomerativeClustering BaggingClassifier BaggingRegressor BayesianGaussianMixture BayesianRidge
BernoulliNB BernoulliRBM Binarizer Birch BisectingKMeans CCA CalibratedClassifierCV CategoricalNB
ClassicalMDS ClassifierChain ColumnTransformer ComplementNB CountVectorizer DBSCAN
DecisionTreeClassifier DecisionTreeRegressor DictVectorizer DictionaryLearning DummyClassifier
DummyRegressor ElasticNet ElasticNetCV EllipticEnvelope EmpiricalCovariance ExtraTreeClassifier
ExtraTreeRegressor ExtraTreesClassifier ExtraTreesRegressor FactorAnalysis FastICA
FeatureAgglomeration FeatureHasher FeatureUnion FixedThresholdClassifier FrozenEstimator
FunctionTransformer GammaRegressor GaussianMixture GaussianNB GaussianProcessClassifier
GaussianProcessRegressor GaussianRandomProjection GenericUnivariateSelect
GradientBoostingClassifier GradientBoostingRegressor GraphicalLasso GraphicalLassoCV GridSearchCV
HDBSCAN HalvingGridSearchCV HalvingRandomSearchCV HashingVectorizer HistGradientBoostingClassifier
HistGradientBoostingRegressor HuberRegressor Imputer IncrementalPCA IsolationForest Isomap
IsotonicRegression IterativeImputer KBinsDiscretizer KMeans KNNImputer KNeighborsClassifier
KNeighborsRegressor KNeighborsTransformer KernelCenterer KernelDensity KernelPCA KernelRidge
LabelBinarizer LabelEncoder LabelPropagation LabelSpreading Lars LarsCV Lasso LassoCV LassoLars
LassoLarsCV LassoLarsIC LatentDirichletAllocation LedoitWolf LinearDiscriminantAnalysis
LinearRegression LinearSVC LinearSVR LocalOutlierFactor LocallyLinearEmbedding LogisticRegression
LogisticRegressionCV MDS MLPClassifier MLPRegressor MaxAbsScaler MeanShift MinCovDet MinMaxScaler
MiniBatchDictionaryLearning MiniBatchKMeans MiniBatchNMF MiniBatchSparsePCA MissingIndicator
MultiLabelBinarizer MultiOutputClassifier MultiOutputRegressor MultiTaskElasticNet
MultiTaskElasticNetCV MultiTaskLasso MultiTaskLassoCV MultinomialNB NMF NearestCentroid
NearestNeighbors NeighborhoodComponentsAnalysis Normalizer NuSVC NuSVR Nystroem OAS OPTICS
OneClassSVM OneHotEncoder OneVsOneClassifier OneVsRestClassifier OrdinalEncoder
OrthogonalMatchingPursuit OrthogonalMatchingPursuitCV OutputCodeClassifier PCA PLSCanonical
PLSRegression PLSSVD PassiveAggressiveClassifier PassiveAggressiveRegressor PatchExtractor
Perceptron Pipeline PoissonRegressor PolynomialCountSketch PolynomialFeatures PowerTransformer
QuadraticDiscriminantAnalysis QuantileRegressor QuantileTransformer RANSACRegressor RBFSampler RFE
RFECV RadiusNeighborsClassifier RadiusNeighborsRegressor RadiusNeighborsTransformer
RandomForestClassifier RandomForestRegressor RandomTreesEmbedding RandomizedSearchCV
RegressorChain Ridge RidgeCV RidgeClassifier RidgeClassifierCV RobustScaler SGDClassifier
SGDOneClassSVM SGDRegressor SVC SVR SelectFdr SelectFpr SelectFromModel SelectFwe SelectKBest
SelectPercentile SelfTrainingClassifier SequentialFeatureSelector ShrunkCovariance SimpleImputer
SkewedChi2Sampler SparseCoder SparsePCA SparseRandomProjection SpectralBiclustering
SpectralClustering SpectralCoclustering SpectralEmbedding SplineTransformer StackingClassifier
StackingRegressor StandardScaler TSNE TargetEncoder TfidfTransformer TfidfVectorizer
TheilSenRegressor TransformedTargetRegressor TruncatedSVD TunedThresholdClassifierCV
TweedieRegressor VarianceThreshold VotingClassifier VotingRegressor _BinMapper
_BinaryGaussianProcessClassifierLaplace _CalibratedClassifier _ConstantPredictor
_IdentityClassifier _IdentityRegressor _RidgeGCV _SigmoidCalibration
_TemperatureScaling _CFNode _CFSubcluster _BisectingTree Tree TreePredictor BallTree BallTree32
BallTree64 KDTree KDTree32 KDTree64 CyAbsoluteError CyExponentialLoss CyHalfBinomialLoss
CyHalfGammaLoss CyHalfMultinomialLoss CyHalfPoissonLoss CyHalfSquaredError CyHalfTweedieLoss
CyHalfTweedieLossIdentity CyHuberLoss CyPinballLoss AbsoluteError ExponentialLoss HalfBinomialLoss
HalfBinomialLossArrayAPI HalfGammaLoss HalfMultinomialLoss HalfMultinomialLossArrayAPI
HalfPoissonLoss HalfPoissonLossArrayAPI HalfSquaredError HalfTweedieLoss HalfTweedieLossIdentity
HuberLoss PinballLoss HalfLogitLink IdentityLink LogLink LogitLink MultinomialLogit
LeastSquaresError LeastAbsoluteError HuberLossFunction QuantileLossFunction BinomialDeviance
MultinomialDeviance LeastSquares LeastAbsoluteDeviation BinaryCrossEntropy CategoricalCrossEntropy
Poisson AdamOptimizer SGDOptimizer ZeroEstimator QuantileEstimator MeanEstimator LogOddsEstimator
PriorProbabilityEstimator ScaledLogOddsEstimator VerboseReporter LinearModelLoss CompoundKernel
ConstantKernel DotProduct ExpSineSquared Exponentiation Matern PairwiseKernel Product RBF
RationalQuadratic Sum WhiteKernel GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut
LeavePGroupsOut LeavePOut PredefinedSplit RepeatedKFold RepeatedStratifiedKFold ShuffleSplit
StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit _CVIterableWrapper
_Scorer _PredictScorer _ProbaScorer _ThresholdScorer _CurveScorer _PassthroughScorer
BrayCurtisDistance CanberraDistance ChebyshevDistance EuclideanDistance HammingDistance
HaversineDistance MahalanobisDistance ManhattanDistance MinkowskiDistance SEuclideanDistance
BrayCurtisDistance32 CanberraDistance32 ChebyshevDistance32 EuclideanDistance32 HammingDistance32
HaversineDistance32 MahalanobisDistance32 ManhattanDistance32 MinkowskiDistance32
SEuclideanDistance32 BrayCurtisDistance64 CanberraDistance64 ChebyshevDistance64
EuclideanDistance64 HammingDistance64 HaversineDistance64 MahalanobisDistance64
ManhattanDistance64 MinkowskiDistance64 SEuclideanDistance64
"""

#: What they do, and the modules (with all in them) or functions that do it.
HARMFUL = """
runs commands or controls processes:
    os posix nt subprocess _posixsubprocess commands pty popen2 multiprocessing concurrent asyncio
    signal _winapi msvcrt winreg _winreg pexpect sh plumbum fabric invoke
evaluates, imports or compiles code, or computes what is called:
    code codeop runpy pdb bdb cProfile profile _lsprof trace timeit doctest unittest test idlelib
    lib2to3 dis types marshal compileall py_compile imp importlib _imp zipimport _frozen_importlib
    _frozen_importlib_external pkgutil pip setuptools distutils ensurepip venv site sysconfig pydoc
    inspect gc ctypes _ctypes cffi _cffi_backend antigravity cloudpickle dill jsonpickle IPython
    ipykernel papermill nbconvert torch.jit torch.hub torch.utils.cpp_extension
    torch.utils._config_module torch._dynamo torch._inductor torch.fx torch.package numpy.f2py
    numpy.distutils numpy.testing numba llvmlite cython Cython pyximport scipy.weave scipy.stats
    jinja2 mako atexit weakref sys threading _thread contextlib functools operator _operator
    builtins __builtin__ xmlrpc wsgiref xdrlib sched queue ptpython bpython gdb lldb readline
    rlcompleter
reaches the network:
    socket _socket ssl socketserver select selectors http urllib urllib2 urllib3 httplib ftplib
    smtplib smtpd poplib imaplib nntplib telnetlib xmlrpclib webbrowser requests httpx aiohttp
    paramiko boto3 botocore fsspec s3fs smart_open aioredis redis
reads or writes files, or other state of the machine:
    shutil tempfile io _io _pyio fileinput glob linecache zipfile tarfile gzip bz2 lzma mmap fcntl
    resource termios logging sqlite3 dbm shelve netrc csv configparser pandas.io numpy.lib
    numpy.ctypeslib tkinter turtle curses
loads or rebuilds other objects:
    pickle _pickle cPickle pickletools copy_reg copyreg joblib skops torch.serialization copy
loads other objects, or reads or writes files:
    numpy.load numpy.save numpy.savez numpy.savetxt numpy.loadtxt numpy.genfromtxt numpy.fromfile
    numpy.fromregex numpy.lib.npyio.load torch.load torch.save pandas.eval pandas.read_pickle
    pandas.read_csv pandas.read_sql pandas.to_pickle torch.storage._load_from_bytes
    sklearn.utils._testing.TempMemmap xgboost.core._load_lib lightgbm.libpath
calls or imports what it is given:
    numpy.core._ufunc_reconstruct numpy._core._ufunc_reconstruct numpy.vectorize numpy.frompyfunc
    numpy.apply_along_axis pandas.core.computation.eval.eval
    sklearn.utils.metaestimators.available_if sklearn.utils.parallel._FuncWrapper
"""

#: Parts of harmful modules that are merely unknown: honest files hold them.
MERELY_UNKNOWN = """
functools.partial types.SimpleNamespace weakref.WeakKeyDictionary weakref.WeakValueDictionary
threading.Lock
"""

#: Packages whose names come from elsewhere than the audited project.
KNOWN_PACKAGES = """
numpy scipy pandas pyarrow sklearn lightgbm xgboost catboost joblib torch tensorflow keras
"""
