"""What stands between a job's calls and the exchange, wired as jobs get it."""

import pytest

from kalshi_assets.defs.resources import Platform
from kalshi_assets.errors import BreakerOpen, ServerError
from kalshi_assets_tests.execution.faults import OnOperation, answering
from kalshi_assets_tests.stand import Stand


def test_every_call_of_a_job_stands_in_the_call_log(stand: Stand) -> None:
    with Platform().client() as client:
        client.balance()
    calls = stand.rows("SELECT method, path, status, error, cost, host FROM kalshi.api_calls")
    asked = [(call["path"], call["status"]) for call in calls]
    # Another process of this machine may have looked the account's limits up within the hour.
    looked_up = [("/account/limits", 200), ("/account/endpoint_costs", 200)]
    assert asked in ([("/portfolio/balance", 200)], [*looked_up, ("/portfolio/balance", 200)])
    assert {(c["method"], c["error"], c["cost"]) for c in calls} == {("GET", "", 10)}
    assert {c["host"] for c in calls} == {stand.settings.api_host}


def test_what_opened_the_breaker_in_one_job_stops_the_next(stand: Stand) -> None:
    stand.faults.fault = OnOperation("GetBalance", answering(500))
    with Platform().client() as client:
        for _ in range(3):
            with pytest.raises(ServerError):
                client.balance()
    stand.faults.fault = None
    with Platform().client() as client, pytest.raises(BreakerOpen, match="3 failures in a row"):
        client.positions()
    states = stand.rows("SELECT to_state, host FROM kalshi.breaker_transitions")
    assert [(row["to_state"], row["host"]) for row in states] == [("open", stand.settings.api_host)]
    assert [row["error"] for row in stand.rows("SELECT error FROM kalshi.api_calls")][-3:] == [
        "ServerError"
    ] * 3


def test_the_steps_of_a_run_share_one_desk_which_ends_with_the_run(stand: Stand) -> None:
    platform = Platform()
    with platform.desk("a run") as first:
        first.venue.balance()
    with platform.desk("a run") as second, platform.desk("another run") as other:
        assert second is first
        assert (other.run_id, second.run_id) == ("another run", "a run")
        second.venue.positions()
    platform.close()
    told = {row["path"] for row in stand.rows("SELECT path FROM kalshi.api_calls")}
    assert {"/portfolio/balance", "/portfolio/positions"} <= told, "the log is whole at the end"
    with pytest.raises(RuntimeError, match="client has been closed"):
        first.venue.balance()
    with platform.desk("a run") as anew:
        assert anew is not first
        anew.venue.balance()
    platform.close()


def test_a_step_that_fails_leaves_the_desk_to_the_next_one(stand: Stand) -> None:
    platform = Platform()
    with pytest.raises(ZeroDivisionError), platform.desk("a run"):
        raise ZeroDivisionError
    with platform.desk("a run") as desk:
        desk.venue.balance()
    platform.close()
