"""Characters and words that act where text is shown.

Captions, names, file names and whatever a provider answers may hold anything. A terminal obeys control characters, a
reader is deceived by what hides or reorders text, and CI systems take orders from the lines that a command prints.
"""

import re
from typing import Final

__all__ = ("CHARACTERS", "ORDER", "RANGES")

# Everything that a terminal obeys, that hides or reorders text, or that ends a line somewhere: single characters, and
# the first and last of many.
RANGES: Final = (
    *("\x00\x1f", "\x7f\x9f", "\xad", "\u034f", "\u061c", "\u115f\u1160", "\u17b4\u17b5", "\u180b\u180f"),
    *("\u200b\u200f", "\u2028\u202e", "\u2060\u206f", "\u3164", "\ufe00\ufe0d", "\ufeff", "\uffa0", "\ufff0\ufffb"),
    *("\ud800\udfff", "\U00013430\U0001343f", "\U0001bca0\U0001bca3", "\U0001d173\U0001d17a", "\U000e0000\U000e0fff"),
)
CHARACTERS: Final = re.compile(f"[{''.join('-'.join(ends) for ends in RANGES)}]")
# The first character of an order to GitHub, Azure Pipelines or TeamCity, who look for them anywhere in a line.
ORDER: Final = re.compile(r"#(?=#(?:vso|teamcity)?\[)", re.IGNORECASE)
