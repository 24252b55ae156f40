"""Run the checks as a Great Expectations checkpoint on the summary table, and build its Data Docs."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from tasks.validate.checks import Check, Outcome, Row

SITE = "report"


def judge(
    rows: Sequence[Row], checks: Sequence[Check], name: str, docs: Path
) -> tuple[list[Outcome], dict[str, Any]]:
    """The outcome of each check, and Great Expectations' own result. `docs` becomes the Data Docs site."""
    os.environ["GX_ANALYTICS_ENABLED"] = "False"  # read at import
    # Otherwise it writes 200 lines about its own inner workings.
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    import great_expectations as gx
    from great_expectations.checkpoint import UpdateDataDocsAction
    from great_expectations.core.run_identifier import RunIdentifier

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    context.delete_data_docs_site("local_site")
    context.add_data_docs_site(SITE, site_below(docs))
    suite = context.suites.add(
        gx.ExpectationSuite(name, expectations=[expectation(check) for check in checks])
    )
    asset = context.data_sources.add_pandas("summary").add_dataframe_asset(name)
    validation = context.validation_definitions.add(
        gx.ValidationDefinition(
            name=name, data=asset.add_batch_definition_whole_dataframe("all"), suite=suite
        )
    )
    checkpoint = context.checkpoints.add(
        gx.Checkpoint(
            name=name,
            validation_definitions=[validation],
            actions=[UpdateDataDocsAction(name="docs", site_names=[SITE])],
            result_format={"result_format": "COMPLETE"},
        )
    )
    # Without a run name the pages' paths contain `__none__`.
    result = checkpoint.run({"dataframe": pd.DataFrame(rows)}, run_id=RunIdentifier(run_name=name))
    for animation in (docs / "static" / "images").glob("*.gif"):
        animation.unlink()  # 3.4 MB of its own introduction, which these pages do not show
    (validated,) = result.run_results.values()
    passed = {entry.expectation_config.meta["check"]: bool(entry.success) for entry in validated.results}
    outcomes = [Outcome(check, passed[check.name], check.found(rows)) for check in checks]
    return outcomes, validated.to_json_dict()


def expectation(check: Check) -> Any:
    """The check as an expectation."""
    import great_expectations.expectations as gxe

    about = {
        "meta": {"check": check.name},
        "notes": f"{check.title}: {check.expected}",
        "column": check.column,
    }
    if check.all_of:
        return gxe.ExpectColumnDistinctValuesToEqualSet(value_set=list(check.all_of), **about)
    if check.among:
        return gxe.ExpectColumnValuesToBeInSet(value_set=list(check.among), **about)
    return gxe.ExpectColumnValuesToBeBetween(min_value=check.low, max_value=check.high, **about)


def site_below(docs: Path) -> dict[str, Any]:
    """A Data Docs site in a folder."""
    return {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
