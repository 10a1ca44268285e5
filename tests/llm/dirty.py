"""Completions of every kind that language models produce, and what is to become of them.

A case is (name, text, expected): the file that is to come out, None for any that keeps the
contract, or a `Reason` that it is refused for.
"""

import json
import textwrap
from dataclasses import dataclass

GOOD = """import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self, in_shape, out_shape, prm, device):
        super().__init__()
        self.device = device
        self.conv = nn.Conv2d(in_shape[1], 16, 3, padding=1)
        self.head = nn.Linear(16, out_shape[0])

    def forward(self, x):
        x = torch.relu(self.conv(x)).mean((2, 3))
        return self.head(x)

    def train_setup(self, prm):
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(self.parameters(), lr=prm['lr'], momentum=prm['momentum'])

    def learn(self, train_data):
        for inputs, labels in train_data:
            self.optimizer.zero_grad()
            self.criterion(self(inputs), labels).backward()
            self.optimizer.step()


def supported_hyperparameters():
    return {'lr', 'momentum'}
"""
IMPORTS = "import torch\nimport torch.nn as nn\n"
BODY = GOOD.removeprefix(IMPORTS)
NO_TORCH = GOOD.removeprefix("import torch\n")
CLASS, TAIL = GOOD.split("\n\ndef supported")
TAIL = "def supported" + TAIL
STUB = "class Net(nn.Module):\n    pass\n"
OTHER = "import torch\n\nx = torch.ones(1)\nprint(x)\n"
HELPER = "class Block(nn.Module):\n    pass\n"


@dataclass(frozen=True)
class Reason:
    """A part of the reason that a text is refused for."""

    text: str


def fenced(code, info="python", mark="```"):
    return f"{mark}{info}\n{code}{mark}\n"


def each_line(prefix, code):
    return "".join(f"{prefix}{line}".rstrip() + "\n" for line in code.splitlines())


def numbered(mark):
    return "".join(f"{n}{mark}{line}\n" for n, line in enumerate(GOOD.splitlines(), start=1))


def without(method):
    """GOOD without a method of Net."""
    parts = GOOD.split("\n    def ")
    return "\n    def ".join(p for p in parts if not p.startswith(method)) + "\n"


CASES = [
    # -- fences and prose ---------------------------------------------------------------------
    ("clean", GOOD, GOOD),
    ("fence", fenced(GOOD), GOOD),
    ("fence, py", fenced(GOOD, "py"), GOOD),
    ("fence, Python3", fenced(GOOD, "Python3"), GOOD),
    ("fence, no language", fenced(GOOD, ""), GOOD),
    ("fence, wrong language", fenced(GOOD, "json"), GOOD),
    ("fence, title", fenced(GOOD, 'python title="net.py"'), GOOD),
    ("fence of tildes", fenced(GOOD, mark="~~~"), GOOD),
    ("fence of four", fenced(GOOD, mark="````"), GOOD),
    ("fence not closed", f"```python\n{GOOD}", GOOD),
    ("fence not opened", f"{GOOD}```\n", GOOD),
    ("prose before", f"Sure! Here is the improved network:\n\n{fenced(GOOD)}", GOOD),
    ("prose after", f"{fenced(GOOD)}\nThis network uses a wider stem.", GOOD),
    ("prose around", f"Here:\n{fenced(GOOD)}Hope this helps! Let me know.", GOOD),
    ("prose with backticks", f"I use `nn.Conv2d`:\n\n{fenced(GOOD)}", GOOD),
    ("prose without fences", f"Here is the code:\n\n{GOOD}", GOOD),
    ("prose after, no fences", f"{GOOD}\nThis model improves on the one above.\n", GOOD),
    ("prose around, no fences", f"Certainly!\n\n{GOOD}\nNote that it's deeper now.\n", GOOD),
    ("markdown headings", f"## Improved model\n\n{fenced(GOOD)}\n### Notes\n* wider\n", GOOD),
    ("fence within a list", f"1. The model:\n\n{each_line('   ', fenced(GOOD))}", GOOD),
    ("fence within a quotation", each_line("> ", fenced(GOOD)), GOOD),
    ("windows line ends in a fence", fenced(GOOD).replace("\n", "\r\n"), GOOD),
    ("fence twice around", fenced(fenced(GOOD), mark="````"), GOOD),
    # -- several blocks -----------------------------------------------------------------------
    ("usage after", f"{fenced(GOOD)}Use it so:\n{fenced(OTHER)}", GOOD),
    ("other code before", f"{fenced(OTHER)}and now\n{fenced(GOOD)}", GOOD),
    ("shell before", f"{fenced('pip install torch', 'bash')}{fenced(GOOD)}", GOOD),
    ("sketch, then the file", f"{fenced(STUB)}In full:\n{fenced(GOOD)}", GOOD),
    ("corrected", f"{fenced(GOOD.replace('16', '8'))}Better:\n{fenced(GOOD)}", GOOD),
    ("broken, then corrected", f"{fenced(GOOD[:300])}Sorry:\n{fenced(GOOD)}", GOOD),
    ("right, then cut off", f"{fenced(GOOD)}Or:\n```python\n{GOOD[:420]}", GOOD),
    ("told in pieces", f"{fenced(CLASS)}and\n{fenced(TAIL)}", f"{CLASS}\n{TAIL}"),
    (
        "imports apart",
        f"{fenced(IMPORTS)}then\n{fenced(BODY.lstrip())}",
        f"{IMPORTS}{BODY.lstrip()}",
    ),
    # -- traces and marks of turns ------------------------------------------------------------
    ("think", f"<think>A wider stem?\n```python\nx=(\n```</think>\n{fenced(GOOD)}", GOOD),
    ("thinking", f"<thinking>\nhm\n</thinking>{GOOD}", GOOD),
    ("think, upper case", f"<THINK>hm</THINK>\n{fenced(GOOD)}", GOOD),
    ("think not opened", f"So I widen the stem.\n</think>\n\n{fenced(GOOD)}", GOOD),
    ("think not closed", f"<think>I will write\n{fenced(GOOD)}", GOOD),
    ("two traces", f"<think>a</think><reasoning>b</reasoning>{fenced(GOOD)}", GOOD),
    ("think only", "<think>What would be better? A wider stem.", Reason("")),
    ("end of turn", f"{fenced(GOOD)}<|im_end|>", GOOD),
    ("turns", f"<|im_start|>assistant\n{fenced(GOOD)}<|im_end|>", GOOD),
    ("end of sequence", f"{GOOD}</s>", GOOD),
    ("deepseek's mark", f"{fenced(GOOD)}<\uff5cend\u2581of\u2581sentence\uff5c>", GOOD),
    ("end of text, no fence", f"{GOOD}<|endoftext|>", GOOD),
    # -- wrappings ----------------------------------------------------------------------------
    ("JSON", json.dumps({"code": GOOD}), GOOD),
    (
        "JSON in a fence",
        fenced(json.dumps({"explanation": "x", "code": GOOD}) + "\n", "json"),
        GOOD,
    ),
    ("JSON string", json.dumps(GOOD), GOOD),
    ("HTML", f"<pre><code>{GOOD.replace('<', '&lt;')}</code></pre>", GOOD),
    ("HTML, escaped", f'<code class="py">{GOOD.replace(chr(39), "&#39;")}</code>', GOOD),
    ("prompt marks", fenced(each_line(">>> ", GOOD)), GOOD),
    ("patch", fenced(each_line("+", GOOD), "diff"), GOOD),
    ("line numbers", fenced(numbered(" ")), GOOD),
    ("line numbers with bars", fenced(numbered(" | ")), GOOD),
    ("indented", textwrap.indent(GOOD, "    "), GOOD),
    ("indented by tabs", textwrap.indent(GOOD, "\t"), GOOD),
    # -- characters ---------------------------------------------------------------------------
    ("byte order mark", f"\ufeff{GOOD}", GOOD),
    ("curly quotes", GOOD.replace("'lr'", "\u2018lr\u2019"), GOOD),
    ("double curly quotes", GOOD.replace("'lr'", "\u201clr\u201d"), GOOD.replace("'lr'", '"lr"')),
    ("no-break spaces", GOOD.replace("    ", "\u00a0\u00a0\u00a0\u00a0"), GOOD),
    ("zero-width spaces", GOOD.replace("def ", "def \u200b"), GOOD),
    ("full-width brackets", GOOD.replace("(self, x)", "\uff08self, x\uff09"), GOOD),
    ("null bytes", GOOD.replace("\n\n", "\n\0\n"), GOOD),
    ("bidirectional marks", fenced(GOOD.replace("self.conv", "self.\u202aconv")), GOOD),
    ("multiplication sign", GOOD.replace("16", "4 \u00d7 4"), GOOD.replace("16", "4 * 4")),
    # -- imports and hyperparameters ----------------------------------------------------------
    ("no import", BODY.lstrip(), f"{IMPORTS}{BODY.lstrip()}"),
    ("no import torch", NO_TORCH, GOOD),
    ("imports twice", IMPORTS + GOOD, GOOD),
    ("import again later", GOOD + "import torch\n", GOOD),
    (
        "from torch import nn",
        GOOD.replace("import torch.nn as nn", "from torch import nn"),
        GOOD.replace("import torch.nn as nn", "from torch import nn"),
    ),
    (
        "F not imported",
        GOOD.replace("torch.relu", "F.relu"),
        "import torch.nn.functional as F\n" + GOOD.replace("torch.relu", "F.relu"),
    ),
    (
        "docstring before the imports",
        f'"""A network."""\n{BODY.lstrip()}',
        f'"""A network."""\n{IMPORTS}{BODY.lstrip()}',
    ),
    (
        "from __future__",
        f"from __future__ import annotations\n{NO_TORCH}",
        f"from __future__ import annotations\n{GOOD}",
    ),
    ("other hyperparameters", GOOD.replace("'momentum'}", "'momentum', 'dropout'}"), GOOD),
    ("a list of hyperparameters", GOOD.replace("{'lr', 'momentum'}", "['lr']"), GOOD),
    ("no hyperparameters", f"{CLASS.rstrip()}\n", GOOD),
    ("computed hyperparameters", GOOD.replace("{'lr', 'momentum'}", "set(open('x'))"), GOOD),
    # -- ends ---------------------------------------------------------------------------------
    ("last bracket missing", GOOD.rstrip().removesuffix("}"), GOOD),
    ("cut off in a name", GOOD.rstrip()[:-3], None),
    ("cut off in the hyperparameters", GOOD[: GOOD.index("{'lr', 'm") + 8], GOOD),
    ("spaces at the end", GOOD + "   \n\n\t\n", None),
    # -- refused ------------------------------------------------------------------------------
    ("nothing", "", Reason("empty")),
    ("spaces", " \n\t\n ", Reason("empty")),
    ("an apology", "I'm sorry, but I can't help with that.", Reason("")),
    ("an ellipsis", "...", Reason("no class Net")),
    ("another class", fenced(GOOD.replace("class Net", "class Model")), Reason("no class Net")),
    ("other code", fenced(OTHER), Reason("no class Net")),
    ("no base", GOOD.replace("Net(nn.Module)", "Net"), Reason("no base class")),
    ("no learn", fenced(without("learn")), Reason("no method learn")),
    ("no train_setup", fenced(without("train_setup")), Reason("no method train_setup")),
    ("no forward", fenced(without("forward")), Reason("no method forward")),
    (
        "the paper's signatures",
        GOOD.replace("learn(self, train_data)", "learn(self, data, target, device)"),
        Reason("learn cannot be called"),
    ),
    ("a function missing its body", "def forward(self, x):\n", Reason("")),
    ("a stray bracket", GOOD.replace("mean((2, 3))", "mean((2, 3)))"), Reason("unmatched ')'")),
    (
        "bad indentation",
        GOOD.replace("        return self.head", "     return self.head"),
        Reason("indent"),
    ),
    (
        "cut off in the class",
        GOOD[: GOOD.index("    def learn")] + "    def lea",
        Reason("no method learn"),
    ),
    ("JavaScript", fenced("const net = () => { return 1; }\n", "js"), Reason("")),
    ("null bytes only", "\0\0\0", Reason("")),
    ("nested too deeply", f"class Net(nn.Module):\n    x = {'(' * 5000}1\n", Reason("")),
    ("a lone surrogate", GOOD.replace("'lr'", "'\ud800'", 1), Reason("")),
    ("thinking for ever", "<think>" * 140_000, Reason("")),
    ("code tags for ever", "<code>" * 160_000, Reason("")),
    ("fences for ever", "```\n" * 200_000, Reason("")),
    ("brackets for ever", "(" * 1_000_000, Reason("")),
    ("quotes for ever", '"' * 190_000, Reason("")),
    ("blanks for ever", " \n" * 400_000 + "x", Reason("")),
    ("very long", f"x = 1\n{'# la la la' * 100_000}\n", Reason("more than")),
]
