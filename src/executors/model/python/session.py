"""What a request asks for: the state of one model on one device."""

import gc
import importlib.metadata
import os
import platform
import tempfile
import time

import pretrained
import torch
from devices import Device
from frames import tensors_of
from networks import FAMILIES
from placement import placement_of

PRECISIONS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class Unsupported(Exception):
    """This model, or its precision, is not for this runner."""


class Session:
    device = None
    dtype = torch.float32
    forward = None
    inputs = {}
    outputs = {}

    def __init__(self, started_ms):
        self.started_ms = started_ms

    def answer(self, header, body):
        """The answer's header and tensors."""
        tensors = tensors_of(header.get("tensors", []), body)
        return ACTIONS[header["do"]](self, header, tensors)

    def open(self, header, _tensors):
        # The process may be older than the run, which has a folder of its own.
        tempfile.tempdir = header["temporary_folder"]
        os.environ.update({name: tempfile.tempdir for name in ("TMPDIR", "TEMP", "TMP")})
        self.device = Device(header["device"])
        torch.set_num_threads(header["threads"])
        # What PyTorch consists of is no garbage: looking at it each time would take longer than small models do.
        gc.freeze()
        versions = {"python": platform.python_version(), "torch": torch.__version__, "transformers": transformers_version()}
        device = {"device": self.device.name, "threads": torch.get_num_threads()}
        return {**versions, **device, "started_ms": self.started_ms}, None

    def load(self, header, weights):
        self.dtype = dtype_of(header["precision"])
        config = header["config"]
        family = FAMILIES.get(config.get("model_type"))
        if family is None:
            raise Unsupported(f"there is no PyTorch network for the family {config.get('model_type')}")
        return self.ready(family(config, self.moved(weights)))

    def import_transformers(self, _header, _tensors):
        return {"version": pretrained.library().__version__}, None

    def load_folder(self, header, _tensors):
        self.dtype = dtype_of(header["precision"])
        return self.ready(pretrained.Pretrained(header["path"], header["config"], self.device.device, self.dtype))

    def ready(self, network):
        self.forward = network.forward
        self.device.synchronize()
        return {"inputs": network.inputs(), "outputNames": network.outputs()}, None

    def unload(self, _header, _tensors):
        self.forward, self.inputs, self.outputs = None, {}, {}
        gc.collect()
        return {}, None

    def bind(self, _header, tensors):
        gc.collect()
        self.outputs = {}
        self.inputs = self.moved(tensors)
        self.device.synchronize()
        return {}, None

    def run(self, _header, _tensors):
        # Before the clock starts: the memory is for the new ones.
        self.outputs = {}
        self.device.synchronize()
        gc.disable()
        try:
            start = time.perf_counter()
            self.outputs = self.forward(**self.inputs)
            self.device.synchronize()
            elapsed = time.perf_counter() - start
        finally:
            gc.enable()
        return {"elapsed_ms": elapsed * 1000}, None

    def fetch(self, _header, _tensors):
        return {}, {name: in_main_memory(tensor) for name, tensor in self.outputs.items()}

    def place(self, _header, _tensors):
        before = self.device.fallbacks()
        placement = placement_of(lambda: self.forward(**self.inputs))
        for operator, count in self.device.fallbacks().items():
            taken = count - before.get(operator, 0)
            if taken > 0:
                placement.setdefault("cpu", {})[operator] = taken
        return {"placement": placement}, None

    def usage(self, _header, _tensors):
        return {"cpu_ms": time.process_time() * 1000, "max_rss_bytes": max_rss_bytes()}, None

    def moved(self, tensors):
        # Copied also where nothing changes: in a frame numbers may begin anywhere.
        return {
            name: tensor.to(self.device.device, self.dtype if tensor.is_floating_point() else tensor.dtype, copy=True)
            for name, tensor in tensors.items()
        }


ACTIONS = {
    name: getattr(Session, name)
    for name in ("open", "load", "import_transformers", "load_folder", "bind", "run", "fetch", "place", "unload", "usage")
}


def in_main_memory(tensor):
    return tensor.to("cpu", torch.float32 if tensor.is_floating_point() else torch.int64).contiguous()


def dtype_of(precision):
    if precision not in PRECISIONS:
        raise Unsupported(f"PyTorch runs models in {', '.join(PRECISIONS)} here, not in {precision}")
    return PRECISIONS[precision]


def max_rss_bytes():
    try:
        import resource
    except ImportError:
        # Windows has no getrusage: not known.
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if platform.system() == "Darwin" else peak * 1024


def transformers_version():
    try:
        return importlib.metadata.version("transformers")
    except importlib.metadata.PackageNotFoundError:
        return None
