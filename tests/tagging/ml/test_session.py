import pytest

from tagging.ml import session as module
from tagging.ml.registry import ENCODERS
from tagging.ml.session import ProviderError, open_session, provider_in_use, usable_cores


@pytest.fixture
def model(models_dir):
    return models_dir / ENCODERS["efficientnet-lite0"].file_name


@pytest.fixture
def _no_device(monkeypatch):
    monkeypatch.setattr(module, "_cuda_devices", lambda: 0)


@pytest.mark.usefixtures("_no_device")
def test_auto_runs_on_the_cpu_without_a_word_where_there_is_no_cuda(model, capfd):
    session = open_session(model, "auto")
    assert provider_in_use(session) == "cpu"
    assert capfd.readouterr() == ("", "")


def test_cpu_means_cpu(model, capfd):
    assert provider_in_use(open_session(model, "cpu")) == "cpu"
    assert capfd.readouterr() == ("", "")


@pytest.mark.usefixtures("_no_device")
def test_cuda_without_a_device_is_an_error_that_says_what_to_do(model):
    with pytest.raises(ProviderError, match=r"no CUDA device.*use auto or cpu"):
        open_session(model, "cuda")


@pytest.mark.skipif(module._cuda_devices() > 0, reason="CUDA works here")
def test_cuda_whose_libraries_do_not_load_is_an_error_and_auto_falls_back(model, monkeypatch, caplog, capfd):
    monkeypatch.setattr(module, "_cuda_devices", lambda: 1)
    monkeypatch.setattr(module.ort, "get_available_providers", lambda: [module._CUDA, module._CPU])
    with pytest.raises(ProviderError, match="can't load the CUDA libraries"):
        open_session(model, "cuda")
    assert provider_in_use(open_session(model, "auto")) == "cpu"
    assert "running on the CPU" in caplog.text
    assert capfd.readouterr() == ("", "")


def test_a_runtime_without_cuda_is_named(model, monkeypatch):
    monkeypatch.setattr(module.ort, "get_available_providers", lambda: [module._CPU])
    with pytest.raises(ProviderError, match="Install onnxruntime-gpu"):
        open_session(model, "cuda")


def test_an_unknown_provider_is_refused(model):
    with pytest.raises(ProviderError, match=r"Unknown ONNX provider 'gpu'. Choose one of auto, cpu, cuda"):
        open_session(model, "gpu")


def test_zero_threads_means_all_usable_cores(model):
    assert open_session(model, "cpu", 0).get_session_options().intra_op_num_threads == usable_cores() > 0
    assert open_session(model, "cpu", 1).get_session_options().intra_op_num_threads == 1
