"""Save a PyTorch checkpoint of BrandNewBertForMaskedLM with random weights: python save_checkpoint.py FOLDER."""

import sys
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brand_new_bert import BrandNewBertConfig, BrandNewBertForMaskedLM


def main(folder: str) -> None:
    torch.manual_seed(0)
    BrandNewBertForMaskedLM(BrandNewBertConfig()).save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
