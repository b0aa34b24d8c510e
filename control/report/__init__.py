"""Reports of runs: what they were made with and what they say, as tables, and as one page for a browser."""

from control.report.facts import (
    analyses_table,
    environment_table,
    messages_table,
    parameters_table,
    readings_table,
    results_table,
    run_table,
)
from control.report.page import report_html, write_report

__all__ = [
    "analyses_table",
    "environment_table",
    "messages_table",
    "parameters_table",
    "readings_table",
    "report_html",
    "results_table",
    "run_table",
    "write_report",
]
