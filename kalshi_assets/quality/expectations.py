"""The expectations that rules are made of: Great Expectations' own, each worked out only once.

It asks an expectation for its configuration fifty times a validation, and writes it anew each time;
and for the measures it rests on, which it works out anew. Neither changes once one is made.
Importing this module imports Great Expectations, which takes seconds.
"""

from typing import Any

from great_expectations.execution_engine import ExecutionEngine
from great_expectations.expectations import core as gxe
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.validator.validator import ValidationDependencies
from pydantic.v1 import PrivateAttr


class WorkedOutOnce(Expectation):
    """An expectation that remembers how it is written down, and what it rests on."""

    _told: ExpectationConfiguration | None = PrivateAttr(default=None)
    _rests_on: dict[str, ValidationDependencies] = PrivateAttr(default_factory=dict)

    @property
    def configuration(self) -> ExpectationConfiguration:
        """Return how this expectation is written down."""
        if self._told is None:
            self._told = super().configuration
        return self._told

    def get_validation_dependencies(
        self,
        execution_engine: ExecutionEngine[Any] | None = None,
        runtime_configuration: dict[str, Any] | None = None,
        **kwargs: dict[str, Any],
    ) -> ValidationDependencies:
        """Return the measures it rests on, of frames, for what a run wants to be told."""
        wanted = str((runtime_configuration or {}).get("result_format"))
        if wanted not in self._rests_on:
            self._rests_on[wanted] = super().get_validation_dependencies(
                execution_engine, runtime_configuration, **kwargs
            )
        return self._rests_on[wanted]


class ExpectRows(WorkedOutOnce, gxe.ExpectTableRowCountToBeBetween):
    """There are so many rows."""


class ExpectValuesBetween(WorkedOutOnce, gxe.ExpectColumnValuesToBeBetween):
    """Values are between two bounds, these included."""


class ExpectValuesInSet(WorkedOutOnce, gxe.ExpectColumnValuesToBeInSet):
    """Values are among those of a set."""
