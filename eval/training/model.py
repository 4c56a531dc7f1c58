"""The reader's network: a BERT or MPNet encoder with a head on [CLS] and a head on every token.

Logits: `cls` (4): answers, supported, contradicted, not stated; `tokens` (2): belongs to the answer, is not supported.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

# Bytes of one file of weights: they travel between machines in parts.
PART_BYTES = 15_000_000


@dataclass(frozen=True, slots=True)
class Config:
    """`relative`: MPNet's attention, with a bias by distance. `first`: the row of the first position."""

    hidden: int
    layers: int
    heads: int
    inner: int
    vocabulary: int
    positions: int
    first: int = 0
    relative: bool = False
    epsilon: float = 1e-12


MINILM = Config(384, 6, 12, 1536, 30522, 512)
MPNET = Config(768, 12, 12, 3072, 30527, 514, first=2, relative=True, epsilon=1e-5)


class Layer(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        hidden, self.heads = config.hidden, config.heads
        self.qkv, self.out = nn.Linear(hidden, 3 * hidden), nn.Linear(hidden, hidden)
        self.up, self.down = nn.Linear(hidden, config.inner), nn.Linear(config.inner, hidden)
        self.n1, self.n2 = nn.LayerNorm(hidden, config.epsilon), nn.LayerNorm(hidden, config.epsilon)
        self.drop = nn.Dropout(0.1)

    def forward(self, x: Tensor, bias: Tensor) -> Tensor:
        batch, length, hidden = x.shape
        parts = self.qkv(x).view(batch, length, 3, self.heads, hidden // self.heads).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], attn_mask=bias.to(parts.dtype))
        x = self.n1(x + self.drop(self.out(attended.transpose(1, 2).reshape(batch, length, hidden))))
        done: Tensor = self.n2(x + self.drop(self.down(functional.gelu(self.up(x)))))
        return done


class Network(nn.Module):
    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        hidden = config.hidden
        self.words = nn.Embedding(config.vocabulary, hidden)
        self.places = nn.Embedding(config.positions, hidden)
        self.kinds = nn.Embedding(2, hidden)
        self.norm, self.drop = nn.LayerNorm(hidden, config.epsilon), nn.Dropout(0.1)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        if config.relative:
            self.relative = nn.Embedding(32, config.heads)
        self.pool, self.cls_head, self.token_head = (
            nn.Linear(hidden, hidden),
            nn.Linear(hidden, 4),
            nn.Linear(hidden, 2),
        )
        nn.init.normal_(self.pool.weight, std=0.02)
        nn.init.zeros_(self.kinds.weight)

    def forward(self, ids: Tensor, kinds: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """`mask`: True where a token stands."""
        length = ids.shape[1]
        place = torch.arange(length, device=ids.device) + self.config.first
        x = self.drop(self.norm(self.words(ids) + self.places(place)[None] + self.kinds(kinds)))
        bias = torch.zeros(mask.shape, device=x.device).masked_fill(~mask, -1e4)[:, None, None, :]
        bias = bias + self._distances(length) if self.config.relative else bias.expand(-1, 1, length, -1)
        for layer in self.layers:
            x = layer(x, bias)
        return self.cls_head(torch.tanh(self.pool(x[:, 0]))).float(), self.token_head(x).float()

    def _distances(self, length: int) -> Tensor:
        """MPNet's 32 buckets: sixteen a direction, exact to seven tokens and logarithmic beyond."""
        place = torch.arange(length, device=self.relative.weight.device)
        distance = place[:, None] - place[None]
        far = 8 + (torch.log(distance.abs().float().clamp(min=1) / 8) / math.log(16) * 8).long()
        near = torch.where(distance.abs() < 8, distance.abs(), far.clamp(max=15))
        weights: Tensor = self.relative((distance < 0).long() * 16 + near)
        return weights.permute(2, 0, 1)[None].detach()


def vocabulary_of(config: Config, ids: Tensor, mask: Tensor) -> Tensor:
    """BERT's word pieces in the network's own numbers: MPNet has the same pieces, shifted."""
    if not config.relative:
        return ids
    shifted = torch.where(ids == 101, 0, torch.where(ids == 102, 2, ids + 4))
    return torch.where(mask, shifted, 1)


_BERT = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "attention.output.LayerNorm",
)
_MPNET = ("attention.attn.q", "attention.attn.k", "attention.attn.v", "attention.attn.o", "attention.LayerNorm")


def from_base(config: Config, weights: Mapping[str, npt.NDArray[np.float32]]) -> Network:
    """A network that begins with the weights of all-MiniLM-L6-v2 or all-mpnet-base-v2, by their upstream names."""

    def get(name: str) -> Tensor:
        return torch.as_tensor(np.asarray(weights[name], np.float32))

    embedded = next(name for name in weights if name.endswith("embeddings.word_embeddings.weight"))
    prefix = embedded.removesuffix("embeddings.word_embeddings.weight")
    state = {
        "words.weight": get(embedded),
        "places.weight": get(f"{prefix}embeddings.position_embeddings.weight"),
        "norm.weight": get(f"{prefix}embeddings.LayerNorm.weight"),
        "norm.bias": get(f"{prefix}embeddings.LayerNorm.bias"),
    }
    if config.relative:
        state["relative.weight"] = get(f"{prefix}encoder.relative_attention_bias.weight")
    else:
        state["kinds.weight"] = get(f"{prefix}embeddings.token_type_embeddings.weight")
    names = _MPNET if config.relative else _BERT
    others = {
        "out": names[3],
        "n1": names[4],
        "up": "intermediate.dense",
        "down": "output.dense",
        "n2": "output.LayerNorm",
    }
    for number in range(config.layers):
        layer = f"{prefix}encoder.layer.{number}."
        for kind in ("weight", "bias"):
            state[f"layers.{number}.qkv.{kind}"] = torch.cat([get(f"{layer}{name}.{kind}") for name in names[:3]])
            state |= {
                f"layers.{number}.{mine}.{kind}": get(f"{layer}{theirs}.{kind}") for mine, theirs in others.items()
            }
    network = Network(config)
    missing, extra = network.load_state_dict(state, strict=False)
    if extra or not all(name.startswith(("pool", "cls_head", "token_head", "kinds")) for name in missing):
        raise ValueError(f"These weights do not fit: missing {missing}, left over {extra}")
    return network


def save(network: Network, folder: Path, name: str) -> None:
    """fp16 in parts of 15 MB, `NAME.0.npz` and on."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, npt.NDArray[np.float16]]] = [{}]
    size = 0
    for key, tensor in network.state_dict().items():
        value = tensor.detach().cpu().half().numpy()
        pieces = (
            np.array_split(value, max(1, math.ceil(value.nbytes / (PART_BYTES - 1_000_000))))
            if value.ndim == 2
            else [value]
        )
        for number, piece in enumerate(pieces):
            if size + piece.nbytes > PART_BYTES:
                parts.append({})
                size = 0
            parts[-1][f"{key}|{number}"] = piece
            size += piece.nbytes
    for number, part in enumerate(parts):
        np.savez(folder / f"{name}.{number}.npz", allow_pickle=False, **part)


def load(folder: Path, name: str, config: Config = MINILM) -> Network:
    pieces: dict[str, dict[int, npt.NDArray[np.float16]]] = {}
    for path in sorted(folder.glob(f"{name}.[0-9]*.npz")):
        stored = np.load(path)
        for key in stored.files:
            parameter, number = key.rsplit("|", 1)
            pieces.setdefault(parameter, {})[int(number)] = stored[key]
    if not pieces:
        raise FileNotFoundError(f"No weights called {name}.0.npz in {folder}.")
    network = Network(config)
    whole = {key: np.concatenate([parts[n] for n in sorted(parts)]) for key, parts in pieces.items()}
    network.load_state_dict({key: torch.from_numpy(value.astype(np.float32)) for key, value in whole.items()})
    return network


def mixed(network: Network, other: Network, share: float) -> Network:
    """The mean of two networks' weights, `share` of it the other's: what training on gained, with less forgotten."""
    theirs = other.state_dict()
    network.load_state_dict(
        {key: (1 - share) * mine + share * theirs[key] for key, mine in network.state_dict().items()}
    )
    return network
