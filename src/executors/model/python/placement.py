"""Where a model's operators run: PyTorch's dispatcher names each that a device is asked for, and the device has what it makes."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten


class Placement(TorchDispatchMode):
    """Counts operators by type of device. No name of a device goes in: it is that of the memory that the numbers lie in."""

    def __init__(self):
        super().__init__()
        self.counts = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        made = next((one for one in tree_flatten(result)[0] if isinstance(one, torch.Tensor)), None)
        if made is not None:
            operators = self.counts.setdefault(made.device.type, {})
            # aten::addmm.out is an addmm.
            name = str(function).split(".")[1] if str(function).startswith("aten.") else str(function)
            operators[name] = operators.get(name, 0) + 1
        return result


def placement_of(action):
    with Placement() as placement:
        action()
    return placement.counts
