"""A settings file becomes Settings, or every fault in it is told with its place."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gitferry.config.load import SettingsError, load, parse
from gitferry.config.model import BasicAuth, CredentialAuth, GithubAppAuth, GitTokenAuth, Repository, SshKeyAuth

FILE = Path("/etc/gitferry/config.yaml")
ENVIRON = {"HOME": "/h", "TOKEN": "canary-secret", "GITFERRY_STATE_DIR": "/state"}

CONTRACT = r"""
version: 1
daemon:
  http: {enabled: false, host: 127.0.0.1, port: 8470, allowed_hosts: []}
  workers: 4
  log: {level: info, format: text}        # text | json
database: {url: "sqlite:///${STATE_DIR}/gitferry.db"}
defaults:                                  # every repository inherits these
  branch: null
  pull: {enabled: true, every: 5m, at: null, jitter: 10%}     # at: a cron line instead of every
  timeouts: {connect: 15s, transfer: 5m}
  watch: {enabled: true, quiet: 2s, max_wait: 30s, reconcile: 15m}
  tasks: {layout: auto, include: ["**"], exclude: [], manifests: [metadata.json, task.yaml, task.yml, meta.yaml],
          schema: null, rest: file}
  pushback:
    enabled: true
    auto_push: true                        # false: changes wait as pending for a manual push
    approval: none                         # none | required
    batch_changes: true
    max_batch_size: 10                     # tasks in one commit; up to 50
    conflict_strategy: merge               # fail | merge | take_local | take_remote | manual | create_pr
    branch_strategy: main                  # main (the tracked branch) | feature_branch
    commit_message: "{{ summary }}\n\n{{ task_list }}"
    pr_template: "## Task changes\n\n{{ task_list }}"
    push_commits: true
    limits: {file: 10MiB, batch: 50MiB, files: 2000}
    secrets: block
    hooks: skip
    sign: inherit
  retry: {initial: 5s, max: 4m, attempts: 0}
  trusted: false
repositories:
  - name: tasks
    path: ~/code/tasks
    url: https://git.example.org/team/tasks.git
    auth: {credential: work}
    pushback: {auto_push: false, branch_strategy: feature_branch}
notifications: []
"""


def settings(text: str, environ: Mapping[str, str] = ENVIRON) -> Any:
    return parse(text.encode(), FILE, environ)


def faults(text: str, environ: Mapping[str, str] = ENVIRON) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        settings(text, environ)
    assert str(caught.value).count("\n") >= len(caught.value.faults)
    return [str(fault).removeprefix(f"{FILE}:") for fault in caught.value.faults]


def repository(text: str) -> Repository:
    found = settings(text).repositories[0]
    assert isinstance(found, Repository)
    return found


def test_the_contracts_own_form_is_the_defaults() -> None:
    found = settings(CONTRACT)
    bare = settings("repositories:\n- {path: ~/code/tasks, url: u}\n")
    assert found.model_copy(update={"repositories": ()}) == bare.model_copy(update={"repositories": ()})
    assert found.database.url == "sqlite:////state/gitferry.db"
    one = found.repositories[0]
    assert (one.name, one.path, one.auth) == ("tasks", Path("/h/code/tasks"), CredentialAuth(credential="work"))
    assert (one.pushback.auto_push, one.pushback.branch_strategy, one.pushback.limits.file) == (
        False, "feature_branch", 10 << 20,
    )  # fmt: skip
    assert (one.pull.every, one.pull.jitter, one.watch.quiet, one.timeouts.transfer) == (300.0, 0.1, 2.0, 300.0)
    assert one.tasks.schema_ is None
    assert bare.repositories[0].pushback == bare.defaults.pushback


def test_a_repository_inherits_what_it_does_not_write() -> None:
    one = repository(
        "defaults: {pull: {every: 1m, jitter: 5%}, tasks: {schema: s.json}}\n"
        "repositories: [{path: /a, pull: {every: 90s}}]"
    )
    assert (one.pull.every, one.pull.jitter, one.tasks.schema_) == (90.0, 0.05, "s.json")


def test_every_in_a_repository_takes_an_inherited_at_back() -> None:
    text = "defaults: {pull: {at: '0 3 * * *'}}\nrepositories: [{path: /a, pull: {every: 90s}}, {path: /b}]"
    assert [each.pull.at for each in settings(text).repositories] == [None, "0 3 * * *"]


def test_variables_take_any_type() -> None:
    text = (
        "daemon: {workers: '${W}', http: {enabled: '${ON:-true}', port: '${P:-9000}'}}\n"
        "repositories:\n- path: ${DIR:-~/x}\n  branch: ${B}"
    )
    found = settings(text, {**ENVIRON, "W": "7", "B": "2024"})
    assert (found.daemon.workers, found.daemon.http.enabled, found.daemon.http.port) == (7, True, 9000)
    assert (found.repositories[0].branch, found.repositories[0].path) == ("2024", Path("/h/x"))


def test_words_that_yaml_1_1_turns_into_truths_stay_words() -> None:
    one = repository("repositories: [{path: /a, branch: 1.10, pushback: {secrets: off}}]")
    assert (one.branch, one.pushback.secrets) == ("1.10", "off")


@pytest.mark.parametrize(
    ("auth", "kind"),
    [
        ("{credential: work}", CredentialAuth),
        ("{type: credential, credential: work}", CredentialAuth),
        ("{type: git_token, token: '${TOKEN}'}", GitTokenAuth),
        ("{type: basic, username: me, password: '${TOKEN}'}", BasicAuth),
        ("{type: ssh_key, path: ~/.ssh/id}", SshKeyAuth),
        ("{type: github_app, app_id: 12, private_key: key.pem}", GithubAppAuth),
    ],
)
def test_auth(auth: str, kind: type) -> None:
    one = repository(f"repositories: [{{path: /a, auth: {auth}}}]")
    assert isinstance(one.auth, kind)
    assert "canary-secret" not in repr(one) + str(one)
    if isinstance(one.auth, GitTokenAuth):
        assert one.auth.token.get_secret_value() == "canary-secret"
    if isinstance(one.auth, SshKeyAuth):
        assert one.auth.path == Path("/h/.ssh/id")
    if isinstance(one.auth, GithubAppAuth):
        assert (one.auth.app_id, one.auth.private_key) == ("12", FILE.parent / "key.pem")


def test_a_password_in_a_url_is_allowed_and_not_in_the_repr() -> None:
    one = repository("repositories: [{url: 'https://me:canary-secret@e.org/x.git'}]")
    assert one.url == "https://me:canary-secret@e.org/x.git" and one.name == "x"
    assert "canary" not in repr(one)


def test_every_fault_is_told_at_once() -> None:
    text = """\
daemon:
  wrkers: 4
  http: {port: 84700}
defaults:
  auto_push: false
  pull: {enabled: maybe, every: 5, at: "* * *"}
  watch: {quiet: 60s}
  tasks: {include: [/abs], manifests: []}
  pushback: {hooks: run, conflict_strategy: marge}
repositories:
  - path: ~/code
    auth: {type: git_tokn}
  - path: ~/code/inner
    auth: {type: git_token, tokn: abc}
  - name: code
    url: https://e.org/x
    auth: text
    pull: {every: 2m}
  - nam: x
  - text
  - url: ${NONE}
notifications:
"""
    keys = "name, path, url, auth, branch, pull, timeouts, watch, tasks, pushback, retry, keep_operations, trusted"
    auth = "credential: NAME, or type: credential | git_token | basic | ssh_key | github_app"
    assert faults(text) == [
        "2:3: unknown key wrkers in daemon; did you mean workers? (http, workers, log, health, keep_audit)",
        '3:16: daemon.http.port: "84700" is not allowed (a whole number; 0 to 65535)',
        "5:3: unknown key auto_push in defaults; did you mean defaults.pushback.auto_push? "
        "(branch, pull, timeouts, watch, tasks, pushback, retry, keep_operations, trusted)",
        '6:19: defaults.pull.enabled: "maybe" is not allowed (true | false)',
        '6:33: defaults.pull.every: "5" is no duration (a duration such as 300ms, 90s, 5m, 1h or 30d; 1s to 366d)',
        '6:40: defaults.pull.at: "* * *" has 3 fields where a cron line has 5 '
        "(a cron line: minute hour day month weekday, such as */15 8-18 * * mon-fri, or null)",
        "7:18: defaults.watch: quiet is longer than max_wait (at most 30s here)",
        '8:21: defaults.tasks.include[0]: "/abs" is no pattern below the working tree '
        "(a pattern such as tasks/** or *.json, relative to the working tree)",
        "8:39: defaults.tasks.manifests is empty "
        "(a list of at least one: a file name that ends in .json, .yaml or .yml)",
        "9:21: repositories[0].pushback: hooks: run without trusted: true (skip, or trusted: true)",
        '9:45: defaults.pushback.conflict_strategy: "marge" is not allowed; did you mean merge? '
        "(fail | merge | take_local | take_remote | manual | create_pr)",
        f'12:11: repositories[0].auth: type "git_tokn" is not known; did you mean git_token? ({auth})',
        '13:11: "inner" (/h/code/inner) lies inside the tree of "code" (/h/code) (trees side by side)',
        "14:11: repositories[1].auth.token is missing (a text)",
        "14:29: unknown key tokn in repositories[1].auth; did you mean token? (type, token, username)",
        '15:11: name "code" is already that of the repository in line 11 (each name once)',
        f"17:11: repositories[2].auth: the text is not allowed ({auth})",
        "19:5: repositories[3] has no place (path: DIRECTORY, or url: URL)",
        f"19:5: unknown key nam in repositories[3]; did you mean name? ({keys})",
        f"20:5: repositories[4]: the text is not allowed (keys {keys})",
        "21:10: the value cannot be had: the environment variable NONE is not set (${NONE:-default} gives a default)",
        "22:1: notifications has no value (a list of type: desktop | webhook; [] for none)",
    ]


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("version: 2", '1:10: version: "2" is not allowed (a whole number; 1)'),
        ("daemon: 5", "1:9: daemon: the text is not allowed (keys http, workers, log, health, keep_audit)"),
        ("daemon: {workers: null}", "1:19: daemon.workers has no value (a whole number; 1 to 256)"),
        ("daemon: {workers: ''}", "1:19: daemon.workers is empty (a whole number; 1 to 256)"),
        ("daemon: {workers: [4]}", "1:19: daemon.workers: a list is not allowed (a whole number; 1 to 256)"),
        ("repositories:", "1:1: repositories has no value (a list of keys"),
        ("repositories: {path: /a}", "1:15: repositories: a value with keys is not allowed (a list of keys"),
        ("defaults: {branch: 'a b'}", '1:20: defaults.branch: "a b" is no name git takes for a branch (a branch'),
        ("defaults: {pull: {jitter: 101%}}", '1:27: defaults.pull.jitter: "101%" is not allowed (a percentage'),
        ("defaults: {watch: {quiet: -1s}}", '1:27: defaults.watch.quiet: "-1s" is no duration'),
        ("defaults: {timeouts: {connect: 0s}}", '1:32: defaults.timeouts.connect: "0s" is not allowed (a duration'),
        ("defaults: {pushback: {max_batch_size: 51}}", '"51" is not allowed (a whole number; 1 to 50)'),
        ("defaults: {pushback: {limits: {file: 10MB}}}", '"10MB" is no size (a size such as 512KiB or 10MiB; at least'),
        ("defaults: {pushback: {limits: {file: 60MiB}}}", "limits: file is larger than batch (at most 50MiB here)"),
        ("defaults: {retry: {initial: 5m}}", "1:29: defaults.retry: initial is longer than max (at most 4m here)"),
        ("defaults: {tasks: {manifests: [a/b.json]}}", '"a/b.json" is no name of a manifest'),
        (
            "defaults:\n  pushback:\n    commit_message: |\n      {{ summary }}\n\n      {{ tasklist|upper }}\n",
            '|upper }}�" cannot be filled: line 3: tasklist is not known; did you mean task_list? (a Jinja2 template',
        ),
        (
            "defaults: {pushback: {commit_message: '{{ sumary }}'}}",
            '1:39: defaults.pushback.commit_message: "{{ sumary }}" cannot be filled: line 1: sumary is not known; '
            "did you mean summary? (a Jinja2 template that may name summary, task_list, host, tasks; each of tasks has",
        ),
        (
            "repositories: [{path: /a, pushback: {pr_template: '{% for t in tasks %}{{ t.nme }}{% endfor %}'}}]",
            "1:51: repositories[0].pushback.pr_template: ",
        ),
        ("defaults: {pushback: {pr_template: '{{ summary'}}", '"{{ summary" is no template: line 1: unexpected end of'),
        ("defaults: {pushback: {pr_template: ' '}}", '1:36: defaults.pushback.pr_template: " " is empty (a Jinja2'),
        ("defaults: {pushback: {commit_message: '{{ 5 / 0 }}'}}", "fails for a file that is added: line 1: division"),
        ("database: {url: mysql://x/y}", "1:17: database.url: the text is no database gitferry knows (sqlite:///FILE"),
        ("repositories: [{path: /a, name: a/b}]", '1:33: repositories[0].name: "a/b" is no name'),
        ("repositories: [{path: '~nobody-here/a'}]", "names the unknown user nobody-here (a path"),
        ("repositories: [{path: ''}]", "1:23: repositories[0].path is empty"),
        ("repositories: [{path: /a, url: '-oProxyCommand=x'}]", "1:32: repositories[0].url: the text begins with a"),
        ("repositories: [{path: /a, auth: {}}]", "1:33: repositories[0].auth has no type (credential: NAME, or type:"),
        ("repositories: [{path: /a, auth: {type: git_token, token: ''}}]", "auth.token is empty (a text)"),
        ("repositories: [{path: /a}, {path: /a/}]", '1:35: "a" and "a" have the same path /a (each tree once)'),
        ("notifications: [{type: desktop, events: [x]}]", '1:42: notifications[0].events[0]: "x" is not allowed (co'),
        ("repositories: [{name: x}]", "1:16: repositories[0] has no place (path: DIRECTORY, or url: URL)"),
        ("repositories:\n-\n- {path: /a}", "2:2: repositories[0] has no place (path: DIRECTORY, or url: URL)"),
        ("notifications:\n-\n", "2:2: notifications[0] has no value (type: desktop | webhook)"),
        ("repositories: [{url: null}]", "1:16: repositories[0] has no place (path: DIRECTORY, or url: URL)"),
        ("repositories: [{path: null}]", "1:23: repositories[0].path has no value (a path"),
        ("repositories: [{path: null, url: u}]", "1:23: repositories[0].path has no value (a path"),
        ("notifications: [{type: mail}]", '1:17: notifications[0]: type "mail" is not known (type: desktop | webhook)'),
        ("reposittories: []", "1:1: unknown key reposittories; did you mean repositories? (version,"),
    ],
)  # fmt: skip
def test_faults(text: str, fault: str) -> None:
    assert any(fault in each for each in faults(text)), faults(text)


def test_an_inherited_fault_is_told_once() -> None:
    text = "defaults: {pull: {every: x}, watch: {quiet: 1h}}\nrepositories: [{path: /a}, {path: /b}, {path: /c}]"
    assert [each.partition(": ")[0] for each in faults(text)] == ["1:26", "1:45"]
    text = "defaults: {pushback: {pr_template: '{{ x }}'}}\nrepositories: [{path: /a}, {path: /b}]"
    assert [each.partition(": ")[0] for each in faults(text)] == ["1:36"]


def test_a_fault_of_form_hides_no_other_and_causes_none() -> None:
    text = "repositories:\n- {path: *x}\n- {url: !t y, nmae: z}\n- {path: /a, auth: {type: git_token, token: *t}}\n"
    found = faults(text)
    assert [each.partition(": ")[0] for each in found] == ["2:10", "3:9", "3:15", "4:45"]


@pytest.mark.parametrize(
    "text",
    [
        "repositories: [{path: /a, auth: canary-secret}]",
        "repositories: [{path: /a, auth: {type: git_token, token: [canary-secret]}}]",
        "repositories: [{path: /a, auth: {type: basic, password: canary-secret}}]",
        'repositories: [{path: /a, url: "https://u:canary-secret@e.org/\\n"}]',
        "repositories: [canary-secret]",
        "daemon: {workers: '${TOKEN}'}",
        "database: {url: 'postgres://u:canary-secret@h/d'}",
        "notifications: [{type: webhook, url: 'canary-secret'}]",
        "daemon: canary-secret",
    ],
)
def test_no_fault_repeats_a_secret(text: str) -> None:
    assert "canary" not in "\n".join(faults(text))


def test_trees_are_compared_by_their_real_places(tmp_path: Path) -> None:
    (tmp_path / "real" / "inner").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real" / "inner")
    found = faults(f"repositories:\n- path: {tmp_path}/link\n- path: {tmp_path}/real\n- path: {tmp_path}/real-not\n")
    assert len(found) == 1
    assert found[0].startswith('2:9: "link" (') and 'inside the tree of "real"' in found[0]


def test_a_missing_empty_or_unreadable_file_is_a_fault(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    cases: dict[str, Callable[[], object]] = {
        "there is no settings file": lambda: None,
        "is empty": file.touch,
        "not a regular": lambda: os.mkfifo(file),
    }
    for message, prepare in cases.items():
        prepare()
        with pytest.raises(SettingsError, match=message) as caught:
            load(file, ENVIRON)
        assert str(caught.value.faults[0]).startswith(f"{file}:1:1: ")
        file.unlink(missing_ok=True)
    file.mkdir()
    with pytest.raises(SettingsError, match="1:1: "):
        load(file, ENVIRON)


def test_sections_without_a_value_are_the_defaults() -> None:
    assert settings("daemon:\ndefaults:\n  pull:\n") == settings("version: 1")


FRAGMENTS = st.sampled_from(
    [*"{}[]:,-#&*!|>'\"%@`?$ \n\t", "\n  ", "\n- ", ": ", "null", "${", "${X:-", "repositories", "auth", "type", "url"]
)


@given(st.data())
def test_whatever_a_file_holds_it_is_settings_or_faults(data: st.DataObject) -> None:
    text = CONTRACT
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text)))
        text = text[:at] + data.draw(FRAGMENTS) + text[at + data.draw(st.sampled_from([0, 0, 1, 5, 40])) :]
    try:
        settings(text)
    except SettingsError as error:
        assert error.faults
        assert all(fault.line > 0 and fault.column > 0 and "(" in fault.message for fault in error.faults)
