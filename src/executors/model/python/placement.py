"""Who runs what: PyTorch's dispatcher tells every operator and the device of what it made."""

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class Counter(TorchDispatchMode):
    def __init__(self):
        super().__init__()
        self.counts = {}

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        first = result[0] if isinstance(result, (tuple, list)) and result else result
        if isinstance(first, torch.Tensor):
            self.counts[first.device.type] = self.counts.get(first.device.type, 0) + 1
        return result


def count_placements(action):
    """How many operators ran on each type of device."""
    with Counter() as counter:
        action()
    return counter.counts
