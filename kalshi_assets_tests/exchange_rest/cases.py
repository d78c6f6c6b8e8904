"""The register of cases: one a public method of the client, by the method's name."""

from collections.abc import Callable

from kalshi_assets_tests.exchange_rest.world import World

Case = Callable[[World], None]


def register(cases: dict[str, Case]) -> Callable[[Case], Case]:
    """Return a decorator that enters a case under its own name."""

    def enter(case: Case) -> Case:
        assert case.__name__ not in cases
        cases[case.__name__] = case
        return case

    return enter
