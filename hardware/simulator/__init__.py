"""A GSM modem that real programs accept: AT interpreter, SIM, network, behind a pseudo-terminal.

The simulator and the driver speak through bytes only; neither imports the other.
"""

from .codec import Shape
from .modem import SimulatedModem
from .network import Network, Received, Subscriber
from .pty import PtyServer

__all__ = ["Network", "PtyServer", "Received", "Shape", "SimulatedModem", "Subscriber"]
