"""What a file's rows come to before anything is asked: its problems found, grouped and told."""

from bulkclaims.checking.earlier import earlier_of, last_alike
from bulkclaims.checking.findings import ErrorLog, Findings
from bulkclaims.checking.report import CheckReport, report_csv

__all__ = ["CheckReport", "ErrorLog", "Findings", "earlier_of", "last_alike", "report_csv"]

CheckReport.__module__ = report_csv.__module__ = __name__
