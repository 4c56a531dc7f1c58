"""Trains the network on rows: from labels, from a teacher's scores, or from both. On a GPU, or slowly on two cores."""

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

from eval.training import model
from eval.training.rows import NOT_SUPPORTED, SUPPORTED, Row

MAX_TOKENS, MAX_FIRST, MAX_HEADING = 384, 160, 24
CLS, SEP, TASKS = 101, 102, {"answers": 1, "supports": 2}
UNLABELLED, OUTSIDE = -2, -1
# Rows drawn together before they are sorted by length, so that a batch holds little padding and still varies.
POOL_ROWS = 4096

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Pair:
    """One row in tokens. `sentence`: the number of each token's; `answering`, `unsupported`: labels; -1 outside."""

    ids: Ints
    kinds: Ints
    sentence: Ints
    answering: Ints
    unsupported: Ints


class Pairs:
    """Encodes rows; a batch is as long as its longest row."""

    def __init__(self, rows: Sequence[Row], tokenizer: Tokenizer, device: str = "cpu") -> None:
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self.rows, self.device = rows, device
        texts = sorted({text for row in rows for text in (row.heading, *row.sentences)})
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        self._ids = {text: np.array(done.ids, np.int64) for text, done in zip(texts, encodings, strict=True)}
        firsts = sorted({row.first for row in rows})
        self._firsts = dict(zip(firsts, tokenizer.encode_batch(firsts, add_special_tokens=False), strict=True))
        self.lengths = np.array([self._length(row) for row in rows])

    def _length(self, row: Row) -> int:
        heading = min(MAX_HEADING, len(self._ids[row.heading]))
        head = 3 + min(MAX_FIRST, len(self._firsts[row.first].ids)) + (heading + 1 if heading else 0)
        return min(MAX_TOKENS, head + sum(len(self._ids[text]) for text in row.sentences) + 1)

    def pair(self, row: Row) -> Pair:
        first = self._firsts[row.first]
        asked = first.ids[:MAX_FIRST]
        heading = self._ids[row.heading][:MAX_HEADING].tolist()
        ids = [CLS, TASKS[row.task], *asked, SEP]
        kinds = [0] * len(ids)
        ids += [*heading, SEP] if heading else []
        sentence = [OUTSIDE] * len(ids)
        answering = [OUTSIDE] * len(ids)
        room = MAX_TOKENS - len(ids) - 1
        for number, text in enumerate(row.sentences):
            tokens = self._ids[text][:room].tolist()
            if not tokens:
                break
            ids += tokens
            sentence += [number] * len(tokens)
            answering += [OUTSIDE if row.answering is None else row.answering[number]] * len(tokens)
            room -= len(tokens)
        ids.append(SEP)
        sentence.append(OUTSIDE)
        answering.append(OUTSIDE)
        kinds += [1] * (len(ids) - len(kinds))
        unsupported = [OUTSIDE] * len(ids)
        if row.task == "supports":
            unsupported[2 : 2 + len(asked)] = _token_labels(row, first.offsets[: len(asked)])
        return Pair(*(np.array(column, np.int64) for column in (ids, kinds, sentence, answering, unsupported)))

    def batches(self, order: Ints, tokens: int, rng: np.random.Generator | None = None) -> Iterator[Ints]:
        """Row numbers by similar length, at most `tokens` tokens with padding; shuffled with `rng`."""
        for at in range(0, len(order), POOL_ROWS):
            pool = order[at : at + POOL_ROWS]
            pool = pool[np.argsort(self.lengths[pool], kind="stable")]
            made, left = [], 0
            while left < len(pool):
                right = left + 1
                while right < len(pool) and (right - left + 1) * self.lengths[pool[right]] <= tokens:
                    right += 1
                made.append(pool[left:right])
                left = right
            yield from (made[n] for n in (rng.permutation(len(made)) if rng else range(len(made))))

    def batch(self, numbers: Ints) -> "Batch":
        rows = [self.rows[n] for n in numbers]
        pairs = [self.pair(row) for row in rows]
        length = max(len(pair.ids) for pair in pairs)

        def column(name: str, empty: int) -> Tensor:
            out = np.full((len(pairs), length), empty, np.int64)
            for at, pair in enumerate(pairs):
                value = getattr(pair, name)
                out[at, : len(value)] = value
            return torch.from_numpy(out).to(self.device)

        mask = torch.arange(length)[None] < torch.tensor([len(pair.ids) for pair in pairs])[:, None]
        return Batch(
            column("ids", 0), column("kinds", 1), mask.to(self.device), column("sentence", OUTSIDE),
            column("answering", OUTSIDE), column("unsupported", OUTSIDE),
            torch.tensor([row.task == "supports" for row in rows], device=self.device),
            torch.tensor([-1 if row.label is None else row.label for row in rows], device=self.device),
            torch.tensor([row.weight for row in rows], device=self.device),
            torch.tensor([row.source.startswith(("edits", "frames")) for row in rows], device=self.device),
        )  # fmt: skip


def _token_labels(row: Row, offsets: Sequence[tuple[int, int]]) -> list[int]:
    if row.unsupported is not None:
        return [int(any(start < end and begin > stop for start, begin in row.unsupported)) for stop, end in offsets]
    return [0 if row.label == SUPPORTED else UNLABELLED] * len(offsets)


@dataclass(frozen=True, slots=True)
class Batch:
    """`made`: rows by edit or frame, whose label is right by construction; a teacher has no say in them."""

    ids: Tensor
    kinds: Tensor
    mask: Tensor
    sentence: Tensor
    answering: Tensor
    unsupported: Tensor
    supports: Tensor
    label: Tensor
    weight: Tensor
    made: Tensor


Scores = tuple[Tensor, Tensor]


def run(network: model.Network, batch: Batch) -> Scores:
    ids = model.vocabulary_of(network.config, batch.ids, batch.mask)
    with torch.autocast(batch.ids.device.type, torch.bfloat16):
        scores: Scores = network(ids, batch.kinds, batch.mask)
    return scores


def _by_sentence(values: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Means of token values over each sentence, and how many tokens it has: (rows, sentences) both."""
    width = max(1, int(batch.sentence.max()) + 1)
    inside = batch.sentence >= 0
    row = torch.arange(len(values), device=values.device)[:, None] * width
    index = (row + batch.sentence.clamp(min=0))[inside]
    total = torch.zeros(len(values) * width, device=values.device).index_add_(0, index, values[inside].float())
    count = torch.zeros_like(total).index_add_(0, index, torch.ones_like(values[inside], dtype=torch.float))
    return (total / count.clamp(min=1)).view(-1, width), count.view(-1, width)


def _share(values: Tensor, counted: Tensor, of: Tensor) -> Tensor:
    return (values * counted).sum(1) / of.sum(1).clamp(min=1)


def loss_of(scores: Scores, batch: Batch, teacher: Scores | None = None, hard: float = 1.0) -> Tensor:
    """`hard`: weight of the labels where a teacher speaks too; made rows keep theirs in full."""
    cls, tokens = scores
    chances = functional.log_softmax(cls[:, 1:], -1)
    answers = functional.binary_cross_entropy_with_logits(cls[:, 0], (batch.label == 1).float(), reduction="none")
    one = -chances.gather(1, batch.label.clamp(0, 2)[:, None])[:, 0]
    either = -torch.logsumexp(chances[:, 1:], -1)
    supports = torch.where(batch.label == NOT_SUPPORTED, either, one)
    labelled = torch.where(batch.supports, supports, answers) * (batch.label >= 0)

    means, counts = _by_sentence(tokens[..., 0], batch)
    marks, _ = _by_sentence(batch.answering.float(), batch)
    marked = (counts > 0) & (marks >= 0) & ~batch.supports[:, None]
    heavy = torch.tensor(2.0, device=cls.device)
    by_sentence = functional.binary_cross_entropy_with_logits(
        means, marks.clamp(0, 1), reduction="none", pos_weight=heavy
    )
    labelled = labelled + 0.6 * _share(by_sentence, marked, counts > 0)

    statement = batch.unsupported != OUTSIDE
    known = batch.unsupported >= 0
    by_token = functional.binary_cross_entropy_with_logits(
        tokens[..., 1],
        batch.unsupported.clamp(0, 1).float(),
        reduction="none",
        pos_weight=torch.tensor(3.0, device=cls.device),
    )
    labelled = labelled + 0.5 * _share(by_token, known, statement)
    if teacher is None:
        return (labelled * batch.weight).mean()
    soft = _distance(scores, teacher, batch) * ~batch.made
    return (labelled * batch.weight * torch.where(batch.made, 1.0, hard) + soft).mean()


def _distance(scores: Scores, teacher: Scores, batch: Batch) -> Tensor:
    """How far the scores are from the teacher's, a number a row."""
    (cls, tokens), (their_cls, their_tokens) = scores, teacher
    means, counts = _by_sentence(tokens[..., 0], batch)
    statement = batch.unsupported != OUTSIDE
    answers = functional.binary_cross_entropy_with_logits(cls[:, 0], their_cls[:, 0].sigmoid(), reduction="none")
    supports = -(their_cls[:, 1:].softmax(-1) * functional.log_softmax(cls[:, 1:], -1)).sum(-1)
    their_means, _ = _by_sentence(their_tokens[..., 0], batch)
    by_sentence = functional.binary_cross_entropy_with_logits(means, their_means.sigmoid(), reduction="none")
    by_token = functional.binary_cross_entropy_with_logits(
        tokens[..., 1], their_tokens[..., 1].sigmoid(), reduction="none"
    )
    answers = answers + 0.6 * _share(by_sentence, counts > 0, counts > 0)
    supports = supports + 0.4 * _share(by_token, statement, statement)
    return torch.where(batch.supports, supports, answers)


@dataclass(frozen=True, slots=True)
class Plan:
    """`seconds`: of one linear warm-up and decay. `words`: whether the embeddings are trained too. `fixed`: layers from
    the first that are not."""

    seconds: float
    rate: float
    tokens: int
    hard: float = 1.0
    words: bool = True
    fixed: int = 0
    max_steps: int | None = None


def train(
    network: model.Network,
    pairs: Pairs,
    draw: Callable[[np.random.Generator], Ints],
    plan: Plan,
    *,
    teacher: model.Network | None = None,
    checkpoint: Callable[[model.Network], Any] | None = None,
    seed: int = 20261128,
) -> None:
    """Trains in place. `draw` gives the rows of one round, in the order to read them."""
    rng = np.random.default_rng(seed)
    torch.manual_seed(seed)
    for module in (network.words, network.places, network.kinds, network.norm):
        module.requires_grad_(plan.words)
    for layer in network.layers[: plan.fixed]:
        layer.requires_grad_(False)
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": 0.01},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98))
    network.train()
    begun = shown = saved = time.monotonic()
    step, seen, losses = 0, 0, list[float]()
    while True:
        for numbers in pairs.batches(draw(rng), plan.tokens, rng):
            now = time.monotonic()
            done = step / plan.max_steps if plan.max_steps else (now - begun) / plan.seconds
            if done >= 1:
                print(f"{step} steps, {seen} pairs, {now - begun:.0f} s", flush=True)
                network.eval()
                return
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * min(1.0, done / 0.05 + 0.01, (1 - done) / 0.95 + 0.005)
            batch = pairs.batch(numbers)
            with torch.no_grad():
                told = run(teacher, batch) if teacher is not None and not batch.made.all() else None
            loss = loss_of(run(network, batch), batch, told, plan.hard)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            step, seen = step + 1, seen + len(numbers)
            losses.append(float(loss.detach()))
            if now - shown > 20:
                shown = now
                print(f"step {step} pairs {seen} at {now - begun:.0f} s loss {np.mean(losses[-100:]):.4f}", flush=True)
            if checkpoint and now - saved > 300:
                saved = now
                checkpoint(network)


def frozen(network: model.Network) -> model.Network:
    """A copy that scores and does not learn: what the network said before it was trained on."""
    return copy.deepcopy(network).eval().requires_grad_(False)


# How often rows of a source are drawn, beside others of their kind, by the last word of its name, else 1:
# kinds of edits that the reader missed, and sets close to its work, come more often, long-known ones less.
IMPORTANCE = {
    "roles": 6.0, "values": 6.0, "cause": 4.0, "unit": 4.0, "bound": 4.0, "clock": 4.0, "modal": 3.0, "sign": 3.0,
    "order": 2.5, "permission": 2.0, "prefix": 1.5, "junction": 0.8, "negation": 0.5, "name": 0.6, "number": 0.8,
    "word": 0.6, "quantity": 0.8, "half": 3.0, "dev": 2.0, "QED": 2.0, "FoolMeTwice": 2.0, "symmetric": 2.0,
    "SummEdits": 2.0, "sentences": 2.0, "ExpertQA": 2.0, "MED": 0.3, "HELP": 0.3, "ScoNe": 0.3,
}  # fmt: skip
FRAMED = 2.2


def _importance(row: Row) -> float:
    if row.source.startswith("frames"):
        return FRAMED
    if row.source.startswith(("SNLI", "MultiNLI")):
        return 1.0
    return IMPORTANCE.get(row.source.split()[-1], 1.0)


def mixed(rows: Sequence[Row], shares: dict[str, float], size: int) -> Callable[[np.random.Generator], Ints]:
    """Rounds of `size` rows with these shares of made rows, other *supports* rows and *answers* rows."""
    kinds = [_kind(row) for row in rows]
    numbers = {kind: np.array([n for n, k in enumerate(kinds) if k == kind], np.int64) for kind in shares}
    weights = np.array([_importance(row) for row in rows])

    def draw(rng: np.random.Generator) -> Ints:
        drawn = [
            rng.choice(of, round(size * shares[kind]), p=weights[of] / weights[of].sum())
            for kind, of in numbers.items()
            if len(of)
        ]
        return rng.permutation(np.concatenate(drawn))

    return draw


def _kind(row: Row) -> str:
    if row.task == "answers":
        return "answers"
    return "made" if row.source.startswith(("edits", "frames")) else "supports"


def tokenizer_of(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))
