"""What PyTorch computes on: whether it is there, its name, and how to wait for it."""

import torch


class Unavailable(Exception):
    """This device cannot be used here."""


class Device:
    """`kind` is the second part of a backend's name: cpu, cuda, rocm, mps or xla."""

    def __init__(self, kind):
        # Found before anything is computed: PyTorch says in many ways that a device is not there.
        self.device, self.name, self.synchronize = OPENERS[kind]()
        # What the processor did in its place so far, by operator; only XLA does that without an error.
        self.fallbacks = xla_fallbacks if kind == "xla" else dict


def open_cpu():
    describe = getattr(getattr(torch.backends, "cpu", None), "get_cpu_capability", None)
    return torch.device("cpu"), None if describe is None else f"CPU, {describe()}", lambda: None


def open_cuda():
    if torch.version.hip is not None:
        raise Unavailable("this PyTorch is built for ROCm, not for CUDA")
    require_gpu()
    major, minor = torch.cuda.get_device_capability(0)
    return torch.device("cuda", 0), f"{torch.cuda.get_device_name(0)}, compute {major}.{minor}", torch.cuda.synchronize


def open_rocm():
    if torch.version.hip is None:
        raise Unavailable("this PyTorch is not built for ROCm")
    require_gpu()
    return torch.device("cuda", 0), torch.cuda.get_device_name(0), torch.cuda.synchronize


def require_gpu():
    if torch.cuda.is_available():
        # 32-bit floats are to be 32-bit floats: PyTorch takes TF32 for convolutions by default.
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False
        return
    try:
        torch.cuda.init()
    except Exception as error:
        raise Unavailable(str(error)) from error
    raise Unavailable("PyTorch sees no GPU")


def open_mps():
    backend = getattr(torch.backends, "mps", None)
    if backend is None or not backend.is_built():
        raise Unavailable("this PyTorch is not built for MPS")
    if not backend.is_available():
        raise Unavailable("MPS needs an Apple GPU and macOS 12.3 or newer")
    if not hasattr(torch, "mps"):
        raise Unavailable("times on MPS need PyTorch 2.0 or newer")
    describe = getattr(backend, "get_name", None)
    return torch.device("mps"), None if describe is None else describe(), torch.mps.synchronize


def open_xla():
    try:
        import torch_xla.core.xla_model as xla
    except ImportError as error:
        raise Unavailable(f"torch_xla cannot be loaded: {error}") from error
    device = xla.xla_device()

    def synchronize():
        # Until then nothing is computed, only noted.
        xla.mark_step()
        xla.wait_device_ops()

    return device, f"XLA, {xla.xla_device_hw(device)}", synchronize


def xla_fallbacks():
    import torch_xla.debug.metrics as metrics

    # Counters of XLA's own operators have other names.
    names = [name for name in metrics.counter_names() if name.startswith("aten::")]
    return {name.removeprefix("aten::"): metrics.counter_value(name) for name in names}


OPENERS = {"cpu": open_cpu, "cuda": open_cuda, "rocm": open_rocm, "mps": open_mps, "xla": open_xla}
