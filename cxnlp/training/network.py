"""The network: one encoder, a head on every word piece and heads on the comment (PyTorch; extra `train`)."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from cxnlp.errors import InputError
from cxnlp.training.batches import UNKNOWN, Batch

_DROPOUT = 0.1
_NOWHERE = -1e4
_RARE = -4.0  # log-odds with which a piece starts: one in fifty shows a label


class Network(nn.Module):
    """MiniLM-L6 with its heads.

    A label's score on the comment is the log-sum-exp of its scores on the text's pieces (multiple-instance learning: a
    comment has the label because some words show it), weighed, plus a linear term of the whole comment.
    """

    def __init__(self, encoder: nn.Module, labels: int, *, hidden: int, sentiments: int = 4) -> None:
        super().__init__()
        self.encoder = encoder
        self.dropout = nn.Dropout(_DROPOUT)
        self.token = nn.Linear(hidden, labels)
        self.peak = nn.Parameter(torch.ones(labels))
        self.comment = nn.Linear(2 * hidden, labels)
        self.overall = nn.Linear(2 * hidden, sentiments)
        self.churn = nn.Linear(2 * hidden, 1)
        nn.init.constant_(self.token.bias, _RARE)
        nn.init.constant_(self.comment.bias, _RARE / 2)

    def forward(
        self, ids: torch.Tensor, mask: torch.Tensor, text: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return log-odds: of pieces (comments, pieces, labels), of comments, of sentiments, of churn (comments, 1)."""
        # Four dimensions are taken as they are, so that the graph exports without code that depends on the input.
        visible = (1.0 - mask[:, None, None, :].float()) * _NOWHERE
        hidden = self.encoder(input_ids=ids, attention_mask=visible, token_type_ids=text).last_hidden_state
        hidden = self.dropout(hidden)
        inside = text[:, :, None].float()
        tokens = self.token(hidden)
        peak = torch.logsumexp(tokens + (1.0 - inside) * _NOWHERE, dim=1)
        mean = (hidden * inside).sum(dim=1) / inside.sum(dim=1).clamp(min=1.0)
        whole = torch.cat([hidden[:, 0], mean], dim=1)
        return tokens, self.peak * peak + self.comment(whole), self.overall(whole), self.churn(whole)


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
    return Network(bert, labels, hidden=config.hidden_size)


def loss_of(network: Network, batch: Batch) -> torch.Tensor:
    """Return what the network has wrong in a batch; what isn't known counts nothing.

    Per comment: cross entropy summed over labels on the comment, and on its pieces (mean over pieces) where quotes are
    known; of the overall sentiment; of churn.
    """
    arrays = {name: torch.from_numpy(getattr(batch, name)) for name in Batch.__slots__}
    tokens, comment, overall, churn = network(arrays["ids"], arrays["mask"], arrays["text"])
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
