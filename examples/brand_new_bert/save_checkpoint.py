"""Save a PyTorch checkpoint of BrandNewBertForMaskedLM with random weights: python save_checkpoint.py FOLDER."""

import sys
from pathlib import Path

import torch
from transformers.utils import logging

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brand_new_bert import BrandNewBertConfig, BrandNewBertForMaskedLM


def main(folder: str) -> None:
    logging.disable_progress_bar()
    torch.manual_seed(0)
    BrandNewBertForMaskedLM(BrandNewBertConfig()).save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
