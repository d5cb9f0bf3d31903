"""The one place where ONNX Runtime sessions, their threads and their providers are set up."""

import contextlib
import ctypes
import io
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import onnxruntime as ort
from threadpoolctl import threadpool_limits

logger = logging.getLogger(__name__)

PROVIDERS = ("auto", "cpu", "cuda")
_CPU = "CPUExecutionProvider"
_CUDA = "CUDAExecutionProvider"
_SEVERITY_WARNING, _SEVERITY_ERROR, _SEVERITY_FATAL = 2, 3, 4


class ProviderError(Exception):
    """The session can't run where it was asked to; the message says what to do."""


def open_session(path: Path, provider: str = "auto", threads: int = 1) -> ort.InferenceSession:
    """Open an ONNX file for inference in this process. Sessions do not survive a fork.

    provider: "cpu"; "cuda", which raises ProviderError unless CUDA really runs; or "auto", CUDA where it runs
    and else the CPU. threads: per call of `run`, which several Python threads may call at once; 0 for one per
    usable core.
    """
    if provider not in PROVIDERS:
        raise ProviderError(f"Unknown ONNX provider {provider!r}. Choose one of {', '.join(PROVIDERS)}.")
    # NumPy's BLAS keeps a thread on each core and lets it spin after each product: a third of the images/s.
    threadpool_limits(limits=1, user_api="blas")
    options = _options(threads or usable_cores())
    if provider == "cuda" or (provider == "auto" and _cuda_devices() > 0):
        session = _try_cuda(path, options)
        if session is not None:
            return session
        if provider == "cuda":
            raise ProviderError(_why_no_cuda())
        logger.warning("There is a CUDA device, but ONNX Runtime can't use it: running on the CPU")
    return ort.InferenceSession(path, options, providers=[_CPU], enable_fallback=0)


def provider_in_use(session: ort.InferenceSession) -> str:
    """Name what the session really runs on: "cpu" or "cuda"."""
    return "cuda" if _CUDA in session.get_providers() else "cpu"


def usable_cores() -> int:
    """Count the cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _options(threads: int) -> ort.SessionOptions:
    options = ort.SessionOptions()
    # Anything less loses the NCHWc layout and is 2.5 times slower on the CPU.
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_ALL
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _SEVERITY_ERROR
    return options


def _try_cuda(path: Path, options: ort.SessionOptions) -> ort.InferenceSession | None:
    if _CUDA not in ort.get_available_providers() or _cuda_devices() == 0:
        return None
    with _quiet():
        ort.preload_dlls()  # CUDA libraries that were installed as Python packages
        try:
            session = ort.InferenceSession(path, options, providers=[_CUDA, _CPU], enable_fallback=0)
        except (RuntimeError, ValueError):
            return None
    return session if _CUDA in session.get_providers() else None


def _cuda_devices() -> int:
    """Ask the driver, not ONNX Runtime, which prints errors on machines without CUDA."""
    try:
        driver = ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    failed = driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count))
    return 0 if failed else count.value


def _why_no_cuda() -> str:
    if _CUDA not in ort.get_available_providers():
        return "This ONNX Runtime has no CUDA support. Install onnxruntime-gpu, or use auto or cpu."
    if _cuda_devices() == 0:
        return "There is no CUDA device, or its driver does not answer. Check nvidia-smi, or use auto or cpu."
    return (
        "There is a CUDA device, but ONNX Runtime can't load the CUDA libraries that it needs. "
        "Install the extra requirements for CUDA, or use auto or cpu."
    )


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep ONNX Runtime from printing what open_session says in words."""
    ort.set_default_logger_severity(_SEVERITY_FATAL)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        ort.set_default_logger_severity(_SEVERITY_WARNING)
