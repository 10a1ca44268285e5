"""Seeded permutations of 0..n-1 that are computed, not stored."""

import hashlib

_ROUNDS = 4


def permuted(index: int, size: int, key: str) -> int:
    """Where the permutation of `size` numbers that `key` selects sends `index`.

    A Feistel network permutes the next power of four; numbers that fall outside are sent on until
    they fall inside (cycle walking), which leaves a permutation of what is inside. Costs a few
    hashes and no memory, whatever the size.
    """
    half = max(1, (max(size - 1, 1).bit_length() + 1) // 2)
    while True:
        index = _feistel(index, half, key)
        if index < size:
            return index


def _feistel(index: int, half: int, key: str) -> int:
    left, right = index >> half, index & ((1 << half) - 1)
    for step in range(_ROUNDS):
        mixed = hashlib.blake2b(f"{key}/{step}/{right}".encode(), digest_size=8).digest()
        left, right = right, left ^ (int.from_bytes(mixed, "big") & ((1 << half) - 1))
    return left << half | right
