"""Numbers as people read them: digits with units, never more of them than mean something."""

from lfm.events import Stats


def amount(size: int) -> str:
    """Bytes: `2.1 GB`, `61 MB`."""
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def of(done: int, total: int) -> str:
    """Bytes of all: `1.2 of 2.9 GB`, `11 of 61 MB`."""
    return f"{done / 1e9:.1f} of {amount(total)}" if total >= 1e9 else f"{done / 1e6:.0f} of {amount(total)}"


def duration(seconds: float) -> str:
    """A length of sound: `0:08`."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def times_real_time(stats: Stats) -> str:
    """Speed: `2.1 times real time`; empty where no sound was made or heard."""
    if not stats.seconds or not stats.audio_seconds:
        return ""
    return f"{times(stats.audio_seconds / stats.seconds)} real time"


def times(factor: float) -> str:
    """`2.1 times`, `14 times`."""
    return f"{factor:.0f} times" if factor >= 9.95 else f"{factor:.1f} times"
