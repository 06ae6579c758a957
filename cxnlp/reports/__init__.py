"""What people open: HTML pages and an Excel workbook."""

from cxnlp.reports.pages import write_site
from cxnlp.reports.report import Department, Report, StatusCount
from cxnlp.reports.workbook import write_workbook

__all__ = ["Department", "Report", "StatusCount", "write_site", "write_workbook"]
