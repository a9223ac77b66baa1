"""What can go wrong with the vault as a whole, in words that say what to do."""

from __future__ import annotations

from pathlib import Path

from gitferry.config.errors import GitferryError


class NoVault(GitferryError):
    """There is no vault yet."""

    def __init__(self) -> None:
        super().__init__("there is no vault here", "`gitferry vault init` makes one")


class VaultExists(GitferryError):
    """There is a vault already."""

    def __init__(self, source: str) -> None:
        super().__init__(
            f"there is a vault already, with its key from {source}",
            "`gitferry vault rekey --key-source …` gives it a key from another place; its credentials stay",
        )


class VaultLocked(GitferryError):
    """Its key comes from a passphrase that nobody gave yet."""

    def __init__(self) -> None:
        super().__init__("the vault is locked: it waits for its passphrase", "`gitferry vault unlock`")


class WrongKey(GitferryError):
    """The passphrase, or the key that its place gave, is not this vault's."""


class DamagedVault(GitferryError):
    """What is kept of the vault's own key is not what was written."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"the record of the vault's own key is damaged: {why}",
            "no credential can be opened and none was changed: bring the database back from a backup, or move it "
            "aside, `gitferry vault init`, and `gitferry vault import` an export",
        )


class VaultBusy(GitferryError):
    """Another process changes the vault."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"another process is changing the vault ({path})", f"wait for it, or see who it is: `fuser {path}`"
        )
