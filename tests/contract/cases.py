"""All cases, in the order in which a run takes them: what makes nothing first, the deletion last."""

from __future__ import annotations

from tests.contract import cases_calling, cases_deleting, cases_errors, cases_files, cases_models

CASES = [
    *cases_errors.CASES,
    *cases_models.CASES,
    *cases_calling.CASES,
    *cases_files.CASES,
    *cases_deleting.CASES,
]
