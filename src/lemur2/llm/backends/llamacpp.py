"""A child process that serves a GGUF file by llama.cpp until its standard input ends.

    python -m lemur2.llm.backends.llamacpp FILE THREADS

It prints the address it listens at, on this machine alone. Who asks must have the key that is in
its environment as LEMUR2_LLAMACPP_KEY.
"""

from __future__ import annotations

import os
import sys

import xllamacpp


def main(file: str, threads: str) -> None:
    """Serve."""
    given = xllamacpp.CommonParams()
    given.model.path = file
    given.n_ctx = 8192
    given.n_parallel = 1
    # What it would keep beside the prompt of the last request, and what it would say, is not used.
    given.cache_ram_mib, given.n_ctx_checkpoints, given.cache_idle_slots = 0, 0, False
    given.ui, given.endpoint_slots, given.verbosity = False, False, 0
    for params in (given.cpuparams, given.cpuparams_batch):
        params.n_threads = int(threads)
        params.poll = 0  # a thread that spins for work takes the CPU from who has it
    given.hostnames = ["127.0.0.1"]
    given.port = 0
    given.api_keys = [os.environ["LEMUR2_LLAMACPP_KEY"]]
    server = xllamacpp.Server(given)
    sys.stdout.write(f"{server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)  # llama.cpp's threads would be waited for


if __name__ == "__main__":
    main(*sys.argv[1:])
