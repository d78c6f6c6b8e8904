"""The two expectations that rules are made of: Great Expectations' own, each written down once.

It asks an expectation for its configuration fifty times a validation, and writes it anew each time.
Importing this module imports Great Expectations, which takes seconds.
"""

from great_expectations.expectations import core as gxe
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from pydantic.v1 import PrivateAttr


class ExpectValuesBetween(gxe.ExpectColumnValuesToBeBetween):
    """Values are between two bounds, these included."""

    _told: ExpectationConfiguration | None = PrivateAttr(default=None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        """Return how this expectation is written down; it never changes once it is made."""
        if self._told is None:
            self._told = super().configuration
        return self._told


class ExpectValuesInSet(gxe.ExpectColumnValuesToBeInSet):
    """Values are among those of a set."""

    _told: ExpectationConfiguration | None = PrivateAttr(default=None)

    @property
    def configuration(self) -> ExpectationConfiguration:
        """Return how this expectation is written down; it never changes once it is made."""
        if self._told is None:
            self._told = super().configuration
        return self._told
