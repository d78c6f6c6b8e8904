"""What `doctor` finds of the key, the exchange and the clock. Only reads are sent, two at most."""

from dataclasses import dataclass

from kalshi_assets.errors import ConfigurationError, ExchangeError, NotAuthorized, PayloadError
from kalshi_assets.kalshi.auth import RequestSigner, wide_mode
from kalshi_assets.kalshi.probe import Probe
from kalshi_assets.kalshi.shared_limits import shared_limits
from kalshi_assets.runtime.findings import Finding
from kalshi_assets.settings import Settings

KEYLESS = ("local", "paper")
CLOCK_WARNING_SECONDS, CLOCK_FAILED_SECONDS = 2.0, 5.0


def exchange_findings(settings: Settings) -> list[Finding]:
    """Return what was found of key, exchange and clock."""
    key, signer = _key(settings)
    if settings.venue == "local" and settings.api_url is None:
        found = "the local exchange is started by `kalshi-assets demo`"
        asleep = [Finding(name, "ok", found) for name in ("exchange", "clock")]
        return [key, *asleep]
    try:
        limits = shared_limits(settings.api_base_url, None if signer is None else signer.key_id)
        probe = Probe(settings.api_base_url, auth=signer, limits=limits)
    except ConfigurationError as exc:
        remedy = "correct KALSHI_API_URL or the proxy's variables"
        return [key, Finding("exchange", "failed", str(exc), remedy), _clock(None)]
    with probe:
        exchange = _Asked(settings, probe, is_signed=signer is not None).finding()
        return [key, exchange, _clock(probe.clock_offset_seconds)]


def _key(settings: Settings) -> tuple[Finding, RequestSigner | None]:
    """Return the finding on the key, and the signer where it can be used."""
    key_id, path = settings.api_key_id, settings.private_key_path
    if key_id is None and path is None and settings.venue in KEYLESS:
        return Finding("key", "ok", f"none needed on the venue {settings.venue}"), None
    if key_id is None or path is None:
        missing = [
            name
            for name, value in (("KALSHI_API_KEY_ID", key_id), ("KALSHI_PRIVATE_KEY_PATH", path))
            if value is None
        ]
        remedy = "set both: the id shown beside the key in the exchange's account, and its PEM file"
        return Finding("key", "failed", f"{' and '.join(missing)} not set", remedy), None
    try:
        signer = RequestSigner(key_id, path)
    except ConfigurationError as exc:
        remedy = "point KALSHI_PRIVATE_KEY_PATH to the file the exchange gave out with the id"
        if wide_mode(path) is not None:
            remedy = f"chmod 600 {path}"
        return Finding("key", "failed", str(exc), remedy), None
    return Finding("key", "ok", f"{path} can be read, by its owner only"), signer


@dataclass(frozen=True)
class _Asked:
    """The exchange, asked for its status and, with a key, whether it accepts that."""

    settings: Settings
    probe: Probe
    is_signed: bool

    def finding(self) -> Finding:
        url = self.settings.api_base_url
        try:
            status = self.probe.exchange_status()
            found = f"{url} answers in {1000 * (self.probe.round_trip_seconds or 0):.0f} ms"
            if self.is_signed:
                self.probe.balance()
                found += ", accepts the key"
        except NotAuthorized as exc:
            remedy = "correct KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH, or KALSHI_VENUE"
            return Finding("exchange", "failed", f"does not accept the key: {exc}", remedy)
        except (ExchangeError, PayloadError, ConfigurationError) as exc:
            return Finding("exchange", "failed", f"{url}: {exc}", self._remedy())
        if status.is_exchange_active and status.is_trading_active:
            return Finding("exchange", "ok", f"{found}, trading")
        remedy = "wait until it trades again; until then the gate is closed"
        return Finding("exchange", "warning", f"{found}, trading is paused", remedy)

    def _remedy(self) -> str:
        if self.settings.venue == "local":
            return "stop what runs here and start `kalshi-assets demo` again"
        return "check the network, HTTPS_PROXY and KALSHI_API_URL; if they are right, try later"


def _clock(offset: float | None) -> Finding:
    if offset is None:
        remedy = "run doctor again when the exchange answers; signatures need the right time"
        return Finding("clock", "warning", "unknown: no answer of the exchange had a Date", remedy)
    size = abs(offset)
    if size <= CLOCK_WARNING_SECONDS:
        return Finding("clock", "ok", f"within {CLOCK_WARNING_SECONDS:g} s of the exchange's")
    found = f"{size:.1f} s {'ahead of' if offset > 0 else 'behind'} the exchange's"
    remedy = "synchronise this machine's time: `timedatectl set-ntp true`, or chrony"
    return Finding("clock", "failed" if size > CLOCK_FAILED_SECONDS else "warning", found, remedy)
