"""Jinja2 within bounds: a template reads the values that it is given, and can take neither long nor much memory.

What the sandbox of Jinja2 leaves to its user (its manual, "Sandbox": `intercepted_binops`, `is_safe_attribute`,
`MAX_RANGE`) is bounded here: steps, the length of every text, and the filters and methods that can make one much
longer. That is against slips: who writes the settings may name programs to run. Nothing is random and nothing tells the
time, so that a preview and the commit have the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, reduce, wraps
from itertools import islice
from typing import Any, Final

import jinja2
from jinja2 import nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from gitferry.config.message_template import LONGEST, Unfilled

_STEPS: Final = 20_000  # turns of loops, calls and operations: ten for each file of the largest push
_WIDEST: Final = 1000  # a column, an indentation, a range
_BITS: Final = 4096  # of a number

_FILE: Final = "<template>"  # what Jinja2 calls a template that comes from no file

# With a space in it, no template can name it.
_BUDGET: Final = "steps left"
_COUNTED: Final = "counted by steps"

# Left out are filters that are random, or for HTML and columns.
_OF_VALUES: Final = (
    *("abs", "count", "d", "default", "dictsort", "first", "float", "groupby", "int", "items", "last", "length"),
    *("list", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort", "sum"),
    "unique",
)
_OF_TEXT: Final = (
    *("capitalize", "center", "indent", "lower", "round", "title", "trim", "truncate", "upper", "wordcount"),
    "wordwrap",
)
_METHODS: Final = frozenset({
    *("capitalize", "casefold", "count", "endswith", "find", "index", "isalnum", "isalpha", "isascii", "isdecimal"),
    *("isdigit", "islower", "isnumeric", "isspace", "istitle", "isupper", "lower", "lstrip", "partition"),
    *("removeprefix", "removesuffix", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split", "splitlines"),
    *("startswith", "strip", "swapcase", "title", "upper"),
})  # fmt: skip
_GLOBALS: Final = ("cycler", "dict", "joiner", "namespace")
# A width of four digits, one that is a value, or a name with brackets: Python's manual, "printf-style formatting".
_WIDE_FORMAT = re.compile(r"%(?:\([^()]*\))?[-+ #0]*(?:\d{4}|\*|\d*\.(?:\d{4}|\*))|%\([^()]*\(")


class _TooMuch(Exception):
    """A template goes beyond its bounds."""


def fill(template: str, values: Mapping[str, object], environment: Environment | None = None) -> str:
    """Return the template with the values filled in. Raises Unfilled."""
    try:
        return _compiled(template, environment or ENVIRONMENT).render({**values, _BUDGET: _Budget()})
    except Exception as error:  # a template can raise whatever an expression can; what it was is told
        raise Unfilled(_said(error)) from error


def parsed(template: str) -> nodes.Template:
    """Return what a template consists of. Raises Unfilled where Jinja2 cannot read it or Python cannot run it."""
    try:
        _compiled(template, ENVIRONMENT)
        return ENVIRONMENT.parse(template)
    except Exception as error:  # Python compiles what Jinja2 wrote: too deep, a number too long
        raise Unfilled(_said(error)) from error


def _said(error: BaseException) -> str:
    """Return what an error says, with its line of the template."""
    line = error.lineno if isinstance(error, jinja2.TemplateSyntaxError) else None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == _FILE:
            line = trace.tb_lineno
        trace = trace.tb_next
    words = " ".join((getattr(error, "message", None) or str(error) or type(error).__name__).split())[:200]
    return words if line is None else f"line {line}: {words}"


# -- bounds ---------------------------------------------------------------------------------------------------------


class _Budget:
    """The steps that one rendering has left."""

    def __init__(self) -> None:
        self.left = _STEPS


def _spend(context: Context, steps: int = 1) -> None:
    budget = context.get(_BUDGET)
    if isinstance(budget, _Budget):
        budget.left -= steps
        if budget.left < 0:
            raise _TooMuch(f"it takes more than {_STEPS:,} steps")


def _require(length: int) -> None:
    if length > LONGEST:
        raise _TooMuch(f"it comes to more than {LONGEST:,} characters")


def _require_bits(bits: int) -> None:
    if bits > _BITS:
        raise _TooMuch(f"a number has more than {_BITS:,} bits")


def _require_format(form: str, given: Any) -> None:
    if _WIDE_FORMAT.search(form):
        raise _TooMuch(f"a format is wider than {_WIDEST:,}, or takes its width from a value")
    for value in given.values() if isinstance(given, dict) else given if isinstance(given, tuple) else (given,):
        _text(value)


def _require_operation(operator: str, left: Any, right: Any) -> None:
    """Raise _TooMuch where an operation would come to more than a template may use."""
    whole = isinstance(left, int) and isinstance(right, int)
    if operator == "%" and isinstance(left, str):
        _require_format(left, right)
    elif operator == "+" and hasattr(left, "__len__") and hasattr(right, "__len__"):
        _require(len(left) + len(right))
    elif operator == "*" and whole:
        _require_bits(left.bit_length() + right.bit_length())
    elif operator == "*":
        for many, times in ((left, right), (right, left)):
            if hasattr(many, "__len__") and isinstance(times, int):
                _require(len(many) * times)
    elif operator == "**" and whole:
        _require_bits(left.bit_length() * abs(right))


def _text(value: object) -> str:
    """Return a value as text. A list is none: it would be Python's form of it."""
    if isinstance(value, str | int | float | jinja2.Undefined) or value is None:
        return str(value)
    raise TypeError(f"a {type(value).__name__} is no text: say what of it is meant, or put | join after it")


# -- the language ---------------------------------------------------------------------------------------------------


class _Shown(jinja2.DebugUndefined):
    """A name that is not known, shown as it was written."""

    __slots__ = ()

    def __str__(self) -> str:
        if self._undefined_hint:  # it is known, and not for templates
            raise self._undefined_exception(self._undefined_hint)
        return f"{{{{ {self._undefined_name} }}}}"


def _concat(pieces: Iterable[str]) -> str:
    found, length = [], 0
    for piece in pieces:
        length += len(piece)
        _require(length)
        found.append(piece)
    return "".join(found)


class Environment(ImmutableSandboxedEnvironment):
    """Jinja2's own language; a line that holds nothing but a statement leaves no line."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    concat = staticmethod(_concat)  # as NativeEnvironment does

    def __init__(self) -> None:
        super().__init__(
            undefined=_Shown,
            finalize=_finalized,
            autoescape=False,
            trim_blocks=True,
            lstrip_blocks=True,
            optimized=False,
        )
        known = self.filters
        self.filters = {name: known[name] for name in _OF_VALUES}
        self.filters |= {name: _of_text(known[name]) for name in _OF_TEXT}
        self.filters |= {"format": _format, "join": _join, "replace": _replace, "string": _text, _COUNTED: _counted}
        self.globals = {name: self.globals[name] for name in _GLOBALS} | {"range": _range}

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        _spend(__context)
        return super().call(__context, __obj, *args, **kwargs)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        _spend(context)
        _require_operation(operator, left, right)
        return super().call_binop(context, operator, left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, str | bytes | int | float):
            return isinstance(obj, str) and attr in _METHODS
        return super().is_safe_attribute(obj, attr, value)

    def wrap_str_format(self, value: Any) -> None:
        """Leave str.format to `is_safe_attribute`, which refuses it: it can take a width from a value."""


def _finalized(value: object) -> object:
    return "" if value is None else _text(value)


def _range(*args: int) -> range:
    found = range(*args)
    if len(found) > _WIDEST:
        raise _TooMuch(f"a range has more than {_WIDEST:,} numbers")
    return found


def _of_text(known: Callable[..., Any]) -> Callable[..., Any]:
    """Return one of Jinja2's filters for a text or number with what widens it bounded."""
    before = 2 if hasattr(known, "jinja_pass_arg") else 1  # what Jinja2 passes, and the text

    @wraps(known)
    def bounded(*args: Any, **wishes: Any) -> Any:
        _text(args[before - 1])
        for given in (*args[before:], *wishes.values()):
            if (len(given) if isinstance(given, str) else given or 0) > _WIDEST:
                raise _TooMuch(f"a filter is asked for more than {_WIDEST:,} characters")
        return known(*args, **wishes)

    return bounded


def _format(value: object, *args: object, **names: object) -> str:
    form, given = _text(value), names or args
    _require_format(form, given)
    return form % given


@pass_context
def _join(context: Context, value: Iterable[object], d: object = "", attribute: object = None) -> str:
    if attribute is not None:
        value = context.environment.call_filter("map", value, kwargs={"attribute": attribute}, context=context)
    pieces, between = [_text(each) for each in value], _text(d)
    _require(sum(map(len, pieces)) + len(between) * len(pieces))
    return between.join(pieces)


def _replace(value: object, old: object, new: object, count: int = -1) -> str:
    text, known, other = _text(value), _text(old), _text(new)
    _require(len(text) + text.count(known) * len(other))
    return text.replace(known, other, count)


@pass_context
def _counted(context: Context, value: Iterable[object]) -> list[object]:
    """Return what a loop goes through, each of it a step."""
    found = list(islice(value, _STEPS + 1))
    _spend(context, len(found))
    return found


# -- compiled -------------------------------------------------------------------------------------------------------

ENVIRONMENT: Final = Environment()


class _Bounding(NodeTransformer):
    """Counts what loops go through, and makes `~` an addition of texts, which is bounded."""

    def visit_For(self, node: nodes.For) -> nodes.For:
        self.generic_visit(node)
        node.iter = _filtered(node.iter, _COUNTED)
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Expr:
        self.generic_visit(node)
        first, *rest = (_filtered(each, "string") for each in node.nodes)
        return reduce(_added, rest, first)


def _filtered(node: nodes.Node, name: str) -> nodes.Expr:
    return nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)


def _added(left: nodes.Expr, right: nodes.Expr) -> nodes.Expr:
    return nodes.Add(left, right, lineno=left.lineno)


@lru_cache(maxsize=64)
def _compiled(template: str, environment: Environment) -> jinja2.Template:
    tree: nodes.Template = _Bounding().visit(environment.parse(template))
    tree.set_environment(environment)
    return environment.from_string(tree)
