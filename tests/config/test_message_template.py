"""Simple templates are filled and checked without Jinja2."""

from __future__ import annotations

import subprocess
import sys

import pytest

from gitferry.config.message_template import COMMIT_MESSAGE, LONGEST, REQUEST_BODY, TaskWords, Unfilled, fill
from gitferry.config.model import Pushback

VALUES = {"summary": "Add {{ host }}", "task_list": "- add a", "host": "desk"}


@pytest.mark.parametrize(
    ("template", "loaded"),
    [
        (COMMIT_MESSAGE, False),
        (REQUEST_BODY, False),
        ("Sync by {{host}}:\n\n{{ task_list }}\n", False),
        ("{{ summary|upper }}", True),
        ("{% for task in tasks %}{{ task.name }}{% endfor %}", True),
    ],
)
def test_jinja_is_loaded_only_for_what_needs_it(template: str, loaded: bool) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from gitferry.config import message_template\n"
        "from gitferry.config.load import parse\n"
        "from gitferry.config.render import inline\n"
        "text = 'defaults: {pushback: {commit_message: %s}}' % inline(sys.argv[1])\n"
        "assert parse(text.encode(), Path('f'), {'HOME': '/h'}).defaults.pushback.commit_message == sys.argv[1]\n"
        "message_template.fill(sys.argv[1], {'summary': 's', 'task_list': 't', 'host': 'h'}, ())\n"
        "print('jinja2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, template], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(loaded)


def test_the_defaults_are_the_models() -> None:
    assert (Pushback().commit_message, Pushback().pr_template) == (COMMIT_MESSAGE, REQUEST_BODY)


def test_what_is_put_in_is_not_filled_again() -> None:
    assert fill("{{ summary }}", VALUES, ()) == "Add {{ host }}"
    assert fill("{{ summary|trim }}", VALUES, ()) == "Add {{ host }}"


def test_an_unknown_name_stays_as_written() -> None:
    assert fill("{{ summary }} {{ tsk }}", VALUES, [TaskWords("a", "add")]) == "Add {{ host }} {{ tsk }}"


def test_a_long_result_fails_before_it_is_made() -> None:
    with pytest.raises(Unfilled, match="comes to more than 65,536 characters"):
        fill("{{ task_list }}" * 4000, {**VALUES, "task_list": "x" * LONGEST}, ())
