"""Ordinary modules become Net files: a class of a file, or a model of timm or torchvision."""
