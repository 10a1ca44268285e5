"""RepoCache: where the sources of an index come from, fetched once (paper, section 9.2)."""

from __future__ import annotations

import hashlib
import importlib.metadata
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Sequence
from email.parser import HeaderParser
from pathlib import Path

from lemur2.errors import UsageError, UserError
from lemur2.retrieval.sources import licences
from lemur2.retrieval.values import Origin

#: What is indexed unless one says otherwise: the libraries that the paper names, as installed.
DEFAULT_ORIGINS = ("dist:torchvision", "dist:timm", "dist:transformers")

_GIT = re.compile(
    r"(?:git\+)?(?P<url>(?:https?|ssh|git|file)://\S+?|git@\S+?)(?:@(?P<ref>[^@/:]+))?"
)
_TIMEOUT = 600.0


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
        folder = self._root / "wheels" / re.sub(r"[^\w.=-]", "_", requirement)
        found = sorted(folder.glob("*.whl"))
        if not found:
            folder.mkdir(parents=True, exist_ok=True)
            options = ["--no-deps", "--only-binary", ":all:", "--quiet", "--dest", str(folder)]
            _run([sys.executable, "-m", "pip", "download", *options, requirement], requirement)
            found = sorted(folder.glob("*.whl"))
        return found[-1]

    def _wheel(self, spec: str, path: Path) -> Origin:
        digest = hashlib.sha1(path.read_bytes(), usedforsecurity=False).hexdigest()
        root = self._root / "unpacked" / digest
        if not root.is_dir():
            _unpack(path, root)
        metadata_files = sorted(root.glob("*.dist-info/METADATA"))
        if not metadata_files:
            raise UserError(f"{path} has no metadata; is it a wheel? download it again")
        metadata = HeaderParser().parsestr(metadata_files[0].read_text("utf-8"))
        return Origin(
            name=metadata["Name"],
            spec=spec,
            version=metadata["Version"],
            licence=licences.of_distribution(
                metadata, (f.read_text("utf-8", "replace") for f in _licence_files(root))
            ),
            root=root,
        )

    def _clone(self, spec: str, url: str, ref: str | None) -> Origin:
        name = url.rstrip("/").removesuffix(".git").rpartition("/")[2]
        digest = hashlib.sha1(spec.encode(), usedforsecurity=False).hexdigest()[:12]
        root = self._root / "git" / f"{name}-{digest}"
        if not (root / ".git").is_dir():
            root.parent.mkdir(parents=True, exist_ok=True)
            branch = ["--branch", ref] if ref else []
            _run(["git", "clone", "--quiet", "--depth", "1", *branch, url, str(root)], url)
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
    return sorted(path for path in root.glob("*.dist-info/**/LICEN*") if path.is_file())


def _folder(spec: str, root: Path, name: str) -> Origin:
    stated = _project(root)
    version = _commit(root) or stated.get("version") or licences.UNKNOWN
    licence = licences.of_folder(root)
    if licence == licences.UNKNOWN and isinstance(stated.get("license"), str):
        licence = stated["license"]
    return Origin(name=name, spec=spec, version=version, licence=licence, root=root)


def _project(root: Path) -> dict[str, str]:
    """What `pyproject.toml` says of itself, where there is one that can be read."""
    path = root / "pyproject.toml"
    if not path.is_file():
        return {}
    try:
        stated = tomllib.loads(path.read_text("utf-8")).get("project", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
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


def _unpack(wheel: Path, root: Path) -> None:
    """Take the Python files and the metadata out of a wheel, all or nothing."""
    temporary = root.with_name(root.name + ".part")
    try:
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                if name.endswith(".py") or ".dist-info/" in name:
                    archive.extract(name, temporary)
    except zipfile.BadZipFile:
        raise UserError(f"{wheel} is not a wheel; download it again") from None
    temporary.rename(root)


def _run(command: Sequence[str], what: str) -> None:
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT
        )
    except FileNotFoundError:
        raise UserError(f"{command[0]} is not installed; it is needed to fetch {what}") from None
    except subprocess.TimeoutExpired:
        raise UserError(
            f"{what} did not arrive within {_TIMEOUT:.0f} s; check the network, or give a folder"
        ) from None
    if result.returncode:
        lines = [line for line in result.stderr.splitlines() if line.strip()]
        said = lines[-1].strip() if lines else f"exit code {result.returncode}"
        raise UserError(f"{what} cannot be fetched ({said}); check the network, or give a folder")
