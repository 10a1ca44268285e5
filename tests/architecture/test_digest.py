"""What changes the canonical digest, and what must not."""

import ast
import itertools
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lemur2.architecture import canonical_digest, content_name, family

SOURCE = '''\
"""A module."""
import torch  # deep learning
from . import helper as h

LIMIT: int = 3


class Net(torch.nn.Module, metaclass=Meta):
    """A class."""

    def __init__(self, width=64, *, depth: int = 2, **rest) -> None:
        """A method."""
        self.pad = (1, 1)
        self.names = {"a": 1, **rest}
        self.rate = 0.5 if depth else 1.5
        self.text = f"{width!r:>{depth}} wide"

    async def forward(self, x):
        for i in range(LIMIT):
            x = self.layers[i](x) + x[:, 1:2] @ x
        while (n := len(x)) > 3 and not x:
            x -= 1
        with torch.no_grad() as guard:
            global state
        try:
            y = [a * 2 for a in x if a]
        except (ValueError, KeyError) as error:
            raise h.Oops from error
        match x:
            case [1, None, *_]:
                return lambda z, /: z**2
        return x
'''

EXPRESSIONS = st.recursive(
    st.sampled_from(["a", "b", "1", "1.0", "True", "None", "'s'", "b's'", "''", "-1", "2", "..."]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})"),
        st.tuples(inner, inner).map(lambda t: f"f({t[0]}, k={t[1]})"),
        st.lists(inner, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
        st.lists(inner, min_size=1, max_size=3).map(lambda items: f"({', '.join(items)},)"),
        st.tuples(inner, inner).map(lambda t: f"{t[0]} if a else {t[1]}"),
        inner.map(lambda e: f"g({e}).attr"),
        inner.map(lambda e: f"h[{e}:]" if e != "..." else "h[...]"),
    ).map(lambda e: f"({e})"),
    max_leaves=8,
)


def meaning(source: str) -> str:
    """The tree as the standard library writes it: the reference that digests must follow."""
    return ast.dump(ast.parse(source))


@given(EXPRESSIONS, EXPRESSIONS)
def test_digests_are_equal_exactly_where_the_trees_are(one, other):
    equal = canonical_digest(one + "\nx") == canonical_digest(other + "\nx")
    dropped = {"('s')", "'s'", "('')", "''"}  # a bare string says nothing
    if one in dropped or other in dropped:
        assert equal == (one in dropped and other in dropped)
    else:
        assert equal == (meaning(one) == meaning(other))


@given(EXPRESSIONS)
def test_reformatting_changes_nothing(expression):
    source = f"def f():\n    return {expression}\n"
    again = ast.unparse(ast.parse(source)).replace("    ", "\t")
    assert canonical_digest(again) == canonical_digest(source)


@settings(max_examples=40)
@given(st.lists(st.sampled_from(["# note", "", "   # deep", '"""bare"""']), min_size=1), st.data())
def test_comments_blank_lines_and_bare_strings_change_nothing(lines, data):
    text = SOURCE.splitlines()
    for line in lines:
        at = data.draw(st.integers(0, len(text)))
        after = text[at] if at < len(text) else ""
        if re.match(r" *(case|except|#|$)", after):  # no place for a statement
            line = "# note"
        text.insert(at, " " * (len(after) - len(after.lstrip())) + line.strip())
    assert canonical_digest("\n".join(text)) == canonical_digest(SOURCE)


def test_docstrings_line_ends_and_pass_change_nothing():
    bare = re.sub(r'\n? *"""A \w+\."""', "", SOURCE)
    assert bare.count('"""') == 0
    assert canonical_digest(bare) == canonical_digest(SOURCE)
    assert canonical_digest(SOURCE.replace("\n", "\r\n")) == canonical_digest(SOURCE)
    assert canonical_digest("def f(): 'doc'") == canonical_digest("def f(): pass")


TOKENS = sorted(
    {m.span() for m in re.finditer(r"\b[A-Za-z_]\w*\b|\d+(\.\d+)?|\*\*|[-+*@]", SOURCE)}
)


def mutants():
    """The source with one name, number or operator changed, wherever that still parses."""
    for start, end in TOKENS:
        token = SOURCE[start:end]
        for other in ("q", "7", "-", "*", "/"):
            changed = SOURCE[:start] + other + SOURCE[end:]
            try:
                tree = ast.parse(changed)
            except SyntaxError:
                continue
            if token != other:
                yield changed, tree


def without_docstrings(tree: ast.Module) -> str:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [s for s in body if not re.match(r"Expr\(value=Constant", ast.dump(s))]
    return ast.dump(tree)


def test_one_changed_name_constant_or_operator_changes_the_digest():
    reference = without_docstrings(ast.parse(SOURCE))
    seen = 0
    for changed, tree in mutants():
        same = without_docstrings(tree) == reference
        assert (canonical_digest(changed) == canonical_digest(SOURCE)) == same, changed
        seen += not same
    assert seen > 150


def test_constants_are_told_apart_by_type():
    values = ["1", "1.0", "1j", "True", "'1'", "b'1'", "None", "...", "'True'", "-1", "0x10", "10"]
    digests = {canonical_digest(f"x = {v}") for v in values}
    assert len(digests) == len(values)
    assert canonical_digest("x = 0x10") == canonical_digest("x = 16")
    assert canonical_digest("x = u'a'") == canonical_digest("x = 'a'")


def test_structure_is_told_apart():
    sources = [
        "f(a, b)", "f(a)(b)", "f((a, b))", "f(a, b=b)", "f(*a, b)", "f(**a)", "a.b", "a, b",
        "[a, b]",
        "[[a], b]", "[[a, b]]", "{a, b}", "{a: b}", "a[b]", "a[b:]", "a[:b]", "a[::b]", "a = b",
        "a: b", "a: b = c", "(a): b", "a += b", "global a, b", "def a(): b", "async def a(): b",
        "def a(b): c", "def a(b, /): c", "def a(*, b): c", "def a(*b): c", "class a: b",
        "class a(b): c", "import a", "import a as b", "from a import b", "from . import b",
        "from .. import b", "del a, b", "del a\ndel b", "if a: b", "if a:\n b\nelse: c",
        "while a: b",
        "if a: b\nc", "for a in b: c", "'$a'", "f'$a'", "f'{a}'", "f'{a!r}'", "f'{a!s}'",
        "f'{a:b}'",
        "x = 'a'", "x = a", "x = ''", "return_ = a", "a < b < c", "(a < b) < c", "a and b and c",
        "(a and b) and c", "lambda: a", "lambda a: a", "[a for a in b]", "(a for a in b)",
        "[a for a in b if c]", "[a for a in b for c in d]", "match a:\n case b: c",
        "match a:\n case None: c", "match a:\n case True: c", "match a:\n case b(c=d): e",
        "NotEq", "otEq", "a != b",
    ]  # fmt: skip
    digests = {}
    for source in sources:
        digests.setdefault(canonical_digest(source), []).append(source)
    assert [group for group in digests.values() if len(group) > 1] == []


@given(st.text(), st.text(alphabet="abc- ", max_size=8))
def test_names_ignore_whitespace_only(source, prefix):
    spaced = "".join(itertools.chain.from_iterable(zip(source, itertools.repeat(" \n"))))
    assert content_name(prefix, spaced) == content_name(prefix, source)
    assert content_name(prefix, source + "x") != content_name(prefix, source)
    assert family(content_name("ast-dimension", source)) == "ast-dimension"
    assert family(content_name("", source)) == ""


def test_the_name_is_the_fields_convention():
    assert content_name("rag", "a b\n") == "rag-187ef4436122d1cc2f40dc2b92f0eba0"  # md5 of "ab"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ResNet18", "ResNet18"),
        ("EfficientNet-B0", "EfficientNet-B0"),
        ("ga-mut-17", "ga-mut"),
        ("AirNet-626c3eb9-5c0a-43be-bcba-745592729769", "AirNet"),
        ("FractalNet-000b91f6d44690e45b29060858c5db71", "FractalNet"),
        ("000b91f6d44690e45b29060858c5db71", ""),
    ],
)
def test_families(name, expected):
    assert family(name) == expected
