"""What licence sources are under, as far as it is written down where one looks for it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from email.message import Message
from pathlib import Path

from lemur2.retrieval.sources.listing import is_own

UNKNOWN = "unknown"
_LONGEST = 1 << 20  # characters of a licence that are read

_FILES = (
    "LICENSE",
    "LICENCE",
    "COPYING",
    "LICENSE.txt",
    "LICENSE.md",
    "LICENCE.txt",
    "COPYING.txt",
)

# A sentence that only one licence has, and its SPDX name. The first that matches counts.
_SENTENCES = (
    ("Apache-2.0", r"Apache License\s+Version 2\.0"),
    ("AGPL-3.0", r"GNU AFFERO GENERAL PUBLIC LICENSE\s+Version 3"),
    ("LGPL-3.0", r"GNU LESSER GENERAL PUBLIC LICENSE\s+Version 3"),
    ("GPL-3.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 3"),
    ("GPL-2.0", r"GNU GENERAL PUBLIC LICENSE\s+Version 2"),
    ("MPL-2.0", r"Mozilla Public License,? (?:Version|v\.) ?2\.0"),
    ("CC-BY-NC-4.0", r"Attribution-NonCommercial 4\.0"),
    ("BSD-3-Clause", r"Redistribution and use in source and binary forms[\s\S]*endorse or promote"),
    ("BSD-2-Clause", r"Redistribution and use in source and binary forms"),
    ("MIT", r"Permission is hereby granted, free of charge"),
)

_CLASSIFIERS = {
    "Apache Software License": "Apache-2.0",
    "MIT License": "MIT",
    "BSD License": "BSD",
}


_SPDX = frozenset(name for name, _ in _SENTENCES)


def of_distribution(metadata: Message, texts: Iterable[str]) -> str:
    """The licence of a distribution: what it states, or its texts where that is no SPDX name."""
    stated = of_metadata(metadata)
    if stated in _SPDX or metadata.get("License-Expression"):
        return stated
    for text in texts:
        if (found := of_text(text)) != UNKNOWN:
            return found
    return stated


def of_folder(folder: Path) -> str:
    """The licence whose text lies in the folder; "unknown" where there is none that is known."""
    for name in _FILES:
        path = folder / name
        if is_own(folder, path):
            with path.open(encoding="utf-8", errors="replace") as file:
                return of_text(file.read(_LONGEST))
    return UNKNOWN


def of_text(text: str) -> str:
    """The SPDX name of a licence's text; "unknown" where it is none of the usual ones."""
    for name, sentence in _SENTENCES:
        if re.search(sentence, text, re.IGNORECASE):
            return name
    return UNKNOWN


def of_metadata(metadata: Message) -> str:
    """The licence that a distribution's metadata states; "unknown" where it states none.

    Looks at `License-Expression`, `License` and the classifiers, in this order.
    """
    for field in ("License-Expression", "License"):
        stated = (metadata.get(field) or "").strip()
        if stated and stated.upper() != "UNKNOWN":
            return stated if "\n" not in stated else of_text(stated)
    for classifier in metadata.get_all("Classifier") or []:
        parts = [part.strip() for part in classifier.split("::")]
        if parts[0] == "License":
            return _CLASSIFIERS.get(parts[-1], parts[-1])
    return UNKNOWN
