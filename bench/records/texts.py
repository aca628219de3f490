"""JSON that others wrote, whose texts can be written again: not every text that JSON can spell can be encoded."""

from __future__ import annotations

import json
from typing import Any


def loads(text: str) -> Any:
    """The document; halves of surrogate pairs that stand alone in its texts become question marks.

    Raises ValueError and RecursionError, as json.loads does.
    """
    body = json.loads(text)
    if "\\ud" not in text.lower():
        return body
    return json.loads(json.dumps(body, ensure_ascii=False).encode(errors="replace"))
