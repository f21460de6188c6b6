"""Cut a reference checkpoint with its goldens down to what inference reads, and pack it: python tests/golden/cut.py FOLDER OUT.tar.xz

Left out: tensors that inference never uses (the tests load the uncut kind elsewhere), codebooks beyond the eighth, training losses.
"""

import re
import sys
import tarfile
import tempfile
from pathlib import Path

import mlx.core as mx

UNREAD = {
    "model.safetensors": r"to_logits|audio_embedding\.embedding_norm|num_batches_tracked|codebook_offsets|audio_loss_weights",
    "tokenizer-e351c8d8-checkpoint125.safetensors": r"rvq_rest\.vq\.layers\.([7-9]|\d\d)\.",
    "audio_detokenizer/model.safetensors": r"embed_tokens|istft\.window",
    "golden.safetensors": r"^loss",
}


def cut(folder: Path, out: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary, tarfile.open(out, "w:xz") as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            name = path.relative_to(folder).as_posix()
            source = path
            if name in UNREAD:
                source = Path(temporary) / "cut.safetensors"
                tensors = mx.load(str(path))
                assert isinstance(tensors, dict)
                mx.save_safetensors(str(source), {k: v for k, v in tensors.items() if not re.search(UNREAD[name], k)})
            archive.add(source, f"{folder.name}/{name}", filter=anonymous)


def anonymous(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """The same bytes whoever packs them, and whenever."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mtime, info.mode = 0, 0o644
    return info


if __name__ == "__main__":
    cut(Path(sys.argv[1]), Path(sys.argv[2]))
