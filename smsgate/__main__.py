"""`python -m smsgate`: the same as the command `smsgate`."""

from __future__ import annotations

from smsgate.launch import main

if __name__ == "__main__":
    main()
