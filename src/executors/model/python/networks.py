"""The families that Assay generates, in plain PyTorch: written from the papers and the names in Hugging Face's state dicts, not from the
ONNX graphs."""

import math
import re

import torch
import torch.nn.functional as F


# Rows of these are looked up; they are no layers.
TABLE = re.compile("embed|wte|wpe|shared|relative_attention_bias")


def as_layer(name, weight):
    """Layers are [inputs, outputs] in the ONNX files and [outputs, inputs] in PyTorch, for which its products are written: old versions
    add 16-bit products in the other layout with 16 bits only."""
    return weight.t().contiguous() if weight.dim() == 2 and not TABLE.search(name) else weight


class Network:
    """A family's inputs, as Assay declares them, and its forward pass: tensors by name in and out."""

    def __init__(self, config, weights):
        self.config = config
        self.weights = {name: as_layer(name, weight) for name, weight in weights.items()}

    def linear(self, name, x):
        return F.linear(x, self.weights[name + ".weight"], self.weights.get(name + ".bias"))

    def norm(self, name, x, epsilon):
        gain = self.weights[name + ".weight"]
        return F.layer_norm(x, gain.shape, gain, self.weights[name + ".bias"], epsilon)

    def embed(self, name, ids):
        return F.embedding(ids, self.weights[name + ".weight"])

    def leading(self, name, x):
        """The rows of a table of positions for the sequence of x, [batch, sequence, …]."""
        return self.weights[name + ".weight"][: x.shape[1]]

    def patches(self, kernel, class_token, pixels):
        weight = self.weights[kernel + ".weight"]
        grid = F.conv2d(pixels, weight, self.weights.get(kernel + ".bias"), stride=weight.shape[-1])
        rows = grid.flatten(2).transpose(1, 2)
        first = self.weights[class_token].reshape(1, 1, -1).expand(rows.shape[0], -1, -1)
        return torch.cat([first, rows], 1)


def split_heads(x, heads):
    return x.unflatten(-1, (heads, -1)).transpose(1, 2)


def attention(query, key, value, visible=None, bias=None, scaled=True):
    """Over [batch, heads, sequence, size], back to [batch, sequence, width]. `visible`: where a token may look."""
    if scaled:
        query = query / math.sqrt(query.shape[-1])
    scores = query @ key.transpose(-1, -2)
    if bias is not None:
        scores = scores + bias
    if visible is not None:
        scores = scores.masked_fill(~visible, float("-inf"))
    return (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)


def causal(queries, keys, device):
    """Each of the last `queries` tokens sees itself and the earlier ones."""
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


def padding(mask):
    return mask[:, None, None, :].bool()


def tokens(name, length="sequence_length"):
    return {"name": name, "type": "int64", "dims": ["batch_size", length]}


def floats(name, *dims):
    return {"name": name, "type": "float32", "dims": ["batch_size", *dims]}


def image(config):
    return floats("pixel_values", config["num_channels"], config["image_size"], config["image_size"])


class Bert(Network):
    def inputs(self):
        return [tokens("input_ids"), tokens("attention_mask"), tokens("token_type_ids")]

    def outputs(self):
        return ["last_hidden_state"]

    def forward(self, input_ids, attention_mask, token_type_ids):
        epsilon = self.config["layer_norm_eps"]
        words = self.embed("embeddings.word_embeddings", input_ids)
        types = self.embed("embeddings.token_type_embeddings", token_type_ids)
        x = self.norm(
            "embeddings.LayerNorm",
            words + types + self.leading("embeddings.position_embeddings", input_ids),
            epsilon,
        )
        visible = padding(attention_mask)
        for index in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{index}"
            parts = (self.linear(f"{layer}.attention.self.{part}", x) for part in ("query", "key", "value"))
            heads = (split_heads(part, self.config["num_attention_heads"]) for part in parts)
            attended = self.linear(f"{layer}.attention.output.dense", attention(*heads, visible))
            x = self.norm(f"{layer}.attention.output.LayerNorm", x + attended, epsilon)
            wide = F.gelu(self.linear(f"{layer}.intermediate.dense", x))
            x = self.norm(f"{layer}.output.LayerNorm", x + self.linear(f"{layer}.output.dense", wide), epsilon)
        return {"last_hidden_state": x}


class Gpt2(Network):
    def inputs(self):
        size = self.config["n_embd"] // self.config["n_head"]
        caches = [
            floats(f"past_key_values.{index}.{part}", self.config["n_head"], "past_sequence_length", size)
            for index in range(self.config["n_layer"])
            for part in ("key", "value")
        ]
        return [tokens("input_ids"), tokens("attention_mask", "total_sequence_length"), tokens("position_ids"), *caches]

    def outputs(self):
        return ["logits", *(f"present.{index}.{part}" for index in range(self.config["n_layer"]) for part in ("key", "value"))]

    def forward(self, input_ids, attention_mask, position_ids, **past):
        epsilon = self.config["layer_norm_epsilon"]
        x = self.embed("wte", input_ids) + self.embed("wpe", position_ids)
        visible = causal(input_ids.shape[1], attention_mask.shape[1], x.device) & padding(attention_mask)
        present = {}
        for index in range(self.config["n_layer"]):
            fused = self.linear(f"h.{index}.attn.c_attn", self.norm(f"h.{index}.ln_1", x, epsilon))
            query, key, value = (split_heads(part, self.config["n_head"]) for part in fused.chunk(3, -1))
            key = torch.cat([past[f"past_key_values.{index}.key"], key], 2)
            value = torch.cat([past[f"past_key_values.{index}.value"], value], 2)
            present[f"present.{index}.key"] = key
            present[f"present.{index}.value"] = value
            x = x + self.linear(f"h.{index}.attn.c_proj", attention(query, key, value, visible))
            wide = self.linear(f"h.{index}.mlp.c_fc", self.norm(f"h.{index}.ln_2", x, epsilon))
            x = x + self.linear(f"h.{index}.mlp.c_proj", F.gelu(wide, approximate="tanh"))
        return {"logits": self.linear("lm_head", self.norm("ln_f", x, epsilon)), **present}


class Vit(Network):
    def inputs(self):
        return [image(self.config)]

    def outputs(self):
        return ["logits"]

    def forward(self, pixel_values):
        epsilon = self.config["layer_norm_eps"]
        x = self.patches("embeddings.patch_embeddings.projection", "embeddings.cls_token", pixel_values)
        x = x + self.weights["embeddings.position_embeddings"]
        for index in range(self.config["num_hidden_layers"]):
            layer = f"encoder.layer.{index}"
            before = self.norm(f"{layer}.layernorm_before", x, epsilon)
            parts = (self.linear(f"{layer}.attention.attention.{part}", before) for part in ("query", "key", "value"))
            heads = (split_heads(part, self.config["num_attention_heads"]) for part in parts)
            x = x + self.linear(f"{layer}.attention.output.dense", attention(*heads))
            wide = F.gelu(self.linear(f"{layer}.intermediate.dense", self.norm(f"{layer}.layernorm_after", x, epsilon)))
            x = x + self.linear(f"{layer}.output.dense", wide)
        return {"logits": self.linear("classifier", self.norm("layernorm", x, epsilon)[:, 0])}


class T5(Network):
    def __init__(self, config, weights):
        super().__init__(config, weights)
        farthest = config["relative_attention_max_distance"]
        device = weights["shared.weight"].device
        # By offset key - query; farther ones are in the bucket of the farthest.
        self.buckets = {
            name: torch.tensor(
                [self.bucket(offset, name == "encoder") for offset in range(-farthest, farthest + 1)], device=device
            )
            for name in ("encoder", "decoder")
        }

    def inputs(self):
        source = "encoder_sequence_length"
        target = tokens("decoder_input_ids", "decoder_sequence_length")
        return [tokens("input_ids", source), tokens("attention_mask", source), target]

    def outputs(self):
        return ["logits"]

    def forward(self, input_ids, attention_mask, decoder_input_ids):
        length = decoder_input_ids.shape[1]
        present = padding(attention_mask)
        memory = self.stack("encoder", self.embed("shared", input_ids), present)
        seen = causal(length, length, input_ids.device)
        x = self.stack("decoder", self.embed("shared", decoder_input_ids), seen, memory, present)
        return {"logits": F.linear(x * self.config["d_model"] ** -0.5, self.weights["shared.weight"])}

    def stack(self, name, x, visible, memory=None, memory_visible=None):
        bias = self.position_bias(name, x)
        last = 1 if memory is None else 2
        for index in range(self.config["num_layers" if memory is None else "num_decoder_layers"]):
            block = f"{name}.block.{index}.layer"
            normed = self.scale(f"{block}.0.layer_norm", x)
            x = x + self.attend(f"{block}.0.SelfAttention", normed, normed, visible, bias)
            if memory is not None:
                normed = self.scale(f"{block}.1.layer_norm", x)
                x = x + self.attend(f"{block}.1.EncDecAttention", normed, memory, memory_visible)
            wide = F.relu(self.linear(f"{block}.{last}.DenseReluDense.wi", self.scale(f"{block}.{last}.layer_norm", x)))
            x = x + self.linear(f"{block}.{last}.DenseReluDense.wo", wide)
        return self.scale(f"{name}.final_layer_norm", x)

    def scale(self, name, x):
        """Normalization without a mean, its sum in 32 bits as T5 does it."""
        mean_square = x.float().square().mean(-1, keepdim=True)
        normed = x * torch.rsqrt(mean_square + self.config["layer_norm_epsilon"])
        return normed.to(x.dtype) * self.weights[name + ".weight"]

    def attend(self, name, x, source, visible, bias=None):
        heads = self.config["num_heads"]
        query = split_heads(self.linear(f"{name}.q", x), heads)
        key, value = (split_heads(self.linear(f"{name}.{part}", source), heads) for part in ("k", "v"))
        return self.linear(f"{name}.o", attention(query, key, value, visible, bias, scaled=False))

    def position_bias(self, name, x):
        farthest = self.config["relative_attention_max_distance"]
        positions = torch.arange(x.shape[1], device=x.device)
        offsets = (positions[None, :] - positions[:, None]).clamp(-farthest, farthest)
        biases = self.embed(
            f"{name}.block.0.layer.0.SelfAttention.relative_attention_bias", self.buckets[name][offsets + farthest]
        )
        return biases.permute(2, 0, 1)[None]

    def bucket(self, offset, both_directions):
        buckets = self.config["relative_attention_num_buckets"] // (2 if both_directions else 1)
        base = buckets if both_directions and offset > 0 else 0
        distance = abs(offset) if both_directions else max(0, -offset)
        exact = buckets // 2
        if distance < exact:
            return base + distance
        share = math.log(distance / exact) / math.log(self.config["relative_attention_max_distance"] / exact)
        return base + min(buckets - 1, exact + int(share * (buckets - exact)))


class Whisper(Network):
    # PyTorch's default, which Whisper keeps; its config.json does not have it.
    epsilon = 1e-5

    def inputs(self):
        features = floats("input_features", self.config["num_mel_bins"], "frames")
        return [features, tokens("decoder_input_ids", "decoder_sequence_length")]

    def outputs(self):
        return ["logits"]

    def forward(self, input_features, decoder_input_ids):
        memory = F.gelu(self.convolution("model.encoder.conv1", input_features, 1))
        memory = F.gelu(self.convolution("model.encoder.conv2", memory, 2)).transpose(1, 2)
        memory = self.stack("encoder", memory + self.leading("model.encoder.embed_positions", memory))
        length = decoder_input_ids.shape[1]
        words = self.embed("model.decoder.embed_tokens", decoder_input_ids)
        x = words + self.leading("model.decoder.embed_positions", decoder_input_ids)
        x = self.stack("decoder", x, causal(length, length, x.device), memory)
        return {"logits": F.linear(x, self.weights["model.decoder.embed_tokens.weight"])}

    def convolution(self, name, x, stride):
        return F.conv1d(x, self.weights[name + ".weight"], self.weights[name + ".bias"], stride=stride, padding=1)

    def stack(self, name, x, visible=None, memory=None):
        heads = self.config[f"{name}_attention_heads"]
        for index in range(self.config[f"{name}_layers"]):
            layer = f"model.{name}.layers.{index}"
            normed = self.norm(f"{layer}.self_attn_layer_norm", x, self.epsilon)
            x = x + projected_attention(self, f"{layer}.self_attn", normed, normed, heads, visible)
            if memory is not None:
                normed = self.norm(f"{layer}.encoder_attn_layer_norm", x, self.epsilon)
                x = x + projected_attention(self, f"{layer}.encoder_attn", normed, memory, heads)
            wide = F.gelu(self.linear(f"{layer}.fc1", self.norm(f"{layer}.final_layer_norm", x, self.epsilon)))
            x = x + self.linear(f"{layer}.fc2", wide)
        return self.norm(f"model.{name}.layer_norm", x, self.epsilon)


def projected_attention(network, name, x, source, heads, visible=None):
    query = split_heads(network.linear(f"{name}.q_proj", x), heads)
    key, value = (split_heads(network.linear(f"{name}.{part}_proj", source), heads) for part in ("k", "v"))
    return network.linear(f"{name}.out_proj", attention(query, key, value, visible))


class Clip(Network):
    def inputs(self):
        return [tokens("input_ids"), image(self.config["vision_config"]), tokens("attention_mask")]

    def outputs(self):
        return ["logits_per_image", "text_embeds", "image_embeds"]

    def forward(self, input_ids, pixel_values, attention_mask):
        text = self.unit("text_projection", self.text(input_ids, attention_mask))
        picture = self.unit("visual_projection", self.vision(pixel_values))
        scale = self.weights["logit_scale"].exp()
        return {"logits_per_image": picture @ text.t() * scale, "text_embeds": text, "image_embeds": picture}

    def unit(self, name, x):
        projected = self.linear(name, x)
        return projected / projected.norm(dim=-1, keepdim=True)

    def text(self, input_ids, attention_mask):
        config = self.config["text_config"]
        words = self.embed("text_model.embeddings.token_embedding", input_ids)
        x = words + self.leading("text_model.embeddings.position_embedding", input_ids)
        length = input_ids.shape[1]
        x = self.tower("text_model", x, config, causal(length, length, x.device) & padding(attention_mask))
        x = self.norm("text_model.final_layer_norm", x, config["layer_norm_eps"])
        # The end token has the highest identifier.
        return x[torch.arange(x.shape[0], device=x.device), input_ids.argmax(-1)]

    def vision(self, pixel_values):
        config = self.config["vision_config"]
        name = "vision_model.embeddings"
        x = self.patches(f"{name}.patch_embedding", f"{name}.class_embedding", pixel_values)
        x = x + self.leading(f"{name}.position_embedding", x)
        # The name is misspelt in the published models.
        x = self.norm("vision_model.pre_layrnorm", x, config["layer_norm_eps"])
        x = self.tower("vision_model", x, config)
        return self.norm("vision_model.post_layernorm", x[:, 0], config["layer_norm_eps"])

    def tower(self, name, x, config, visible=None):
        for index in range(config["num_hidden_layers"]):
            layer = f"{name}.encoder.layers.{index}"
            normed = self.norm(f"{layer}.layer_norm1", x, config["layer_norm_eps"])
            heads = config["num_attention_heads"]
            x = x + projected_attention(self, f"{layer}.self_attn", normed, normed, heads, visible)
            wide = self.linear(f"{layer}.mlp.fc1", self.norm(f"{layer}.layer_norm2", x, config["layer_norm_eps"]))
            x = x + self.linear(f"{layer}.mlp.fc2", wide * torch.sigmoid(1.702 * wide))
        return x


FAMILIES = {"bert": Bert, "gpt2": Gpt2, "vit": Vit, "t5": T5, "whisper": Whisper, "clip": Clip}
