"""Prompts: readable Jinja2 files, ours or a user's changed copy."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Any

from lemur2.errors import UsageError, UserError
from lemur2.suggestions import did_you_mean

SUFFIX = ".jinja"


def prompt_names() -> list[str]:
    """The prompts that there are."""
    folder = files("lemur2.llm").joinpath("prompts")
    found = (each.name for each in folder.iterdir() if each.name.endswith(SUFFIX))
    return sorted(name.removesuffix(SUFFIX) for name in found)


def prompt_text(name: str) -> str:
    """A prompt's template, as it is in its file.

    Raises:
        UsageError: There is none of this name.
    """
    if name not in prompt_names():
        hint = did_you_mean(name, prompt_names(), f"there are {', '.join(prompt_names())}")
        raise UsageError(f"no prompt {name!r}; {hint}")
    return files("lemur2.llm").joinpath("prompts", f"{name}{SUFFIX}").read_text("utf-8")


def render(name: str, template: Path | None = None, **values: Any) -> str:
    """A prompt with its values.

    Args:
        name: Of the prompt.
        template: A changed copy of it, used instead.
        values: What the template's head says that it takes.

    Raises:
        UserError: The copy cannot be read, or is no template, or uses a value that is not there.
    """
    try:
        import jinja2.sandbox
    except ModuleNotFoundError:
        raise UserError("prompts need jinja2; do `pip install 'lemur2[llm]'`") from None
    where = template or f"the prompt {name}"
    settings = jinja2.sandbox.SandboxedEnvironment(  # a template may come with a corpus
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # prompts are no HTML
    )
    try:
        text = template.read_text("utf-8") if template is not None else prompt_text(name)
        return settings.from_string(text).render(**values).strip() + "\n"
    except jinja2.TemplateError as error:
        line = getattr(error, "lineno", None)
        at = f" (line {line})" if line else ""
        raise UserError(
            f"{where}: {error.message or error}{at}; compare `lemur2 prompt {name} --show`"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read the template {where}: {error}; name a text file") from error
