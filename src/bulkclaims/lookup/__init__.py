"""Rows in, answers out: the row processor and the connectors to payers' APIs."""

from bulkclaims.lookup.kept import Kept
from bulkclaims.lookup.kept_answers import KeptAnswers
from bulkclaims.lookup.matching import MatchRules
from bulkclaims.lookup.pace.breaker import BreakerPolicy
from bulkclaims.lookup.pace.retrying import RetryPolicy
from bulkclaims.lookup.payers.availity import AvailityConnector
from bulkclaims.lookup.payers.availity_request import AvailitySettings
from bulkclaims.lookup.payers.declarative import HttpConnector
from bulkclaims.lookup.payers.optum_real import OptumRealConnector, OptumRealSettings
from bulkclaims.lookup.payers.stedi import StediConnector
from bulkclaims.lookup.payers.stedi_request import StediSettings
from bulkclaims.lookup.payers.stedi_x12 import X12Route
from bulkclaims.lookup.payers.uhc import UhcConnector, UhcSettings
from bulkclaims.lookup.processor import LookupProcessor
from bulkclaims.lookup.routing import PayerRouter
from bulkclaims.lookup.status_codes import CATEGORY_LABELS, CATEGORY_STATUS, NEXT_ACTIONS, WORD_STATUS, StatusTable
from bulkclaims.lookup.wire.shared_access import SharedAccess
from bulkclaims.lookup.wire.transport import make_client

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
