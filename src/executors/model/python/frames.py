"""Frames on a pipe: the lengths of header and body (4 and 8 bytes, little endian), a JSON header, and tensors as raw bytes one after
the other. `frames.ts` is the other side."""

import ctypes
import json
import math
import struct

LENGTHS = struct.Struct("<IQ")


def read_frame(stream):
    """The next header and body, or None at the end of the stream."""
    lengths = stream.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    header_length, body_length = LENGTHS.unpack(lengths)
    header = stream.read(header_length)
    # A buffer that may be written to, which is what tensors are made on.
    body = bytearray(body_length)
    if len(header) < header_length or stream.readinto(body) < body_length:
        return None
    return json.loads(header), body


def write_frame(stream, header, tensors=None):
    """`tensors`: by name, in main memory."""
    parts = {name: (tensor, body_of(tensor)) for name, tensor in (tensors or {}).items()}
    if tensors is not None:
        header = {**header, "tensors": [spec(name, tensor) for name, (tensor, _) in parts.items()]}
    text = json.dumps(header).encode()
    bodies = [body for _, body in parts.values()]
    stream.write(LENGTHS.pack(len(text), sum(map(len, bodies))) + text)
    for body in bodies:
        stream.write(body)
    stream.flush()


def spec(name, tensor):
    return {"name": name, "type": str(tensor.dtype).split(".")[-1], "dims": list(tensor.shape)}


def body_of(tensor):
    # Not through NumPy, which PyTorch can do without.
    return ctypes.string_at(tensor.data_ptr(), tensor.numel() * tensor.element_size()) if tensor.numel() > 0 else b""


def tensors_of(specs, body):
    """The tensors of a frame by name, on the memory of its body."""
    # Frames can tell that PyTorch cannot be loaded.
    import torch

    tensors = {}
    offset = 0
    for part in specs:
        dtype = {"float32": torch.float32, "int64": torch.int64}[part["type"]]
        count = math.prod(part["dims"])
        empty = torch.empty(0, dtype=dtype)
        flat = torch.frombuffer(body, dtype=dtype, count=count, offset=offset) if count > 0 else empty
        tensors[part["name"]] = flat.reshape(part["dims"])
        offset += count * flat.element_size()
    return tensors
