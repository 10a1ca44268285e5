"""What this field calls things: usual values for the names that parameters and settings have.

Values are texts of Python expressions over `torch`, `nn`, `partial` and `SimpleNamespace`, since
that is how a block's arguments are recorded, shown and written into networks. They are small and
agree with each other: 64 channels are 4 heads of 16, 16 tokens are a map of 4 by 4.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

WIDTH, HEADS, HEAD, TOKENS, SIDE, CLASSES, VOCABULARY = 64, 4, 16, 16, 16, 10, 128

Expressions = tuple[str, ...]

# The first pattern that matches a parameter's whole name decides; the first value is tried first.
_BY_NAME: Sequence[tuple[str, Expressions]] = (
    (r"(device|dtype|generator|cache|past_key_values?|rng)", ("None",)),
    (r"(layer|block|stage|conv|head|level)_?(idx|id|index|num|number|i)|index|idx", ("0",)),
    (r".*(heads?|n_head|nhead)(_num)?", ("4", "1", "2")),
    (r"(num|n)_(kv_heads|key_value_heads|groups?)", ("4", "1")),
    (r"(head_(dim|size|width|chs)|dim_(per_)?head|(key|qk|qkv|value)_dim|hdim)", ("16", "64")),
    (r".*(dilation|dilation_rate)s?", ("1", "(1, 1)", "[1, 2]")),
    (r".*kernel_sizes", ("[3, 3]", "(3, 5)", "3")),
    (r"(.*kernel(_size|s|_width)?|ks?|stem_size)", ("3", "(3, 3)")),
    (r".*strides", ("[1, 1]", "(1, 2)", "1")),
    (r".*(stride|strides|downsample_rate|upsample_rate|s)", ("1", "2", "(1, 1)")),
    (r".*(padding_idx|pad_token_id|pad_idx)", ("0", "None")),
    (r".*(padding|pad)", ("1", "0", "(1, 1)", '"same"')),
    (r"(groups?|cardinality|num_groups|radix|base_width)", ("1", "4")),
    (r".*(num_classes|n_classes|nb_classes|num_labels|classes)", ("10",)),
    (r"(num_)?anchors(_per_location)?|num_anchors", ("3",)),
    (r"(inplanes|in_planes|planes|inp|oup)", ("64",)),
    (r"(depths|num_blocks|layers|layer_nums|num_layers_per_stage|stage_depths)", ("[1, 1, 1, 1]",)),
    (r".*(num|n)_(hidden_)?layers|depth|.*_depth|num_block|n_layer|repeats?", ("2", "1")),
    (r".*(vocab_size|num_embeddings|n_token|num_tokens|codebook_size)", ("128",)),
    (r".*(max_(seq_)?len(gth)?|max_position(_embedding)?s?|num_positions|seq_len(gth)?)", ("64",)),
    (r"(num_patches|length|sequence_length|n_tokens)", ("16",)),
    (
        r".*(window|win|shift|partition|block|group|area|region)_?sizes?|window|n_win",
        ("4", "(4, 4)", "[4, 4]", "2"),
    ),
    (r".*shift_size", ("0", "[0, 0]", "(0, 0)")),
    (r".*patch_?size|patches|patch_stride", ("4", "(4, 4)", "[4, 4]")),
    (
        r"(img|image|feat|feature|input|grid|base|orig|crop|fmap|map|spatial|pool)_?sizes?"
        r"|.*resolution|input_grid_size|output_size|size|pool_?sizes?|win_size",
        ("(16, 16)", "16", "64"),
    ),
    (r".*(widths?|dims|channels_list|chs_list|embed_dims|hidden_sizes|width_list)", ("[64, 64]",)),
    (r"(img|image|in)_?chan(nel)?s?", ("64", "3")),
    (r".*(_eps|epsilon|eps|tol)", ("1e-5",)),
    (
        r".*(drop(out)?|drop_?path|stochastic_depth)(_?(p|prob|probs|rate|ratio|rates))?"
        r"|p|.*_prob|drop_rate|.*_dropout",
        ("0.1", "0.0", "[0.1, 0.1]"),
    ),
    (
        r".*(mlp|ffn|expan(d|sion)|hidden|conv|attn)_?(_?layer)?_?(ratio|factor|rate|mult)",
        ("2.0", "2"),
    ),
    (r".*(reduction|squeeze|rd|sr|se)(_?(ratio|factor|rate))?", ("4", "1", "0.25")),
    (r".*(ratio|momentum|slope|lambda|beta|gamma|weight)", ("0.5", "2", "1.0")),
    (r".*(scale|factor|temperature|alpha|scaling|std|init_values?|threshold|margin)", ("1.0", "2")),
    (r"growth_rate", ("16",)),
    (r"bn_size", ("2",)),
    (r".*(act|activation|nonlin).*(layer|cls)", ("nn.ReLU", "nn.GELU", '"gelu"')),
    (
        r"(hidden_)?act(ivation)?(_?(fn|func|function|type|name))?|.*_act|nonlinearity",
        ('"gelu"', "nn.GELU", "nn.GELU()", '"relu"', "torch.nn.functional.gelu"),
    ),
    (
        r".*norm(_?(layer|cls|class|type|name))?|norm_.*",
        ("nn.LayerNorm", "nn.BatchNorm2d", '"layer_norm"', '"batch"', "nn.Identity()", "True"),
    ),
    (r".*conv_?(layer|cls|builder|op|type)|conv", ("nn.Conv2d", "nn.Conv2d(64, 64, 1)")),
    (r".*linear_?(layer|cls)", ("nn.Linear",)),
    (r"pool_?(type|layer|fn|mode)", ('"avg"', "nn.AvgPool2d", "nn.MaxPool2d")),
    (r"(reduction|mode|padding_mode|aggregation|aggr)", ('"mean"', '"bilinear"', '"sum"')),
    (r".*(bias|affine|learnable|trainable|causal|bidirectional|inplace|residual)", ("True",)),
    (
        r"(is|use|with|has|do|add|return|no|skip|enable|apply|cross)_.*|training|.*_(first|last)",
        ("False", "True"),
    ),
    (r"(target|return)_type|name|prefix|suffix|key|cache_key|type|mode", ('"mean"', '"linear"')),
    (r"shape|normali[sz]ed_shape|normalization_shape|.*_shape", ("64", "(64,)", "(64, 16, 16)")),
    (
        r"(module|layer|fn|func|net|model|encoder|decoder|backbone|mlp|attn|attention|ffn|main|head"
        r"|branch|body|stem|embed|projection|transform|conv_encoder|.*_model|.*_module|.*_encoder"
        r"|base_layer|block)",
        (
            "nn.Identity()",
            "nn.Linear(64, 64)",
            "nn.Conv2d(64, 64, 3, padding=1)",
            "nn.ModuleList([nn.Identity()])",
        ),
    ),
    (
        r"(blocks|modules|branches|experts|main_layers|.*_layers)",
        ("nn.ModuleList([nn.Identity()])",),
    ),
    (r"(num|n)_.*|.*_num", ("4", "2", "16")),
    (
        r".*(dims?|size|channels?|chans?|chs|features|units|width|planes|ch|dimension|states?|rank|nf)"
        r"(_(in|out|hidden|inner|mid|left|right|output))?|d_.*|(in|out|c|ch)\d*|dim_.*|ch.*|[a-z]{1,2}",
        ("64", "16", "(64,)", "[64, 64]"),
    ),
)

_PATTERNS = [(re.compile(pattern), values) for pattern, values in _BY_NAME]

# By what an annotation says, where no name is known. Text is matched whole.
_BY_TYPE: Sequence[tuple[str, Expressions]] = (
    (r"int", ("64", "4", "16")),
    (r"float|float \| int|int \| float", ("0.5", "1.0")),
    (r"bool", ("False", "True")),
    (r"str", ('"gelu"', '"mean"')),
    (r".*(list|List|Sequence|Iterable)\[int\].*", ("[64, 64]", "[1, 1, 1, 1]", "[4, 4]")),
    (r".*(list|List|Sequence)\[float\].*", ("[0.1, 0.1]",)),
    (r".*(tuple|Tuple)\[int, int\].*", ("(16, 16)", "(4, 4)")),
    (r".*(tuple|Tuple)\[int, ?int, ?int\].*", ("(4, 16, 16)", "(2, 4, 4)")),
    (r".*(tuple|Tuple)\[int, \.\.\.\].*", ("(64, 64)", "(1, 1, 1, 1)")),
    (
        r".*(type|Type|Callable).*Module.*|.*LayerType.*",
        ("nn.LayerNorm", "nn.GELU", "nn.BatchNorm2d"),
    ),
    (r".*Callable.*", ("torch.nn.functional.gelu", "nn.GELU")),
    (r".*ModuleList.*", ("nn.ModuleList([nn.Identity()])",)),
    (r".*Module.*", ("nn.Identity()", "nn.Linear(64, 64)")),
    (r".*Tensor.*", ("torch.ones(64)", "torch.ones(16, 64)")),
    (r".*(Optional|None).*", ("None",)),
    (r".*(dict|Dict|Mapping).*", ("{}",)),
)

_TYPES = [(re.compile(pattern), values) for pattern, values in _BY_TYPE]

_ANYTHING: Expressions = ("64", "4", "nn.Identity()", "None", "0.5", "[64, 64]")


def usual(name: str, annotation: str = "") -> Expressions:
    """Usual values for a parameter, likelier ones first; never none at all.

    Args:
        name: The parameter's.
        annotation: The text of its annotation, "" where it has none.
    """
    by_name = next((v for p, v in _PATTERNS if p.fullmatch(name.lower().strip("_"))), ())
    by_type = next((v for p, v in _TYPES if p.fullmatch(annotation)), ())
    if by_type and by_name:
        agreeing = tuple(value for value in by_name if _agrees(value, annotation))
        return _unique((*agreeing, *by_type, *by_name))
    return _unique((*by_name, *by_type, *_ANYTHING))


def _agrees(value: str, annotation: str) -> bool:
    """Whether a value's form is one that the annotation names."""
    forms = {
        "int": value.lstrip("-").isdigit(),
        "float": bool(re.fullmatch(r"-?\d+\.\d+|\d+e-\d+|\d+", value)),
        "bool": value in ("True", "False"),
        "str": value.startswith('"'),
    }
    lower = annotation.lower()
    if "tuple[" in lower:
        return value.startswith("(")
    if "list[" in lower or "sequence[" in lower:
        return value.startswith("[")
    return any(holds and form in lower for form, holds in forms.items()) or (
        "module" in lower and value.startswith("nn.")
    )


def _unique(values: Expressions) -> Expressions:
    return tuple(dict.fromkeys(values))
