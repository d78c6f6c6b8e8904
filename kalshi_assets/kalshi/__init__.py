"""The way to Kalshi over HTTP: signing, limits, retries, strict payloads; sole importer of httpx.

`client.KalshiClient` is the door; it hands out values of `domain/` and raises errors of
`errors.py`. What to do with either is decided upstairs.
"""
