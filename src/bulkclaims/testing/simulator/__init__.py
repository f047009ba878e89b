"""
A payer to try things with: a real HTTP server on loopback that speaks the dialect of one of several payer APIs.

How it answers depends on the end of the claim number alone (`scenarios.SCENARIOS`), so that the same file always comes
to the same results. It is strict: a request that the real API would refuse is refused. All it says is made up.
"""

from bulkclaims.testing.simulator.scenarios import SCENARIOS
from bulkclaims.testing.simulator.server import PayerSimulator, serve
from bulkclaims.testing.simulator.settings import DIALECTS, SimulatorSettings

__all__ = ["DIALECTS", "SCENARIOS", "PayerSimulator", "SimulatorSettings", "serve"]
