"""The network: one encoder, a head on every word piece and heads on the comment (PyTorch; extra `train`)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from cxnlp.errors import InputError
from cxnlp.training.batches import UNKNOWN, Batch

_DROPOUT = 0.2
_NOWHERE = -1e4
_EARLY_WEIGHT = 0.5
_RARE = -4.0  # log-odds with which a piece starts: one in fifty shows a label


Outputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]
"""Log-odds: of pieces (comments, pieces, labels), of comments (comments, labels), of sentiments and of churn."""


class Heads(nn.Module):
    """What is read off the encoder's hidden states.

    A label's score on the comment is the log-sum-exp of its scores on the text's pieces (multiple-instance learning: a
    comment has the label because some words show it), weighed, plus a linear term of the whole comment.
    """

    def __init__(self, labels: int, *, hidden: int, sentiments: int = 4) -> None:
        super().__init__()
        self.dropout = nn.Dropout(_DROPOUT)
        self.token = nn.Linear(hidden, labels)
        self.peak = nn.Parameter(torch.ones(labels))
        self.comment = nn.Linear(2 * hidden, labels)
        self.overall = nn.Linear(2 * hidden, sentiments)
        self.churn = nn.Linear(2 * hidden, 1)
        nn.init.constant_(self.token.bias, _RARE)
        nn.init.constant_(self.comment.bias, _RARE / 2)

    def forward(self, hidden: torch.Tensor, text: torch.Tensor) -> Outputs:
        """Return the log-odds of hidden states (comments, pieces, hidden); `text` is 1 where the text's pieces are."""
        hidden = self.dropout(hidden)
        inside = text[:, :, None].float()
        tokens = self.token(hidden)
        peak = torch.logsumexp(tokens + (1.0 - inside) * _NOWHERE, dim=1)
        mean = (hidden * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1.0)
        whole = torch.cat([hidden[:, 0], mean], dim=1)
        return tokens, self.peak * peak + self.comment(whole), self.overall(whole), self.churn(whole)


class Network(nn.Module):
    """MiniLM-L6 with heads on its last layer and, for comments that are plain, on its middle one."""

    def __init__(self, encoder: nn.Module, labels: int, *, hidden: int, layers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.middle = layers // 2
        self.early = Heads(labels, hidden=hidden)
        self.heads = Heads(labels, hidden=hidden)

    def lower(self, ids: torch.Tensor, mask: torch.Tensor, text: torch.Tensor) -> torch.Tensor:
        """Return the hidden states of the middle layer."""
        hidden = self.encoder.embeddings(input_ids=ids, token_type_ids=text)
        return self._through(hidden, mask, first=0, last=self.middle)

    def upper(self, hidden: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Return the hidden states of the last layer, from those of the middle one."""
        return self._through(hidden, mask, first=self.middle, last=None)

    def _through(self, hidden: torch.Tensor, mask: torch.Tensor, *, first: int, last: int | None) -> torch.Tensor:
        visible = (1.0 - mask[:, None, None, :].float()) * _NOWHERE
        for layer in self.encoder.encoder.layer[first:last]:
            hidden = layer(hidden, visible)
        return hidden

    def both(self, ids: torch.Tensor, mask: torch.Tensor, text: torch.Tensor) -> tuple[Outputs, Outputs]:
        """Return the log-odds of the middle and of the last layer."""
        middle = self.lower(ids, mask, text)
        return self.early(middle, text), self.heads(self.upper(middle, mask), text)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor, text: torch.Tensor) -> Outputs:
        """Return the log-odds of the last layer."""
        outputs: Outputs = self.heads(self.upper(self.lower(ids, mask, text), mask), text)
        return outputs


def load_network(encoder: Path, labels: int) -> Network:
    """Return the network around the pretrained encoder in a folder with its config.json and model.safetensors.

    Its embeddings stay as they are: words of companies not trained on keep their place beside the others, and a step
    takes a third less time together with no dropout inside (the heads have one, the input is masked).
    InputError when the weights aren't the encoder's.
    """
    from safetensors.torch import load_file
    from transformers import BertConfig, BertModel

    config = BertConfig.from_pretrained(
        encoder, attn_implementation="sdpa", hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    bert = BertModel(config, add_pooling_layer=False)
    lost = bert.load_state_dict(load_file(encoder / "model.safetensors"), strict=False)
    if lost.missing_keys:
        raise InputError(f"{encoder / 'model.safetensors'} lacks weights of the encoder: {lost.missing_keys[:3]}")
    bert.embeddings.requires_grad_(False)
    return Network(bert, labels, hidden=config.hidden_size, layers=config.num_hidden_layers)


def loss_of(network: Network, batch: Batch) -> torch.Tensor:
    """Return what the network has wrong in a batch, at its end and, counted half, in its middle."""
    arrays = {name: torch.from_numpy(getattr(batch, name)) for name in Batch.__slots__}
    early, late = network.both(arrays["ids"], arrays["mask"], arrays["text"])
    return _loss(late, arrays) + _EARLY_WEIGHT * _loss(early, arrays)


def _loss(outputs: Outputs, arrays: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return what outputs have wrong; what isn't known counts nothing.

    Per comment: cross entropy summed over labels on the comment, and on its pieces (mean over pieces) where quotes are
    known; of the overall sentiment; of churn.
    """
    tokens, comment, overall, churn = outputs
    labels = _binary(comment, arrays["labels"]) * arrays["known"]
    inside = arrays["text"][:, :, None].float()
    pieces = (_binary(tokens, arrays["tokens"]) * inside).sum(dim=(1, 2)) / inside.sum(dim=(1, 2)).clamp(min=1.0)
    sentiment = functional.cross_entropy(overall, arrays["overall"], reduction="none", ignore_index=UNKNOWN)
    leaves = torch.nan_to_num(arrays["churn"])
    leaving = _binary(churn[:, 0], leaves) * (~torch.isnan(arrays["churn"])).float()
    each = labels.sum(dim=1) + pieces * arrays["quoted"] + sentiment + leaving
    return (each * arrays["weight"]).mean()


def _binary(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    return functional.binary_cross_entropy_with_logits(logits, targets, reduction="none")
