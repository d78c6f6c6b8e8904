"""Fixtures of the browser tests: skipped, with the reason, where no browser can be driven."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from kalshi_assets_tests.browser.demo import Demo, running_demo
from kalshi_assets_tests.stand import unset_settings

if TYPE_CHECKING:
    from selenium.webdriver import Chrome

    from kalshi_assets_tests.browser.ui import Ui


@pytest.fixture(scope="session")
def screenshots(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for screenshots: the one in BROWSER_SCREENSHOTS, else a temporary one."""
    given = os.environ.get("BROWSER_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def browser() -> Iterator["Chrome"]:
    """A real headless Chromium."""
    pytest.importorskip(
        "selenium", reason="selenium is missing: pip install -r requirements-browser.lock"
    )
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install chromium chromium-driver")
    from kalshi_assets_tests.browser.ui import open_browser

    with open_browser() as driver:
        yield driver


@pytest.fixture(scope="module", params=[()], ids=["demo"])
def demo(
    request: pytest.FixtureRequest, browser: "Chrome", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Demo]:
    """A demo with the arguments in its parameter, once its first signals are judged.

    `browser` comes first: without one, no demo is started.
    """
    with pytest.MonkeyPatch.context() as patch:
        unset_settings(patch, list(os.environ))
        with running_demo(tmp_path_factory.mktemp("demo"), *request.param) as running:
            running.wait_for_run("order_job", "SUCCESS", "FAILURE")
            yield running


@pytest.fixture
def ui(demo: Demo, browser: "Chrome", screenshots: Path) -> "Ui":
    """The browser on the demo's UI."""
    from kalshi_assets_tests.browser.ui import Ui

    return Ui(browser, demo.url, screenshots)
