"""Which report a procedure has; a new procedure with figures adds its module and a line here."""

from __future__ import annotations

from labctl.report.any_run import RunReport
from labctl.report.checkerboard import CheckerboardReport
from labctl.report.compliance import ComplianceReport
from labctl.report.conditions import ConditionsReport
from labctl.report.contact import ContactReport
from labctl.report.differential import DifferentialReport
from labctl.report.disturb import DisturbReport
from labctl.report.endurance import EnduranceReport
from labctl.report.energy import EnergyReport
from labctl.report.forming import FormingReport
from labctl.report.iv import IVReport
from labctl.report.program import ProgramReport
from labctl.report.read import ReadReport
from labctl.report.retention import RetentionReport
from labctl.report.sense import SenseReport
from labctl.report.weights import WeightsReport
from labctl.store.folder import RunFolder

REPORTS: dict[str, type[RunReport]] = {
    "checkerboard": CheckerboardReport,
    "forming": FormingReport,
    "compliance": ComplianceReport,
    "contact": ContactReport,
    "conditions": ConditionsReport,
    "sense": SenseReport,
    "energy": EnergyReport,
    "retention": RetentionReport,
    "disturb": DisturbReport,
    "iv": IVReport,
    "program": ProgramReport,
    "read": ReadReport,
    "weights": WeightsReport,
    "endurance": EnduranceReport,
    "differential": DifferentialReport,
}


def report_kind(procedure: str) -> type[RunReport]:
    """The report class of a procedure by its name."""
    return REPORTS.get(procedure, RunReport)


def report_of(run: RunFolder) -> RunReport:
    """The report of a stored run."""
    return report_kind(run.record["procedure"])(run)
