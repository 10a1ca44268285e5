"""From an index to a library: extract, validate, put on the shelf; a block after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from lemur2.evaluation.library.validator import BlockValidator, likely_configurations
from lemur2.retrieval.assembly.extractor import BlockExtractor
from lemur2.retrieval.index.discovery import BlockDiscovery
from lemur2.retrieval.index.store import FileIndexStore
from lemur2.retrieval.index.uses import use_sites
from lemur2.retrieval.library.shelf import BlockLibrary, Entry
from lemur2.retrieval.library.stages import Stage
from lemur2.retrieval.library.validation import Validation
from lemur2.retrieval.values import Block, Extracted, Unresolvable


class LibraryBuilder:
    """Takes blocks of an index through extraction and validation into a library.

    Args:
        store: The index.
        validator: What runs them.
        library: Where they go; what is there already with the same text and result stays.
        ahead: Blocks that may wait for a worker.
    """

    def __init__(
        self,
        store: FileIndexStore,
        validator: BlockValidator,
        library: BlockLibrary,
        *,
        ahead: int = 4,
    ) -> None:
        self._store, self._validator, self._library = store, validator, library
        self._extractor = BlockExtractor(store)
        self._ahead = ahead
        self._settings: dict[str, dict[str, dict[str, Any]]] = {}

    def build(self, blocks: Iterable[Block]) -> Iterator[Entry]:
        """The entries, in the blocks' order, each when it is in the library.

        What reads source runs in this thread, meanwhile blocks before run on the engine.
        """
        waiting: deque[tuple[Block, Extracted | None, Future[Validation]]] = deque()
        for block in blocks:
            waiting.append(self._begin(block))
            if len(waiting) > self._ahead:
                yield self._finish(*waiting.popleft())
        while waiting:
            yield self._finish(*waiting.popleft())

    def _begin(self, block: Block) -> tuple[Block, Extracted | None, Future[Validation]]:
        try:
            extracted = self._extractor.extract(block.qualified_name)
        except Unresolvable as error:
            reason = f"{error.name}: {error.reason}"
            return block, None, _done(Validation(stage=Stage.REFUSED, reason=reason))
        return block, extracted, self._validated(block, extracted)

    def _validated(self, block: Block, extracted: Extracted) -> Future[Validation]:
        """Checked here, run on the engine."""
        refused = self._validator.check(extracted.source, (block.module.partition(".")[0],))
        if refused is not None:
            return _done(refused)
        texts = [p.annotation or "" for p in block.parameters]
        settings = self._known(block)
        found = likely_configurations(settings, block.module, extracted.source, texts)
        return self._validator.submit(
            extracted.source,
            extracted.class_name,
            configurations=found,
            calls=use_sites(self._extractor.view(block.origin), block),
        )

    def _finish(
        self, block: Block, extracted: Extracted | None, future: Future[Validation]
    ) -> Entry:
        return self._library.add(block, extracted, future.result())

    def _known(self, block: Block) -> dict[str, dict[str, Any]]:
        """The settings of the block's origin, looked up once and kept in the library."""
        if block.origin not in self._settings:
            found = self._library.settings(block.origin, block.version)
            if found is None:
                found = self._validator.default_settings(self._configuration_modules(block.origin))
                self._library.keep_settings(block.origin, block.version, found)
            self._settings[block.origin] = found
        return self._settings[block.origin]

    def _configuration_modules(self, origin: str) -> list[str]:
        """Modules that hold configuration classes, by the convention of their names."""
        files = self._store.files(origin)
        return sorted(
            file.module
            for file in files
            if file.module.rpartition(".")[2].startswith("configuration_")
        )


def _done(validation: Validation) -> Future[Validation]:
    future: Future[Validation] = Future()
    future.set_result(validation)
    return future


def chosen(
    discovery: BlockDiscovery, names: Sequence[str], origin: str | None = None
) -> tuple[list[Block], list[str]]:
    """The blocks of these names, qualified or not, and the names of which there is none.

    Of several blocks of one plain name all are taken.
    """
    by_name: dict[str, list[Block]] = {}
    for block in discovery.blocks(origin):
        by_name.setdefault(block.name, []).append(block)
        by_name.setdefault(block.qualified_name, []).append(block)
    blocks = {b.qualified_name: b for name in names for b in by_name.get(name, ())}
    return list(blocks.values()), [name for name in names if name not in by_name]
