"""`gitferry completion`: the script that teaches a shell the verbs and the names of repositories and tasks."""

from __future__ import annotations

import click

from gitferry.daemon.cli.verb import Verb


@click.command(cls=Verb, takes_json=False)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the completion script for a SHELL.

    \b
    bash:  eval "$(gitferry completion bash)"    in ~/.bashrc
    zsh:   eval "$(gitferry completion zsh)"     in ~/.zshrc, after compinit
    fish:  gitferry completion fish > ~/.config/fish/completions/gitferry.fish
    """
    from click.shell_completion import get_completion_class

    from gitferry.daemon.cli.main import cli

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"{shell} cannot be completed")
    click.echo(found(cli, {}, "gitferry", "_GITFERRY_COMPLETE").source())
