"""What holds secrets and is open to others is refused, with the command that closes it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gitferry.security.modes import OpenToOthers, require_private


@pytest.mark.parametrize("mode", [0o750, 0o701, 0o777])
def test_a_directory_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(mode)
    with pytest.raises(OpenToOthers) as refused:
        require_private([tmp_path])
    tmp_path.chmod(0o700)
    require_private([tmp_path])
    assert f"chmod 700 {tmp_path}" in refused.value.hint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_file_open_to_others_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "gitferry.db"
    file.touch()
    file.chmod(mode)
    with pytest.raises(OpenToOthers) as refused:
        require_private([tmp_path / "missing", file, file / "below a file"])
    file.chmod(0o600)
    require_private([file])
    assert f"chmod 600 {file}" in refused.value.hint
