"""The settings: every key with its type, default and description, and nothing about where they come from.

On the model durations are seconds, sizes bytes, percentages fractions. Descriptions and defaults stand here only:
the JSON Schema, the template that `gitferry init` writes and docs/settings.md are made from them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, SecretStr, Tag, model_validator

from gitferry.config.message_template import COMMIT_MESSAGE, REQUEST_BODY
from gitferry.config.units import LONGEST, write_duration, write_size
from gitferry.config.values import (
    Branch,
    CronLine,
    DatabaseUrl,
    Duration,
    Filled,
    Glob,
    ManifestName,
    MessageTemplate,
    Name,
    Percent,
    Remote,
    Size,
    TreePath,
    UserPath,
    WebhookSecret,
    WebUrl,
    fault,
)


class Section(BaseModel):
    """Keys that belong together. One that is written without a value is one in which nothing is written."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, validate_by_alias=True, hide_input_in_errors=True
    )

    @model_validator(mode="before")
    @classmethod
    def _nothing_written(cls, data: object) -> object:
        return {} if data is None else data


class Http(Section):
    enabled: bool = Field(False, description="Serve /health, /ready and /metrics on TCP too.")
    host: Filled = Field("127.0.0.1", description="The loopback address to listen on; another one is refused.")
    port: int = Field(8470, ge=0, le=65535, description="The port to listen on; 0 takes any free one.")
    allowed_hosts: tuple[Filled, ...] = Field(
        (), description="Host names requests may come for, besides the address listened on and localhost."
    )


class Log(Section):
    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or one JSON object a line.")


class Health(Section):
    unhealthy: int = Field(3, ge=1, le=1000, description="A repository is failing after so many failures in a row.")
    alert: int = Field(5, ge=1, le=1000, description="An alert is raised after so many.")
    conflict_age: Duration = Field(
        86_400.0, gt=0, le=LONGEST, description="An alert is raised for a conflict that nobody answered for so long."
    )


class Daemon(Section):
    http: Http = Field(
        default_factory=Http, description="Monitors over TCP; the API is served on the Unix socket alone."
    )
    workers: int = Field(4, ge=1, le=256, description="How many repositories are worked on at the same time.")
    log: Log = Field(default_factory=Log, description="What the daemon logs.")
    health: Health = Field(default_factory=Health, description="When a repository is not well.")
    keep_audit: int = Field(
        366,
        ge=1,
        le=36_600,
        description="How many days the audit log keeps a record. The newest 1,000 stay, however old.",
    )


class Database(Section):
    url: DatabaseUrl = Field(
        "sqlite:///${STATE_DIR}/gitferry.db",
        repr=False,
        description="Where the index, credentials and the audit log are kept. Only the index can be made again.",
    )


class Pull(Section):
    enabled: bool = Field(True, description="Fetch and take over the remote's changes by schedule.")
    every: Duration = Field(300.0, ge=1, le=LONGEST, description="How long between two pulls.")
    at: CronLine | None = Field(
        None,
        description="When to pull, instead of every, which then does not count: a cron line (minute hour day month "
        "weekday). A repository that writes one of the two does not inherit the other.",
    )
    jitter: Percent = Field(0.1, ge=0, le=1, description="How far each pull may be moved at random, of the interval.")


class Timeouts(Section):
    connect: Duration = Field(15.0, gt=0, le=3600, description="How long a remote may take to answer at first.")
    transfer: Duration = Field(300.0, gt=0, le=86400, description="How long one fetch or push may take in all.")


class Watch(Section):
    enabled: bool = Field(True, description="Notice edits as they are saved. Without it they go out with each pull.")
    quiet: Duration = Field(2.0, ge=0, le=86400, description="How long a task must rest before it travels.")
    max_wait: Duration = Field(30.0, gt=0, le=86400, description="How long ceaseless edits can put that off.")
    reconcile: Duration = Field(
        900.0, ge=1, le=LONGEST, description="How long between two looks at the whole tree, for events that were lost."
    )

    @model_validator(mode="after")
    def _quiet_ends(self) -> Self:
        if self.quiet > self.max_wait:
            raise fault(
                f"quiet is longer than max_wait (at most {write_duration(self.max_wait)} here)", ("quiet", "max_wait")
            )
        return self


class Tasks(Section):
    layout: Literal["auto", "directory", "file", "repository"] = Field(
        "auto",
        description="What a task is: a directory with a manifest, a file, or the whole tree. auto: directory if a "
        "manifest lies below the root, else file.",
    )
    include: tuple[Glob, ...] = Field(
        ("**",), min_length=1, description="What may travel. Naming a file here includes it even if always excluded."
    )
    exclude: tuple[Glob, ...] = Field(
        (), description="What never travels. Always excluded: .env*, private keys, editors' temporary files."
    )
    manifests: tuple[ManifestName, ...] = Field(
        ("metadata.json", "task.yaml", "task.yml", "meta.yaml"),
        min_length=1,
        description="File names that make their directory a task; the first one found is read.",
    )
    schema_: TreePath | None = Field(
        None, alias="schema", description="A JSON Schema that every manifest must be valid against."
    )
    rest: Literal["file", "ignore"] = Field(
        "file", description="Files in no directory task: each a task of its own (file), or never committed (ignore)."
    )


class Limits(Section):
    file: Size = Field(10 << 20, ge=1, description="The largest file that travels.")
    batch: Size = Field(50 << 20, ge=1, description="The most that one push may carry.")
    files: int = Field(2000, ge=1, le=1_000_000, description="The most files that one push may carry.")

    @model_validator(mode="after")
    def _file_fits(self) -> Self:
        if self.file > self.batch:
            raise fault(f"file is larger than batch (at most {write_size(self.batch)} here)", ("file", "batch"))
        return self


class Pushback(Section):
    enabled: bool = Field(True, description="Carry local changes to the remote.")
    auto_push: bool = Field(True, description="Push by itself; false: changes wait as pending for a manual push.")
    approval: Literal["none", "required"] = Field("none", description="Whether someone must approve a push first.")
    batch_changes: bool = Field(True, description="Put several changed tasks in one commit.")
    max_batch_size: int = Field(10, ge=1, le=50, description="The most tasks in one commit.")
    conflict_strategy: Literal["fail", "merge", "take_local", "take_remote", "manual", "create_pr"] = Field(
        "merge", description="What happens to a task that both sides changed."
    )
    branch_strategy: Literal["main", "feature_branch"] = Field(
        "main", description="Push to the tracked branch (main), or to review branches."
    )
    commit_message: MessageTemplate = Field(COMMIT_MESSAGE, description="The message of each commit.")
    pr_template: MessageTemplate = Field(REQUEST_BODY, description="The description of each pull request.")
    push_commits: bool = Field(
        True,
        description="Also push commits the user made on the tracked branch; false: while there are some, the "
        "repository waits.",
    )
    limits: Limits = Field(default_factory=Limits, description="What is too much to push unasked.")
    secrets: Literal["block", "warn", "off"] = Field(
        "block", description="What happens to a task in which a known credential format was added."
    )
    secrets_ignore: tuple[Glob, ...] = Field(
        (), description="Files in which nothing is taken for a credential, as lines of .gitignore."
    )
    hooks: Literal["skip", "run"] = Field(
        "skip", description="The repository's own commit hooks; run needs trusted: true and uses a scratch worktree."
    )
    sign: Literal["inherit", "never"] = Field("inherit", description="Sign commits as git's settings say, or never.")


class Retry(Section):
    initial: Duration = Field(5.0, gt=0, le=86400, description="How long to wait after the first failure.")
    max: Duration = Field(240.0, gt=0, le=86400, description="The longest wait; each is twice the one before.")
    attempts: int = Field(0, ge=0, le=1_000_000, description="How often to try; 0: until it works.")

    @model_validator(mode="after")
    def _waits_grow(self) -> Self:
        if self.initial > self.max:
            raise fault(f"initial is longer than max (at most {write_duration(self.max)} here)", ("initial", "max"))
        return self


class Defaults(Section):
    branch: Branch | None = Field(
        None, description="The tracked branch; null: the one checked out when the repository is first seen."
    )
    pull: Pull = Field(default_factory=Pull, description="When the remote is asked for changes.")
    timeouts: Timeouts = Field(default_factory=Timeouts, description="How long a remote may take.")
    watch: Watch = Field(default_factory=Watch, description="How edits are noticed.")
    tasks: Tasks = Field(default_factory=Tasks, description="What travels as a whole.")
    pushback: Pushback = Field(default_factory=Pushback, description="How local changes reach the remote.")
    retry: Retry = Field(default_factory=Retry, description="When a failed sync is tried again.")
    keep_operations: Duration = Field(
        2_592_000.0,
        ge=86400,
        le=LONGEST,
        description="How long what was done can be shown and undone, and what was read and replaced is kept at least. "
        "The newest 50 operations stay, however old.",
    )
    trusted: bool = Field(
        False, description="Whether the repository's own hooks may run, and its filters other than git-lfs."
    )


class CredentialAuth(Section):
    type: Literal["credential"] = Field("credential", description="A secret that the vault keeps.")
    credential: Name = Field(description="Its name in the vault.")


class GitTokenAuth(Section):
    type: Literal["git_token"] = Field(description="An access token, over https.")
    token: SecretStr = Field(min_length=1, description="The token; better ${VAR}, or in the vault.")
    username: Filled = Field("git", description="The user name sent with it; most forges take any.")


class BasicAuth(Section):
    type: Literal["basic"] = Field(description="A user name and a password, over https.")
    username: Filled = Field(description="The user name.")
    password: SecretStr = Field(min_length=1, description="The password; better ${VAR}, or in the vault.")


class SshKeyAuth(Section):
    type: Literal["ssh_key"] = Field(description="A private key, over ssh.")
    path: UserPath = Field(description="The private key's file.")
    passphrase: SecretStr | None = Field(None, description="What unlocks it, where it is encrypted.")


class GithubAppAuth(Section):
    type: Literal["github_app"] = Field(description="An installation of a GitHub App, over https.")
    app_id: Filled = Field(description="The App's id.")
    installation_id: Filled | None = Field(None, description="The installation's id; null: the repository's own.")
    private_key: UserPath = Field(description="The file of the App's private key (PEM).")
    api_url: WebUrl = Field("https://api.github.com", description="The forge's API, for GitHub Enterprise.")


def _tagged(plain: str | None, mark: str | None = None) -> Callable[[Any], str | None]:
    """Return a discriminator by `type`; without one, a value with the key `mark` is a `plain`."""

    def tag(value: object) -> str | None:
        if isinstance(value, dict):
            written = value.get("type", plain if mark in value else None)
            return written if isinstance(written, str) else None
        return getattr(value, "type", None)

    return tag


Auth = Annotated[
    Annotated[CredentialAuth, Tag("credential")]
    | Annotated[GitTokenAuth, Tag("git_token")]
    | Annotated[BasicAuth, Tag("basic")]
    | Annotated[SshKeyAuth, Tag("ssh_key")]
    | Annotated[GithubAppAuth, Tag("github_app")],
    Discriminator(_tagged("credential", "credential")),
]

Event = Literal["conflict", "approval", "credential", "failing", "settings"]
_EVENTS: tuple[Event, ...] = ("conflict", "approval", "credential", "failing", "settings")


class DesktopNotification(Section):
    type: Literal["desktop"] = Field(description="A notice on the user's desktop.")
    events: tuple[Event, ...] = Field(_EVENTS, min_length=1, description="What is told.")


class WebhookNotification(Section):
    type: Literal["webhook"] = Field(description="A POST to an address.")
    url: WebUrl = Field(repr=False, description="The address.")
    secret: WebhookSecret | None = Field(
        None,
        description="What requests are signed with (Standard Webhooks); better ${VAR}. Neither this nor "
        "credential: they are not signed.",
    )
    credential: Name | None = Field(None, description="Instead of secret: the token in the vault that is the secret.")
    events: tuple[Event, ...] = Field(_EVENTS, min_length=1, description="What is told.")

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        if self.secret is not None and self.credential is not None:
            raise fault("secret and credential are both given (one of them)", ("credential",))
        return self


Notification = Annotated[
    Annotated[DesktopNotification, Tag("desktop")] | Annotated[WebhookNotification, Tag("webhook")],
    Discriminator(_tagged(None)),
]


class Repository(Defaults):
    """A repository as it is in force: every key its entry does not write is the one of `defaults`."""

    model_config = ConfigDict(
        json_schema_extra={"anyOf": [{"required": ["path"]}, {"required": ["url"]}]},
    )

    name: Name = Field(description="What it is called here; absent: the last part of the path or url.")
    path: UserPath = Field(
        description="The working tree, cloned from url when missing and never seen before; absent: a directory of "
        "that name in $XDG_DATA_HOME/gitferry."
    )
    url: Remote | None = Field(None, repr=False, description="The remote; absent: the one git knows.")
    auth: Auth | None = Field(None, description="How to sign in; absent: as git does by itself.")

    @model_validator(mode="after")
    def _hooks_are_trusted(self) -> Self:
        if self.pushback.hooks == "run" and not self.trusted:
            raise fault("hooks: run without trusted: true (skip, or trusted: true)", ("pushback", "hooks"))
        return self


class Settings(Section):
    """Everything a settings file says."""

    version: int = Field(1, ge=1, le=1, description="The version of this form.")
    daemon: Daemon = Field(default_factory=Daemon, description="The running process.")
    database: Database = Field(default_factory=Database, description="The index of what is known.")
    defaults: Defaults = Field(default_factory=Defaults, description="What every repository inherits.")
    repositories: tuple[Repository, ...] = Field(
        (), description="The working trees. Any key of defaults can be written here too, for one repository."
    )
    notifications: tuple[Notification, ...] = Field((), description="Who is told of what needs a person.")
