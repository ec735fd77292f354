"""All cases, in the order of a run: first those that create nothing, last the deletion."""

from __future__ import annotations

from tests.contract import cases_calling, cases_deleting, cases_errors, cases_files, cases_models

CASES = [
    *cases_errors.CASES,
    *cases_models.CASES,
    *cases_calling.CASES,
    *cases_files.CASES,
    *cases_deleting.CASES,
]
