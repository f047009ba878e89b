"""Rows in, answers out: the row processor and the connectors to payers' APIs."""

from bulkclaims.lookup.availity import AvailityConnector
from bulkclaims.lookup.availity_request import AvailitySettings
from bulkclaims.lookup.breaker import BreakerPolicy
from bulkclaims.lookup.declarative import HttpConnector
from bulkclaims.lookup.kept import Kept
from bulkclaims.lookup.kept_answers import KeptAnswers
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.optum_real import OptumRealConnector, OptumRealSettings
from bulkclaims.lookup.processor import LookupProcessor
from bulkclaims.lookup.retrying import RetryPolicy
from bulkclaims.lookup.routing import PayerRouter
from bulkclaims.lookup.shared_access import SharedAccess
from bulkclaims.lookup.status_codes import CATEGORY_LABELS, CATEGORY_STATUS, NEXT_ACTIONS, WORD_STATUS, StatusTable
from bulkclaims.lookup.stedi import StediConnector
from bulkclaims.lookup.stedi_request import StediSettings
from bulkclaims.lookup.stedi_x12 import X12Route
from bulkclaims.lookup.transport import make_client
from bulkclaims.lookup.uhc import UhcConnector, UhcSettings

__all__ = [
    "CATEGORY_LABELS",
    "CATEGORY_STATUS",
    "NEXT_ACTIONS",
    "WORD_STATUS",
    "AvailityConnector",
    "AvailitySettings",
    "BreakerPolicy",
    "HttpConnector",
    "Kept",
    "KeptAnswers",
    "LookupProcessor",
    "MatchRules",
    "OptumRealConnector",
    "OptumRealSettings",
    "PayerRouter",
    "RetryPolicy",
    "SharedAccess",
    "StatusTable",
    "StediConnector",
    "StediSettings",
    "UhcConnector",
    "UhcSettings",
    "X12Route",
    "make_client",
]
