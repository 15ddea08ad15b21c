"""Computes all-MiniLM-L6-v2 in 64-bit floats with nothing but numpy: where the expected values of `minilm.rs` come from.

Written from the papers (BERT, WordPiece, Sentence-BERT) and the file's own tensor names, so that it shares no code with
what it checks. ASCII texts only: python reference.py FOLDER TEXT...
"""

import json
import math
import re
import struct
import sys
from pathlib import Path

import numpy as np

HEADS = 12


def tensors(path):
    """safetensors: a length, a JSON header, then the numbers."""
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    found = {}
    for name, entry in header.items():
        if entry.get("dtype") == "F32":
            start, end = (8 + length + offset for offset in entry["data_offsets"])
            found[name] = np.frombuffer(data[start:end], "<f4").reshape(entry["shape"]).astype(np.float64)
    return found


def word_pieces(word, vocabulary):
    """The longest piece that is known, again and again."""
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocabulary:
                pieces.append(vocabulary[piece])
                start = end
                break
        else:
            return [vocabulary["[UNK]"]]
    return pieces


def tokens(text, vocabulary, limit):
    words = re.findall(r"[a-z0-9]+|[^\sa-z0-9]", text.lower())
    pieces = [piece for word in words for piece in word_pieces(word, vocabulary)]
    return [vocabulary["[CLS]"], *pieces[: limit - 2], vocabulary["[SEP]"]]


def layer_norm(x, weights, name):
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-12)
    return x * weights[name + ".LayerNorm.weight"] + weights[name + ".LayerNorm.bias"]


def linear(x, weights, name):
    return x @ weights[name + ".weight"].T + weights[name + ".bias"]


def attention(x, weights, name):
    length, width = x.shape

    def heads(part):
        rows = linear(x, weights, f"{name}.self.{part}")
        return rows.reshape(length, HEADS, width // HEADS).transpose(1, 0, 2)

    query, key, value = heads("query"), heads("key"), heads("value")
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(width // HEADS)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    mixed = (scores / scores.sum(-1, keepdims=True)) @ value
    out = linear(mixed.transpose(1, 0, 2).reshape(length, width), weights, name + ".output.dense")
    return layer_norm(x + out, weights, name + ".output")


def embed(ids, weights):
    x = weights["embeddings.word_embeddings.weight"][ids]
    x = x + weights["embeddings.position_embeddings.weight"][: len(ids)]
    x = layer_norm(x + weights["embeddings.token_type_embeddings.weight"][0], weights, "embeddings")
    layer = 0
    while f"encoder.layer.{layer}.attention.self.query.weight" in weights:
        name = f"encoder.layer.{layer}"
        x = attention(x, weights, name + ".attention")
        inner = linear(x, weights, name + ".intermediate.dense")
        inner = inner * 0.5 * (1 + np.vectorize(math.erf)(inner / math.sqrt(2)))  # GELU
        x = layer_norm(x + linear(inner, weights, name + ".output.dense"), weights, name + ".output")
        layer += 1
    mean = x.mean(0)
    return mean / np.linalg.norm(mean)


def main():
    folder = Path(sys.argv[1])
    limit = json.loads((folder / "sentence_bert_config.json").read_text())["max_seq_length"]
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    weights = tensors(folder / "model.safetensors")
    vectors = []
    for text in sys.argv[2:]:
        ids = tokens(text, vocabulary, limit)
        vectors.append(embed(ids, weights))
        print(len(ids), "tokens", np.round(vectors[-1][:6], 6).tolist(), repr(text[:60]))
    print(np.round(np.array(vectors) @ np.array(vectors).T, 6))


if __name__ == "__main__":
    main()
