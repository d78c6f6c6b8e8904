"""The field's own terms as frozen values: prices, markets, ticks, signals, orders, fees and time.

Pure: nothing here does input or output; only `clock.py` reads the time.
"""
