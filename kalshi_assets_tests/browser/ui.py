"""The Dagster UI in a real browser: what a person would click, read and photograph.

Imported by fixtures only, once selenium is known to be there.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    WebDriverException,
)
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement

WIDTH, HEIGHT = 1600, 1000
PATIENCE_SECONDS = 60.0
RELOAD_SECONDS = 15.0
SETTLE_SECONDS = 2.0
PARTITIONS_FIELD = "input[placeholder^='ex: '], input[placeholder='No matching partitions']"
T = TypeVar("T")


class Ui:
    """One browser window on one Dagster UI."""

    def __init__(self, driver: Chrome, base_url: str, folder: Path) -> None:
        self.driver = driver
        self.base_url = base_url
        self.folder = folder

    def open(self, path: str) -> None:
        """Go to a page."""
        self.driver.get(self.base_url + path)

    def open_lineage_of(self, assets: list[str]) -> None:
        """Go to the lineage, filtered to these assets as its search field does."""
        self.open("/asset-groups~" + quote(" or ".join(f'key:"{name}"' for name in assets)))

    def text(self) -> str:
        """Return what can be read on the page."""
        return str(self.driver.find_element(By.TAG_NAME, "body").text)

    def wait_for(
        self, condition: Callable[[], T | None], what: str, seconds: float = PATIENCE_SECONDS
    ) -> T:
        """Return what the condition gives once it is true; the page may redraw meanwhile."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with suppress(StaleElementReferenceException, NoSuchElementException):
                if found := condition():
                    return found
            time.sleep(0.2)
        self.shot("failed")
        raise AssertionError(f"{what} is not there after {seconds:.0f} s:\n{self.text()}")

    def wait_for_text(self, *wanted: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until all of these can be read."""
        for words in wanted:
            self.wait_for(partial(self.reads, words), repr(words), seconds)

    def open_until(self, path: str, words: str, seconds: float = 120.0) -> None:
        """Open a page anew until this can be read: parts of it are as they were at its loading."""
        opened_at = 0.0

        def reads_since_opened() -> bool:
            nonlocal opened_at
            if time.monotonic() - opened_at > RELOAD_SECONDS:
                self.open(path)
                opened_at = time.monotonic()
            return self.reads(words)

        self.wait_for(reads_since_opened, repr(words), seconds)

    def reads(self, words: str) -> bool:
        """Tell whether this can be read on the page."""
        return words in self.text()

    def click(self, words: str, tag: str = "*") -> None:
        """Click the first visible thing that says exactly this."""
        self.wait_for(lambda: self._visible(words, tag), f"{words!r} to click").click()

    def choose_partitions(self, selection: str, told: str) -> None:
        """Write a selection into the dialog of a backfill until it tells how many are chosen.

        Until it knows the partitions it forgets what is written, and by default it shows those of
        the last 90 days of the wall's time.
        """

        def is_chosen() -> bool:
            for link in self._those_with("Show all partitions"):
                link.click()
            field = self.driver.find_element(By.CSS_SELECTOR, PARTITIONS_FIELD)
            field.send_keys(Keys.CONTROL, "a")
            field.send_keys(selection, Keys.ENTER)
            time.sleep(1)
            return self.reads(told)

        self.wait_for(is_chosen, f"{told!r} of {selection}")

    @contextmanager
    def sized(self, width: int, height: int) -> Iterator[None]:
        """See pages in a window of another size, and then in ours again: tests share a browser."""
        _resize(self.driver, width, height)
        try:
            yield
        finally:
            _resize(self.driver, WIDTH, HEIGHT)

    def images(self) -> list[tuple[int, int]]:
        """Return the natural sizes of the visible images that carry their own data."""
        found = self.driver.find_elements(By.CSS_SELECTOR, "img[src^='data:image/png;base64,']")
        return [self._natural_size(image) for image in found if image.is_displayed()]

    def shot(self, name: str) -> Path:
        """Photograph the window, once nothing moves any more or two seconds have passed."""
        path, deadline = self.folder / f"{name}.png", time.monotonic() + SETTLE_SECONDS
        before, now = b"", self.driver.get_screenshot_as_png()
        while now != before and time.monotonic() < deadline:
            time.sleep(0.3)
            before, now = now, self.driver.get_screenshot_as_png()
        path.write_bytes(now)
        return path

    def _visible(self, words: str, tag: str) -> WebElement | None:
        return next((e for e in self._those_with(words, tag) if e.is_enabled()), None)

    def _those_with(self, words: str, tag: str = "*") -> list[WebElement]:
        """Return what can be seen and says exactly this."""
        says = f"normalize-space()='{words}'"
        found = self.driver.find_elements(By.XPATH, f"//{tag}[{says} and not(.//{tag}[{says}])]")
        return [element for element in found if element.is_displayed()]

    def _natural_size(self, image: WebElement) -> tuple[int, int]:
        script = "return [arguments[0].naturalWidth, arguments[0].naturalHeight]"
        width, height = self.driver.execute_script(script, image)
        return int(width), int(height)


@contextmanager
def open_browser() -> Iterator[Chrome]:
    """Yield a headless Chromium of our size, in New York."""
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    options.add_argument("--headless=new")
    options.add_argument("--disable-dev-shm-usage")
    options.add_argument("--hide-scrollbars")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.add_argument("--no-sandbox")  # Chromium's sandbox does not start as root
    driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        _resize(driver, WIDTH, HEIGHT)
        driver.execute_cdp_cmd("Emulation.setTimezoneOverride", {"timezoneId": "America/New_York"})
        yield driver
    finally:
        with suppress(WebDriverException):  # it may have gone already
            driver.quit()
        driver.service.stop()


def _resize(driver: Chrome, width: int, height: int) -> None:
    size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
