"""kbsync on a disk that is full from some moment on: `python -m tests.security.full_disk ROOM WORD…`."""

import itertools
import resource
import sys
from pathlib import Path
from typing import Any

from kbsync.__main__ import main
from kbsync.core.wire import Response
from kbsync.providers.coze.wire import CozeCodec

_real = CozeCodec.decode
_count = itertools.count()


def _decode(self: CozeCodec, response: Response) -> Any:
    """Read an answer; at the tenth, let files grow no more than to ROOM bytes, or, with 0, not at all."""
    if next(_count) == 10:
        room = int(sys.argv[0])
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (min(room, Path(".kbsync/state.db-wal").stat().st_size), hard))
    return _real(self, response)


if __name__ == "__main__":
    CozeCodec.decode = _decode  # type: ignore[method-assign]
    sys.argv[:2] = sys.argv[1:2]
    main()
