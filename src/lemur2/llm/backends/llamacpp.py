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
    given.cpuparams.n_threads = int(threads)
    given.cpuparams_batch.n_threads = int(threads)
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
