"""RepoCache: where the sources of an index come from, fetched once (paper, section 9.2)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from email.parser import HeaderParser
from pathlib import Path

from lemur2.errors import UsageError, UserError
from lemur2.paths import inside
from lemur2.retrieval.sources import licences
from lemur2.retrieval.sources.fetching import aside, fetch, unpack
from lemur2.retrieval.sources.listing import is_own
from lemur2.retrieval.values import Origin

#: What is indexed unless one says otherwise: the libraries that the paper names, as installed.
DEFAULT_ORIGINS = ("dist:torchvision", "dist:timm", "dist:transformers")

_GIT = re.compile(
    r"(?:git\+)?(?P<url>(?:https?|ssh|git|file)://\S+?|git@\S+?)(?:@(?P<ref>[^@/:]+))?"
)
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.-]*(?:==[\w.+!-]+)?", re.ASCII)


class RepoCache:
    """Sources in one folder, fetched once.

    What can be asked for (`spec`):

    - `dist:NAME`: an installed distribution, read where it is;
    - `pip:NAME` or `pip:NAME==VERSION`: its wheel from the package index;
    - a path to a wheel (`.whl`), unpacked under its SHA-1;
    - a path to a folder, read where it is;
    - a git URL, `@REF` appended for a branch or tag: cloned without its history.

    Nothing of the sources is run, no build step either.

    Args:
        root: The cache's folder; made when something is fetched.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(self, spec: str) -> Origin:
        """Fetch sources unless they are here, and tell where they are.

        Raises:
            UsageError: The spec is none of those above.
            UserError: It cannot be had (no such distribution, no network, not a wheel).
        """
        if spec.startswith("dist:"):
            return _installed(spec, spec.removeprefix("dist:"))
        if spec.startswith("pip:"):
            return self._wheel(spec, self._download(spec.removeprefix("pip:")))
        if match := _GIT.fullmatch(spec):
            return self._clone(spec, match["url"], match["ref"])
        path = Path(spec).expanduser()
        if path.suffix == ".whl" and path.is_file():
            return self._wheel(spec, path)
        if path.is_dir():
            return _folder(spec, path.resolve(), path.resolve().name)
        raise UsageError(
            f"no sources at {spec!r}; give dist:NAME, pip:NAME==VERSION, a wheel, a folder or a "
            "git URL"
        )

    def _download(self, requirement: str) -> Path:
        if not _REQUIREMENT.fullmatch(requirement):
            raise UsageError(f"pip:{requirement} is no distribution; give NAME or NAME==VERSION")
        folder = self._root / "wheels" / requirement
        with aside(folder) as scratch:
            if scratch is not None:
                options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(scratch)]
                command = [sys.executable, "-m", "pip", "download", *options, requirement]
                fetch(command, requirement, scratch)
        return sorted(folder.glob("*.whl"))[-1]

    def _wheel(self, spec: str, path: Path) -> Origin:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha1").hexdigest()
        root = self._root / "unpacked" / digest
        with aside(root) as scratch:
            if scratch is not None:
                unpack(path, scratch)
        metadata_files = sorted(root.glob("*.dist-info/METADATA"))
        text = metadata_files[0].read_text("utf-8", "replace") if metadata_files else ""
        metadata = HeaderParser().parsestr(text)
        if not metadata["Name"]:
            raise UserError(f"{path} has no metadata; is it a wheel? download it again")
        return Origin(
            name=metadata["Name"],
            spec=spec,
            version=metadata["Version"] or licences.UNKNOWN,
            licence=licences.of_distribution(
                metadata, (f.read_text("utf-8", "replace") for f in _licence_files(root))
            ),
            root=root,
        )

    def _clone(self, spec: str, url: str, ref: str | None) -> Origin:
        name = url.rstrip("/").removesuffix(".git").rpartition("/")[2]
        digest = hashlib.sha1(spec.encode(), usedforsecurity=False).hexdigest()[:12]
        root = inside(self._root / "clones", f"{name}-{digest}")
        with aside(root) as scratch:
            if scratch is not None:
                branch = ["--branch", ref] if ref else []
                options = ["--quiet", "--depth", "1", "--no-tags", *branch]
                fetch(["git", "clone", *options, "--", url, str(scratch)], url, scratch)
        return _folder(spec, root, name)


def _installed(spec: str, name: str) -> Origin:
    try:
        distribution = importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        raise UserError(
            f"{name} is not installed; install it, or take its wheel with pip:{name}"
        ) from None
    paths = [path for path in distribution.files or [] if path.suffix == ".py"]
    packages = sorted({path.parts[0] for path in paths if path.parts[0] != ".."})
    if not packages:
        raise UserError(f"{name} has no Python files here; take its wheel with pip:{name}")
    return Origin(
        name=distribution.metadata["Name"],
        spec=spec,
        version=distribution.version,
        licence=licences.of_distribution(
            distribution.metadata,  # type: ignore[arg-type]
            (
                path.read_text("utf-8")
                for path in distribution.files or []
                if ".dist-info" in str(path) and path.name.upper().startswith("LICEN")
            ),
        ),
        root=Path(str(distribution.locate_file(""))).resolve(),
        packages=tuple(packages),
    )


def _licence_files(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*.dist-info/**/LICEN*") if is_own(root, path))


def _folder(spec: str, root: Path, name: str) -> Origin:
    stated = _project(root)
    version = _commit(root) or stated.get("version")
    if not isinstance(version, str):
        version = licences.UNKNOWN
    licence = licences.of_folder(root)
    if licence == licences.UNKNOWN and isinstance(stated.get("license"), str):
        licence = stated["license"]
    return Origin(name=name, spec=spec, version=version, licence=licence, root=root)


def _project(root: Path) -> dict[str, str]:
    """What `pyproject.toml` says of itself, where there is one that can be read."""
    path = root / "pyproject.toml"
    if not is_own(root, path):
        return {}
    try:
        stated = tomllib.loads(path.read_text("utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError, OSError):
        return {}
    return stated if isinstance(stated, dict) else {}


def _commit(root: Path) -> str | None:
    """The commit that a folder is at; None where it is no repository of its own."""
    if not (root / ".git").exists():
        return None
    command = ["git", "-C", str(root), "rev-parse", "HEAD"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return result.stdout.strip() or None if result.returncode == 0 else None
