"""A round trip's numbers, computed by hand."""

from datetime import timedelta

from kalshi_assets.domain.journal import RoundTrip
from kalshi_assets_tests.review.journal_bench import CENT, MARKET, OPENED, AccountBench

DOLLAR = 100 * CENT


def only(trips: tuple[RoundTrip, ...]) -> RoundTrip:
    (trip,) = trips
    return trip


def test_80_no_contracts_at_32_cents_cost_25_60_and_win_54_40_before_fees() -> None:
    account = AccountBench()
    account.bot("no", "0.32", "80")
    account.settle("no", no="80")
    trip = only(account.journal().trips)
    assert trip.entry_cost_micros == 25_600_000  # 80 x $0.32
    assert trip.proceeds_micros == 80_000_000  # 80 x $1
    assert trip.result_micros == trip.realized_micros == 54_400_000
    assert trip.closings == ("settlement: no",)
    assert (trip.entry_price_micros, trip.exit_price_micros) == (320_000, 1_000_000)


def test_80_no_contracts_at_32_cents_lose_25_60_and_the_fee() -> None:
    account = AccountBench()
    account.bot("no", "0.32", "80", fee="1.2186")
    account.settle("yes", no="80")
    trip = only(account.journal().trips)
    assert trip.result_micros == -26_818_600
    assert trip.exit_price_micros == 0
    assert (trip.entry_fees_micros, trip.exit_fees_micros) == (1_218_600, 0)


def test_edge_and_slippage_are_those_of_the_side_bought() -> None:
    account = AccountBench()
    account.bot("no", "0.32", "80", limit_price=340_000)
    trip = only(account.journal().trips)
    assert trip.mean_micros == 400_000  # NO is worth 1 - 0.60
    assert trip.edge_micros == 80_000  # bought 8 cents below that
    assert trip.mid_micros == 315_000  # 1 - 0.685
    assert trip.slippage_mid_micros == 5_000  # half of a spread of one cent
    assert trip.slippage_limit_micros == -20_000  # two cents better than the limit


def test_attempts_of_one_signal_are_one_trip_averaged_by_what_each_bought() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "10", yes_mid=390_000, limit_price=420_000)
    account.bot("yes", "0.50", "30", yes_mid=480_000, limit_price=500_000)
    account.bot("yes", "0.10", "5", signal="another")
    first, other = account.journal().trips
    assert (first.signal_id, other.signal_id) == ("S", "another")
    assert first.count == 4_000
    assert first.entry_price_micros == 475_000  # (10 x 40 + 30 x 50) / 40
    assert first.mid_micros == 457_500  # (10 x 39 + 30 x 48) / 40
    assert first.limit_micros == 480_000  # (10 x 42 + 30 x 50) / 40
    assert first.entry_order_ids == ("ours-0", "ours-1")


def test_averages_are_rounded_to_the_nearest_micro_and_all_alike() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "1")
    account.bot("yes", "0.41", "2")
    account.bot("yes", "0.0001", "1.99", signal="of half a micro")
    account.bot("yes", "0.0002", "0.01", signal="of half a micro")
    thirds, half = account.journal().trips
    assert thirds.entry_price_micros == 406_667  # 1.22 / 3
    assert half.entry_price_micros == 101  # (1.99 x 100 + 0.01 x 200) / 2 = 100.5
    assert half.slippage_limit_micros == thirds.slippage_limit_micros == 0


def test_an_exit_of_ours_closes_by_buying_the_other_side() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "100", fee="1.68")
    account.bot("no", "0.45", "100", fee="1.7325", leg="exit", exit_reason="take_profit")
    trip = only(account.journal().trips)
    assert trip.exit_price_micros == 550_000  # buying NO at 45 sells YES at 55
    assert trip.proceeds_micros == 55_000_000
    assert trip.result_micros == 15_000_000 - 1_680_000 - 1_732_500
    assert trip.closings == ("exit: take_profit",)
    assert trip.exit_order_ids == ("ours-1",)
    assert trip.holding_seconds == 1
    assert trip.opened_at == OPENED + timedelta(seconds=1)


def test_what_is_partly_sold_by_hand_and_partly_settled_says_both() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "100", fee="1.00")
    hand = account.hand("no", "0.50", "25", fee="0.20")
    account.settle("yes", yes="75")
    trip = only(account.journal().trips)
    assert trip.closings == ("hand", "settlement: yes")
    assert trip.exit_order_ids == (hand,)
    assert trip.proceeds_micros == 12_500_000 + 75_000_000
    assert trip.result_micros == 87_500_000 - 40_000_000 - 1_200_000


def test_an_open_position_is_marked_or_unknown() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "100", fee="1.00")
    account.bot("no", "0.45", "40", leg="exit", exit_reason="stop", fee="0.50")
    marked = only(account.journal(sell_price="0.60").trips)
    assert (marked.closed_at, marked.holding_seconds) == (None, None)
    assert marked.closed_count == 4_000
    assert marked.realized_micros == 40 * 15 * CENT - 400_000 - 500_000  # its share of the fee
    assert marked.open_value_micros == 36_000_000
    assert marked.result_micros == 22_000_000 + 36_000_000 - 40_000_000 - 1_500_000
    unknown = only(account.journal().trips)
    assert unknown.realized_micros == marked.realized_micros
    assert unknown.open_value_micros is None
    assert unknown.result_micros is None


def test_the_oldest_lot_is_closed_first_and_the_rest_of_the_fill_opens_the_other_side() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "10")
    first = account.hand("yes", "0.50", "10")
    flip = account.hand("no", "0.30", "25", fee="0.25")
    bot, manual, flipped = account.journal().trips
    assert (bot.kind, manual.kind, flipped.kind) == ("bot", "manual", "manual")
    assert bot.realized_micros == 10 * 30 * CENT - 100_000  # bought at 40, sold at 70
    assert manual.realized_micros == 10 * 20 * CENT - 100_000
    assert (manual.entry_order_ids, manual.exit_order_ids) == ((first,), (flip,))
    assert (flipped.side, flipped.count, flipped.entry_cost_micros) == ("no", 500, 1_500_000)
    assert (flipped.entry_order_ids, flipped.entry_fees_micros) == ((flip,), 50_000)


def test_an_exit_of_ours_sells_our_share_though_a_hand_bought_before_us() -> None:
    account = AccountBench()
    account.hand("yes", "0.20", "10")
    account.bot("yes", "0.40", "10")
    account.bot("no", "0.50", "10", leg="exit", exit_reason="time_stop")
    manual, bot = account.journal(sell_price="0.50").trips
    assert manual.closed_count == 0
    assert bot.realized_micros == 1_000_000


def test_a_signal_that_buys_against_what_is_held_closes_it() -> None:
    account = AccountBench()
    account.hand("yes", "0.20", "10")
    account.bot("no", "0.40", "10")
    trip = only(account.journal().trips)
    assert (trip.kind, trip.closings) == ("manual", ("entry",))
    assert trip.result_micros == 4_000_000


def test_a_scalar_settlement_is_shared_to_the_last_micro() -> None:
    account = AccountBench()
    account.bot("yes", "0.40", "1")
    account.bot("yes", "0.40", "1", signal="another")
    account.bot("yes", "0.40", "1", signal="a third")
    account.settle("scalar", yes="3", revenue="1.00")
    trips = account.journal().trips
    assert [trip.proceeds_micros for trip in trips] == [333_333, 333_333, 333_334]
    assert {trip.closings for trip in trips} == {("settlement: scalar",)}


def test_what_was_held_at_the_opening_is_a_trip_at_its_stated_cost() -> None:
    account = AccountBench()
    account.held = {MARKET: (-1_000, 3_200_000), "KXGONE": (0, 0)}
    account.settle("no", no="10")
    trip = only(account.journal().trips)
    assert (trip.kind, trip.side, trip.count) == ("opening", "no", 1_000)
    assert trip.opened_at == OPENED
    assert (trip.strategy, trip.signal_id, trip.entry_order_ids) == (None, None, ())
    assert (trip.mean_micros, trip.edge_micros, trip.slippage_limit_micros) == (None, None, None)
    assert trip.result_micros == 6_800_000


def test_an_order_of_our_scheme_that_is_not_ours_is_called_unknown() -> None:
    account = AccountBench()
    account.others["elsewhere"] = "unknown"
    account.fill("elsewhere", "yes", "0.40", "1", fee="0")
    assert only(account.journal().trips).kind == "unknown"


def test_what_a_settlement_pays_where_nothing_is_held_is_not_lost() -> None:
    account = AccountBench()
    account.settle("yes", yes="3")
    journal = account.journal()
    assert journal.trips == ()
    assert journal.unassigned_micros == 3 * DOLLAR


def test_nothing_happened() -> None:
    journal = AccountBench().journal()
    assert (journal.trips, journal.overrides, journal.unassigned_micros) == ((), (), 0)
