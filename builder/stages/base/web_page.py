"""What answers in the place of a file where somebody has to log in, or where a proxy has its own opinion: a web page."""

import html
import re

from stage import Failure

LOOKED_AT = 2**16  # bytes of an answer's beginning, which have a page's title
LONGEST_TITLE = 100  # characters
BEGINS = re.compile(rb"^(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*|<\?xml.*?\?>\s*)*<(?:!doctype\s+html|html)\b", re.IGNORECASE | re.DOTALL)
TITLE = re.compile(rb"<title[^>]*>(.*?)</title>", re.IGNORECASE | re.DOTALL)


def refuse(content_type, beginning, url):
    """Raises Failure for a page, whatever its server calls it; `url` is the address from which it came, behind all redirects."""
    if not BEGINS.match(beginning):
        return
    found = TITLE.search(beginning)
    title = html.unescape(found[1].decode("utf-8", "replace")) if found else ""
    title = " ".join(title.split())[:LONGEST_TITLE]
    kind = (content_type or "without a type").split(";")[0].strip()
    called = f'titled "{title}"' if title else "without a title"
    raise Failure(f"the address leads to a web page ({kind}, {called}), from {url}; does one have to log in there?")
