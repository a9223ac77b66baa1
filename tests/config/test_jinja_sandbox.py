"""Whatever a template does, it takes few steps and little memory, reads what it was given, and fails in one way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config import jinja_sandbox, message_template
from gitferry.config.message_template import LONGEST, TaskWords, Unfilled

TASKS = (
    TaskWords("word-count", "update", "1.0", "1.1", "tasks/word-count", ("tasks/word-count/a", "tasks/word-count/b")),
    TaskWords("notes.md", "add", None, None, "notes.md", ("notes.md",)),
)
VALUES = {"summary": "Update two", "task_list": "- update word-count 1.0 → 1.1\n- add notes.md", "host": "desk"}


#: A list of 61 levels, of which Python's form has 2**60 elements.
NESTED = "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = [ns.x, ns.x] %}{% endfor %}"


def fill(template: str) -> str:
    return jinja_sandbox.fill(template, {**VALUES, "tasks": TASKS})


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ summary }} on {{ host|upper }}", "Update two on DESK"),
        (
            "{% for t in tasks %}\n- {{ t.name }}: {{ t.changes }}\n{% endfor %}\nend",
            "- word-count: 2\n- notes.md: 1\nend",
        ),
        ("{% for t in tasks if t.verb == 'add' %}{{ t.path }}{% endfor %}", "notes.md"),
        ("{{ tasks|map(attribute='name')|sort|join(', ') }}", "notes.md, word-count"),
        ("{{ tasks|join(';', attribute='verb') }}", "update;add"),
        ("{{ tasks[0].files|join(' ') }}", "tasks/word-count/a tasks/word-count/b"),
        ("{% for verb, some in tasks|groupby('verb') %}{{ verb }} {{ some|length }} {% endfor %}", "add 1 update 1 "),
        ("{{ tasks[0].old_version ~ '→' ~ tasks[0].new_version ~ 1 }}", "1.0→1.11"),
        ("{{ tasks[1].old_version }}|{{ none }}|{{ 3 * 4 }}|{{ 2 ** 10 }}|{{ 7 % 4 }}|{{ 1 / 4 }}", "||12|1024|3|0.25"),
        ("{{ 'a' * 3 }}{{ ([1] + [2])|join }}", "aaa12"),
        ("{{ '%s is %03d in 2025'|format('a', 7) }} {{ '%(a)s' % {'a': 'b'} }}", "a is 007 in 2025 b"),
        ("{{ host.upper().lower().split('e')[1] }} {{ host.startswith('d') }}", "sk True"),
        ("{{ task_list|indent(2) }}", "- update word-count 1.0 → 1.1\n  - add notes.md"),
        (
            "{{ 'x'|center(5) }}|{{ 'one two'|wordwrap(3) }}|{{ 'long text'|truncate(5, true, '…', 0) }}",
            "  x  |one\ntwo|long…",
        ),
        ("{{ host|replace('e', '3') }} {{ 3.14159|round(2) }} {{ nothing|default('x') }}", "d3sk 3.14 x"),
        ("{% macro line(t) %}* {{ t.name }} {% endmacro %}{{ line(tasks[0]) }}", "* word-count "),
        (
            "{% set ns = namespace(n=0) %}{% for t in tasks %}{% set ns.n = ns.n + t.changes %}{% endfor %}{{ ns.n }}",
            "3",
        ),
        ("{% set both %}{{ host }}{{ host }}{% endset %}{{ both }}", "deskdesk"),
        ("{% for i in range(3) %}{{ loop.index }}{{ ',' if not loop.last }}{% endfor %}", "1,2,3"),
        ("{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.next() }}", "aba"),
        ("{# nothing #}{% raw %}{{ summary }}{% endraw %}", "{{ summary }}"),
        ("{{ unknown }} {{ unknown_too|lower }} {{ host.nothing }}", "{{ unknown }} {{ unknown_too }} {{ nothing }}"),
        ("<{{ '<b>&' }}>", "<<b>&>"),
    ],
)
def test_what_templates_can_say(template: str, text: str) -> None:
    assert fill(template) == text


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10**9 }}",
        "{{ 10**9 * 'a' }}",
        "{{ [0] * 10**9 }}",
        "{{ (1, 2) * 10**8 }}",
        "{{ 10 ** (10 ** 10) }}",
        "{{ 2 ** 10000000 }}",
        "{% set ns = namespace(n=7) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}{{ ns.n }}",
        "{{ range(10**9)|join }}",
        "{% for a in range(999) %}{% for b in range(999) %}{{ host }}{% endfor %}{% endfor %}",
        "{% for a in 'a' * 60000 %}{{ a }}{% endfor %}",
        "{% set ns = namespace(x='0123456789') %}{% for i in range(60) %}{% set ns.x = ns.x ~ ns.x %}{% endfor %}",
        "{% set ns = namespace(x='0123456789') %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        "{% set ns = namespace(x=[1]) %}{% for i in range(60) %}{% set ns.x = ns.x + ns.x %}{% endfor %}",
        NESTED + "{{ ns.x }}",
        NESTED + "{{ ns.x|upper }}",
        NESTED + "{{ '' ~ ns.x }}",
        NESTED + "{{ '%s' % ns.x }}",
        "{% set ns = namespace(x='0123456789') %}"
        "{% for i in range(60) %}{% set ns.x = [ns.x, ns.x]|join %}{% endfor %}",
        "{% set ns = namespace(x='0123456789') %}"
        "{% for i in range(60) %}{% set b %}{{ ns.x }}{{ ns.x }}{% endset %}{% set ns.x = b %}{% endfor %}",
        "{% for i in range(60) %}{{ 'a' * 60000 }}{% endfor %}",
        "{{ 'a'.ljust(10**9) }}",
        "{{ 'a'.center(10**9) }}",
        "{{ 'a'.zfill(10**9) }}",
        "{{ '\\t'.expandtabs(10**9) }}",
        "{{ ','.join(['a'] * 60000) }}",
        "{{ 'a'.replace('', 'b' * 60000) }}",
        "{{ 7.to_bytes(10**9) }}",
        "{{ (7).to_bytes(10**9, 'big') }}",
        "{{ 'a'|replace('', 'b' * 60000)|replace('b', 'c' * 60000) }}",
        "{{ 'a'|center(10**9) }}",
        "{{ ('a\n' * 30000)|indent(10**6) }}",
        "{{ ('a\n' * 30000)|indent(width='b' * 60000) }}",
        "{{ ('ab ' * 20000)|wordwrap(1, wrapstring='b' * 60000) }}",
        "{{ 1.5|round(10**9, 'ceil') }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '%*d' % (1000000000, 1) }}",
        "{{ '%.1000000000f' % 1 }}",
        "{{ '%(a(b)c)1000000000d' % {'a(b)c': 1} }}",
        "{{ '%1000000000s'|format('a') }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ '{:>{}}'.format(1, 1000000000) }}",
        "{{ '{a:>1000000000}'.format_map({'a': 1}) }}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}",
        "{% for i in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for i in range(2) recursive %}{% if loop.depth < 60 %}{{ loop(range(2)) }}{% endif %}{% endfor %}",
    ],
)
def test_what_would_take_too_much_fails(template: str) -> None:
    with pytest.raises(Unfilled):
        fill(template)


@pytest.mark.parametrize(
    "template",
    [
        "{{ summary.__class__ }}",
        "{{ ''['__class__'].__mro__ }}",
        "{{ tasks[0].__init__.__globals__ }}",
        "{{ tasks[0]['__class__'] }}",
        "{{ self._TemplateReference__context }}",
        "{{ self }}",
        "{{ fill.__globals__ }}",
        "{{ tasks|map(attribute='__class__')|join }}",
        "{{ tasks|map('attr', '__class__')|join }}",
        "{{ summary|attr('__class__') }}",
        "{{ '{0.__class__}'.format(summary) }}",
        "{{ ('{0.__class__}'|string).format_map({}) }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ dict.mro() }}",
        "{{ lipsum() }}",
        "{{ [1, 2]|random }}",
        "{{ tasks|tojson }}",
        "{{ tasks|pprint }}",
        "{{ tasks }}",
        "{{ tasks[0] }}",
        "{{ host.upper }}",
        "{{ range(3) }}",
        "{% include 'a' %}",
        "{% extends 'a' %}",
        "{% import 'a' as a %}",
        "{% from 'a' import b %}",
        "{% do tasks.append(1) %}",
        "{{ [1].append(2) }}",
        "{{ unknown.part }}",
        "{{ unknown() }}",
    ],
)
def test_what_leads_out_of_the_values_fails(template: str) -> None:
    with pytest.raises(Unfilled):
        fill(template)


def test_a_failure_tells_its_line() -> None:
    with pytest.raises(Unfilled, match=r"^line 3: division by zero$"):
        fill("a\nb\n{{ 1 / 0 }}")
    with pytest.raises(Unfilled, match=r"^line 2: .*expected 'end of print statement'"):
        fill("a\n{{ b")


def test_the_budget_is_for_one_rendering() -> None:
    template = "{% for i in range(900) %}{% for j in range(20) %}{% endfor %}{% endfor %}{{ host }}"
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(fill, [template] * 8)) == ["desk"] * 8


def test_fifty_tasks_of_two_thousand_files_are_not_too_much() -> None:
    tasks = [TaskWords(f"t{n}", "update", "1", "2", f"t{n}", tuple(f"{n}/{m}" for m in range(40))) for n in range(50)]
    template = "{% for t in tasks %}{% for f in t.files %}{{ f.upper() ~ ',' + '.' }}{% endfor %}{% endfor %}"
    assert jinja_sandbox.fill(template, {**VALUES, "tasks": tasks}).count(",") == 2000


PIECES = st.sampled_from([
    *("{{", "}}", "{%", "%}", "{#", "#}", "{%-", "-}}", "summary", "host", "tasks", "tasks[0]", ".name", ".files", "b"),
    *("()", "(3)", "|", "~", "+", "*", "**", "//", "%", "==", "in", "is", "not", "if", "else", "endif", "for", "in"),
    *("endfor", "set", "endset", "=", "ns", "namespace", "macro", "endmacro", "m", "call", "endcall", "filter", "i"),
    *("endfilter", "raw", "endraw", "block", "endblock", "range", "loop.index", "upper", "join(',')", "sort", "t"),
    *("replace('a','b')", "map(attribute='name')", "defined", "'text'", "'%s'", "'%9999d'", "7", "10**9", "1.5"),
    *("none", "[", "]", "{", "}", ":", ",", "_", "__class__", "é", "\n", "recursive", "import", "include", "extends"),
])  # fmt: skip


@pytest.mark.soak
@given(st.lists(PIECES, max_size=25).map(" ".join))
def test_nothing_but_a_text_or_one_error_comes_of_any_template(template: str) -> None:
    try:
        assert len(fill(template)) <= LONGEST
    except Unfilled as error:
        assert str(error)


@given(
    st.lists(
        st.sampled_from(
            [
                "{{ summary }}",
                "{{host}}",
                "{{\ttask_list\n}}",
                "{",
                "}",
                "}}",
                "%}",
                "#}",
                "\n",
                "\n\n",
                " a",
                "\r\n",
                "é",
            ]
        )
    ).map("".join)
)
def test_a_template_that_only_names_values_comes_to_the_same_without_jinja(template: str) -> None:
    try:
        by_jinja = fill(template)
    except Unfilled:
        with pytest.raises(Unfilled):
            message_template.fill(template, VALUES, TASKS)
    else:
        # Jinja2 leaves out a newline at the end, which no message keeps.
        assert message_template.fill(template, VALUES, TASKS).rstrip("\n") == by_jinja.rstrip("\n")
