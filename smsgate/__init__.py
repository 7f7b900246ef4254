"""The gateway: keeps what citizens send by SMS, forwards it, answers."""

__version__ = "0.1.0"
