"""Renders Markdown with markdown-it-py for so many seconds: what py-spy records."""

import sys
import time

from markdown_it import MarkdownIt

TEXT = "# Title\n\nSome *emphasis*, **strong**, `code`, [a link](x).\n\n- one\n- two\n\n```py\nx = 1\n```\n\n> quote\n\n" * 60


def render(markdown, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        markdown.render(TEXT)


render(MarkdownIt("commonmark"), float(sys.argv[1]))
