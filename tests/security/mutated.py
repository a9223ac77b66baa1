"""Ten thousand changed records of a vault, each of which must be noticed: `python -m gitferry.tests.security.mutated`.

One record of a real database is changed at random (a bit, a cut, another type, another record's value, a column of the
key's record), every verb is run, and the record is put back. A change that no verb notices, or that any other exception
than a GitferryError tells, ends the run with its seed.
"""

from __future__ import annotations

import argparse
import random
import sqlite3
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from gitferry.config.errors import GitferryError
from gitferry.security.credential import DamagedCredential, NoSuchCredential
from gitferry.security.vault import Vault
from gitferry.tests.security.vaults import NOON, Place, given

SECRETS = {"one": b"canary-1", "two": b"canary-2", "three": b"canary-3"}
#: `last_used` is noted without the key, so that only what is no time can be noticed in it.
COLUMNS = ("id", "name", "kind", "username", "version", "created", "rotated", "expires", "key_id", "wrapped", "sealed")
KEY_COLUMNS = ("id", "state", "source", "parameters", "created", "proof")
_REQUIRED = frozenset(COLUMNS) - {"username", "expires"}


def build(root: Path) -> Place:
    """Return a state directory with a vault of three credentials."""
    place = Place(root)
    vault = place.vault()
    vault.init("keyfile")
    for name, secret in SECRETS.items():
        vault.add(given(name, "basic", f"user-{name}", NOON), secret)
    return place


def run(place: Place, count: int, seed: int) -> int:
    """Make so many changes and return how many there were. Raises AssertionError with the change that got through."""
    chance = random.Random(seed)
    vault = place.vault()
    with closing(sqlite3.connect(place.database, isolation_level=None)) as connection:
        tables = {table: _rows(connection, table) for table in ("credentials", "vault_keys")}
        done = 0
        while done < count:
            table = "credentials" if chance.random() < 0.85 else "vault_keys"
            row = chance.choice(tables[table])
            column = chance.choice(COLUMNS if table == "credentials" else KEY_COLUMNS)
            value = _changed(chance, row[column], [each[column] for each in tables[table]])
            if _same(value, row[column]) or (value is None and column in _REQUIRED | set(KEY_COLUMNS)):
                continue
            statement = f"UPDATE {table} SET {column} = ? WHERE rowid = ?"
            try:
                connection.execute(statement, (value, row["at"]))
            except sqlite3.IntegrityError:  # two of one name or id: the database itself noticed
                continue
            what = f"{table}.{column} of row {row['at']}: {row[column]!r} became {value!r} (change {done}, seed {seed})"
            (_credential if table == "credentials" else _key)(vault, row, what)
            connection.execute(statement, (row[column], row["at"]))
            done += 1
            vault.lock()
    assert {name: vault.login(name).secret for name in SECRETS} == SECRETS
    return done


def _credential(vault: Vault, row: dict[str, Any], what: str) -> None:
    """One record is named, and the others open."""
    name = row["name"]
    assert _told(lambda: vault.login(name), what, DamagedCredential, NoSuchCredential), what
    others = {each: vault.login(each).secret for each in SECRETS if each != name}
    assert others == {each: SECRETS[each] for each in others}, what
    assert sum(each.fault is not None for each in vault.credentials()) == 1, what
    assert len(vault.everything()[0]) == 2, what
    assert _told(lambda: vault.rekey("keyfile"), what, DamagedCredential), what


def _key(vault: Vault, row: dict[str, Any], what: str) -> None:
    """Nothing opens, and nothing that would be sealed under a key that is not the vault's is taken."""
    for act in (lambda: vault.login("one"), lambda: vault.add(given("four"), b"new"), lambda: vault.rekey("keyfile")):
        vault.lock()
        assert _told(act, what), what
    assert _told(vault.credentials, what) or vault.status().locked, what


def _told(act: Callable[[], object], what: str, *kinds: type[GitferryError]) -> bool:
    expected = kinds or (GitferryError,)
    try:
        act()
    except expected as error:
        assert "canary" not in str(error), what
        return True
    except Exception as error:
        raise AssertionError(f"{what}: {type(error).__name__}: {error}") from error
    return False


def _changed(chance: random.Random, value: Any, column: list[Any]) -> Any:
    data = value if isinstance(value, bytes) else str(value).encode()
    at = chance.randrange(len(data) or 1)
    ways: tuple[Callable[[], Any], ...] = (
        lambda: data[:at] + bytes([data[at] ^ (1 << chance.randrange(8))]) + data[at + 1 :] if data else b"x",
        lambda: data[:at],
        lambda: data[at:],
        lambda: data + chance.randbytes(chance.randrange(1, 20)),
        lambda: chance.randbytes(len(data)),
        lambda: data[:at] + chance.randbytes(1) + data[at:],
        lambda: chance.choice(column),
        lambda: chance.choice((None, "", b"", 0, -1, 1 << 62, 1.5, "x", "\ud7ff", "a\0b")),
    )
    found = chance.choice(ways)()
    if isinstance(value, str) and isinstance(found, bytes) and chance.random() < 0.7:
        return found.decode("latin-1")
    return found


def _same(one: Any, other: Any) -> bool:
    """Whether two values are the same bytes: SQLite may keep text as a blob, and reads it the same."""
    if one is None or other is None:
        return one is other
    forms = [each if isinstance(each, bytes) else str(each).encode("utf-8", "surrogatepass") for each in (one, other)]
    return forms[0] == forms[1]


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    connection.row_factory = sqlite3.Row
    return [dict(row) for row in connection.execute(f"SELECT rowid AS at, * FROM {table}")]


def main(arguments: list[str]) -> int:
    """Run and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args(arguments)
    seed = random.SystemRandom().randrange(1 << 32) if options.seed is None else options.seed
    with tempfile.TemporaryDirectory(prefix="gitferry-mutated-") as directory:
        place = build(Path(directory) / "state")
        try:
            done = run(place, options.count, seed)
        except AssertionError as error:
            print(f"{error}\nfound with seed {seed}", file=sys.stderr)
            return 1
        finally:
            place.close()
    print(f"{done} changes, every one noticed (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
