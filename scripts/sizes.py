"""Find functions over 60 lines, files over 500 and more than 5 parameters; exit 1 if any."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 500
PARAMETERS_MAX = 5
# what may be larger, and why
EXCEPTIONS = {
    "smsgate/store/store.py receive": "what arrived, where, and how it is decided",
    "smsgate/drain.py receive": "the store's method, as this room needs it",
    "hardware/engine.py write": "its parameters are those of the package's method it overrides",
}
EXEMPT_FOLDERS = ("smsgate/store/migrations/",)  # written once, by a tool, and never changed


def find_oversized(path: Path) -> Iterator[str]:
    """Yield one sentence for each thing in this file that is larger than style allows."""
    text = path.read_text(encoding="utf-8")
    line_count = text.count("\n")
    if line_count > FILE_LINES_MAX:
        yield f"{path}: {line_count} lines; {FILE_LINES_MAX} at most"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _judge_function(path, node)


def _judge_function(path: Path, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    if f"{path} {node.name}" in EXCEPTIONS:
        return
    where = f"{path}:{node.lineno} {node.name}"
    line_count = (node.end_lineno or node.lineno) - node.lineno + 1
    if line_count > FUNCTION_LINES_MAX:
        yield f"{where}: {line_count} lines; {FUNCTION_LINES_MAX} at most"
    if path.parts[0] in ("tests", "scripts") or "cli" in path.parts:
        return  # fixtures and command-line options are parameters by design of pytest and typer
    arguments = node.args
    names = [a.arg for a in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
    own = [name for name in names if name not in ("self", "cls")]
    if len(own) > PARAMETERS_MAX and node.name != "__init__":
        yield f"{where}: {len(own)} parameters; {PARAMETERS_MAX} at most"


def main() -> int:
    """Judge every Python file that git knows; return the exit code."""
    listing = subprocess.run(
        ["git", "ls-files", "*.py"], capture_output=True, text=True, check=True
    ).stdout.split()
    paths = [Path(name) for name in listing if not name.startswith(EXEMPT_FOLDERS)]
    found = [line for path in paths if path.exists() for line in find_oversized(path)]
    print("\n".join(found) or f"{len(listing)} files within their sizes")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
