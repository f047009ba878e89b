"""What a file needs before its rows can be asked, and what asking takes: pure arithmetic over rows."""

from bulkclaims.planning.needs import Needs, PayersOf
from bulkclaims.planning.plan import HEADROOM, Planner

__all__ = ["HEADROOM", "Needs", "PayersOf", "Planner"]
