"""Write the trained codec as the published Mimi file, and its `mimi_config.json`.

    python -m codec.export --data DATA [--name codec] [--live]      -> DATA/codec/export/

Weights are rounded to bfloat16, the published precision. Round before encoding the corpus: the LM
must learn the codes that the shipped file makes. A centroid is stored with usage 1, so that the
division at load loses nothing.
"""

import argparse
import json
import logging
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from codec.model import WEIGHTS, build, load
from codec.quantise import EPSILON

log = logging.getLogger(__name__)


def published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under their published names, rounded."""
    out = {}
    for name, value in state.items():
        # moshi keeps a list of projections, published files hold the only one under its old name
        name = name.replace("in_projs.0.weight", "in_proj_weight")
        name = name.replace("out_projs.0.weight", "out_proj.weight")
        if name.endswith("embedding_sum"):
            usage = state[name.replace("embedding_sum", "cluster_usage")]
            value = value / usage.clamp(min=EPSILON)[:, None]
        elif name.endswith("cluster_usage"):
            value = torch.ones_like(value)
        out[name] = value.to(torch.bfloat16).contiguous()
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--live", action="store_true", help="not the averaged weights")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    folder = args.data / args.name
    out = folder / "export"
    out.mkdir(exist_ok=True)
    sizes = json.loads((folder / "mimi_config.json").read_text())
    state = torch.load(folder / "last.pt", weights_only=False)
    tensors = published(state["mimi" if args.live else "shadow"])
    save_file(tensors, out / WEIGHTS, {"format": "pt"})
    (out / "mimi_config.json").write_text(json.dumps(sizes, indent=1))

    # what was written must load as the reference class and decode the same
    expected = build(sizes)
    expected.load_state_dict({k: v.float() for k, v in tensors.items()})
    codes = torch.randint(2048, (1, 8, 25), generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        same = torch.equal(expected.eval().decode(codes), load(out).decode(codes))
    assert same, "the exported file does not decode as the weights it was made from"
    size = (out / WEIGHTS).stat().st_size / 1e6
    log.info("step %d -> %s, %.2f MB, reload identical", state["step"], out / WEIGHTS, size)


if __name__ == "__main__":
    main()
