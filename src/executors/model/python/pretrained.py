"""Models in folders as Hugging Face has them, run by its library `transformers`."""

import inspect

import torch

TEXT = ("input_ids", "attention_mask", "token_type_ids", "decoder_input_ids")
FLOATS = ("pixel_values", "input_features")


class TransformersMissing(Exception):
    pass


def library():
    try:
        import transformers
    except ImportError as error:
        raise TransformersMissing(f"Models other than the built-in ones need transformers: {error}") from error
    return transformers


class Pretrained:
    def __init__(self, folder, config, device, dtype):
        transformers = library()
        # The class that the model was saved from has its last layer, which AutoModel leaves out.
        names = [*config.get("architectures", []), "AutoModel"]
        kind = next(getattr(transformers, name) for name in names if hasattr(transformers, name))
        # Never a pickle, which is a program that runs when it is read.
        model = kind.from_pretrained(folder, local_files_only=True, use_safetensors=True)
        self.model = model.to(device=device, dtype=dtype).eval()
        self.config = config

    def inputs(self):
        taken = [name for name in inspect.signature(self.model.forward).parameters if self.takes(name)]
        if "input_ids" not in taken and "attention_mask" in taken:
            # Of recordings and images, which are all of one size.
            taken.remove("attention_mask")
        kinds = {**dict.fromkeys(TEXT, "int64"), **dict.fromkeys(FLOATS, "float32")}
        return [{"name": name, "type": kinds[name], "dims": []} for name in taken]

    def takes(self, name):
        if name == "token_type_ids":
            return "type_vocab_size" in self.config
        if name == "decoder_input_ids":
            return self.config.get("is_encoder_decoder", False)
        return name in TEXT or name in FLOATS

    def outputs(self):
        # Known only from a run.
        return []

    def forward(self, **inputs):
        return {name: value for name, value in self.model(**inputs).items() if isinstance(value, torch.Tensor)}
