"""A template that cannot be used is told when the settings are read, with what was meant."""

from __future__ import annotations

import pytest

from gitferry.config.message_template import LONGEST, TASK_NAMES, TaskWords, Unfilled, check
from gitferry.config.template_check import problem


@pytest.mark.parametrize(
    "template",
    [
        "{{ summary }}",
        "{{ summary|upper }} {{ tasks|length }}",
        "{% for t in tasks %}{% for f in t.files %}{{ f }}{% endfor %}{{ loop.index }}{% endfor %}",
        "{% set x = tasks[0] %}{{ x.name }} {{ x.old_version or 'none' }}",
        "{% macro line(t) %}{{ t.name }}{% endmacro %}{% for t in tasks %}{{ line(t) }}{% endfor %}",
        "{% for t in tasks %}{% if loop.previtem is defined %}{{ loop.previtem.name }}{% endif %}{% endfor %}",
        "{{ range(3)|join }} {{ dict(a=1).a }}",
        "{% raw %}{{ whatever }}{% endraw %}",
        "".join(f"{{{{ tasks[0].{name} is defined }}}}" for name in TASK_NAMES),
    ],
)
def test_templates_that_can_be_used(template: str) -> None:
    assert problem(template) is None
    check(template)


@pytest.mark.parametrize(
    ("template", "words"),
    [
        ("{{ sumary|upper }}", "cannot be filled: line 1: sumary is not known; did you mean summary?"),
        ("{{ summary }}\n\n{{ tasklist }}", "cannot be filled: line 3: tasklist is not known; did you mean task_list?"),
        ("{{ xyz }}", "cannot be filled: line 1: xyz is not known"),
        ("{% if HOST %}{% endif %}", "cannot be filled: line 1: HOST is not known; did you mean host?"),
        (
            "{% for t in tasks %}\n{{ t.new_versoin }}\n{% endfor %}",
            "fails for a file that is added: line 2: new_versoin is not known of a task; did you mean new_version?",
        ),
        (
            "{% for t in tasks|sort(attribute='nme') %}{% endfor %}",
            "fails for a file that is added: line 1: nme is not known of a task; did you mean name?",
        ),
        (
            "{% for t in tasks %}{% if t.verb == 'merge' and t['zzz'] %}{% endif %}{% endfor %}",
            "fails for several tasks: line 1: zzz is not known of a task",
        ),
        ("{{ tasks[1].name }}", "fails for a file that is added: line 1: tuple object has no element 1"),
        (
            "{{ tasks[0].old_version.split('.')[0] }}",
            "fails for a file that is added: line 1: 'None' has no attribute 'split'",
        ),
        (
            "{{ tasks }}",
            "fails for a file that is added: line 1: "
            "a tuple is no text: say what of it is meant, or put | join after it",
        ),
        ("a\n{{ summary", "is no template: line 2: unexpected end of template, expected 'end of print statement'."),
        ("{% for t in tasks %}", "is no template: line 1: Unexpected end of template."),
        ("{{ summary|uper }}", "is no template: line 1: No filter named 'uper'."),
        ("{% include 'a' %}", "cannot be filled: line 1: there is no other template to take in"),
    ],
)
def test_what_is_wrong_is_told(template: str, words: str) -> None:
    found = problem(template)
    assert found is not None and found.startswith(words)
    with pytest.raises(Unfilled, match="^" + words[:10]):
        check(template)


@pytest.mark.parametrize("template", ["{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "{{ " + "9" * 9000 + " }}"])
def test_templates_beyond_what_python_compiles(template: str) -> None:
    assert str(problem(template)).startswith("is no template: ")


def test_the_length_is_bounded() -> None:
    with pytest.raises(Unfilled, match="has more than 65,536 characters"):
        check("x" * (LONGEST + 1))


def test_every_name_of_a_task_is_one() -> None:
    task = TaskWords("a", "add", path="tasks/a", files=("b", "c"))
    assert {name for name in dir(task) if not name.startswith("_")} == set(TASK_NAMES)
    assert task.changes == 2
