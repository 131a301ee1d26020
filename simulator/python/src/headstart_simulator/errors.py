"""What can go wrong between the client and the simulator."""


class SimulatorError(RuntimeError):
    """The simulator cannot be started, ended unexpectedly, or does not speak the protocol.

    The message says what happened, shows the end of the simulator's stderr where there is one, and what to do.
    """
