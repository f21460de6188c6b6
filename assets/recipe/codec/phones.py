"""What is said when: one phone label for every 20 ms of a clip, from Kokoro's own durations.

A Mimi frame lasts 80 ms and so holds four such slots.
"""
# ruff: noqa: RUF001 (these are the phonemes)

import numpy as np

RATE = 24000
SLOT = RATE // 50  # samples of a 20 ms slot
UNIT = 600  # samples of one unit of Kokoro's durations
EARLY = int(0.045 * RATE)  # sounds start this long before their phone's time (mean of 5 clips)
LOUD = 0.01  # as in corpus.kokoro: below it all round, the ends are silence
SILENCE, UNLABELLED = 0, 255

# the US and UK sets of espeak-ng in Kokoro's alphabet, merged; class = 1 + place in this string
PHONES = "əntɪɹsdlikðzmɛpʌvwAhfbIæɔuɑɒaŋʃɜɡjᵊᵻOɾʊʤWʧQθoeYʒ"
CLASSES = len(PHONES) + 1
PAUSES = ",;:.!?"


def spans(phonemes: str, durations: list[int]) -> list[tuple[int, int]]:
    """(class, units) of each sounding symbol and pause, in order, without gaps.

    Stress marks go to the phone after them, length marks and word gaps to the one before.
    """
    out = [(SILENCE, durations[0])]
    carried = 0
    for symbol, units in zip(phonemes, durations[1:-1], strict=True):
        if symbol in "ˈˌ":
            carried += units
        elif symbol in " ː":
            kind, before = out[-1]
            out[-1] = (kind, before + units)
        elif symbol in PAUSES:
            out.append((SILENCE, units + carried))
            carried = 0
        else:
            kind = PHONES.index(symbol) + 1 if symbol in PHONES else UNLABELLED
            out.append((kind, units + carried))
            carried = 0
    return [*out, (SILENCE, durations[-1] + carried)]


def labels(entry: dict, wav: np.ndarray) -> np.ndarray:
    """Class of each slot's centre, (len(wav) // SLOT,) uint8; `entry` is a line of the manifest.

    After the last loud sample everything is silence: Kokoro's last phone runs on into it.
    """
    slots = len(wav) // SLOT
    if "durations" not in entry:
        return np.full(slots, UNLABELLED, np.uint8)
    kinds, units = zip(*spans(entry["phonemes"], entry["durations"]), strict=True)
    ends = np.cumsum(units) * UNIT - entry["trim"] - EARLY
    centres = np.arange(slots) * SLOT + SLOT // 2
    out = np.array([*kinds, SILENCE], np.uint8)[np.searchsorted(ends, centres, side="right")]
    loud = np.flatnonzero(np.abs(wav) > LOUD)
    if loud.size:
        out[(centres < loud[0]) | (centres > loud[-1])] = SILENCE
    return out
