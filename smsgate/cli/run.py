"""`smsgate run`: the daemon, in the foreground."""

from __future__ import annotations

from pathlib import Path


def run(config: Path) -> int:
    """Run the gateway until SIGTERM; return its exit code. Raises SmsgateError when it cannot start."""
    from smsgate import logs
    from smsgate.config import load
    from smsgate.daemon import Daemon

    settings = load(config)
    logs.configure(level=settings.logs.level, format=settings.logs.format)
    return Daemon(settings, config).run()
