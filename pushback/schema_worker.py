"""The process in which schemas are applied: it may hang or burst without hurting anyone.

It reads one JSON object a line from standard input and answers each with one or more on standard output. Started and
ended by `schema_process`; it ends by itself when its input does.
"""

from __future__ import annotations

import base64
import json
import resource
import signal
import sys
from dataclasses import asdict
from typing import Any

#: Seconds of computing that one check may take, whatever else the machine does: setitimer(2), ITIMER_PROF. The signal
#: ends the process.
SECONDS = 3.0
_MEMORY = 1 << 30  # bytes of address space
_RECURSION = 3000  # calls; a level of a schema takes some ten of them, and the stack of 8 MiB holds more


def main() -> None:
    """Answer until there are no more questions."""
    most = resource.getrlimit(resource.RLIMIT_AS)[1]
    memory = _MEMORY if most == resource.RLIM_INFINITY else min(_MEMORY, most)
    resource.setrlimit(resource.RLIMIT_AS, (memory, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    sys.setrecursionlimit(_RECURSION)
    from gitferry.pushback.schema_check import Checker  # after the limits

    asker, checker = None, Checker(_fetch)
    for line in sys.stdin:
        question = json.loads(line)
        if question["asker"] != asker:  # whose files are others
            asker, checker = question["asker"], Checker(_fetch)
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        answer = _answer(checker, question)
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say(answer)


def _answer(checker: Any, question: dict[str, str]) -> dict[str, object]:
    path, data = question["path"], base64.b64decode(question["data"])
    try:
        if "schema" in question:
            findings = checker.manifest(path, data, question["schema"], question["version"])
        else:
            findings = checker.schema(path, data)
    except (RecursionError, MemoryError) as error:
        return {
            "failed": "it is nested too deeply" if isinstance(error, RecursionError) else "it takes too much memory"
        }
    except Exception as error:  # whatever a strange schema makes of jsonschema's code: here is its edge
        # Not in its own words, which may repeat what the manifest holds.
        return {"failed": f"its schema has no meaning there ({type(error).__name__})"}
    return {"findings": [asdict(finding) for finding in findings]}


def _fetch(path: str) -> bytes | None:
    """Return a file of the repository, which the other side of the pipe knows."""
    _say({"fetch": path})
    data = json.loads(sys.stdin.readline())["data"]
    return None if data is None else base64.b64decode(data)


def _say(words: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
