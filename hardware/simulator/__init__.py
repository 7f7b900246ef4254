"""A GSM modem that real programs accept: AT interpreter, SIM, network, behind a pseudo-terminal.

The simulator and the driver speak through bytes only; neither imports the other.
"""
