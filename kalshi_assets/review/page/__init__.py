"""The weekly review with its pictures: one HTML file, and Markdown. Pure: text out.

Nothing is computed here. Sentences and tables are those of `weekly`, marks alone are added.
"""

from kalshi_assets.review.page.as_html import to_html
from kalshi_assets.review.page.shown import to_markdown_with

__all__ = ["to_html", "to_markdown_with"]
