"""
Compares the examples with torchvision's models of the same name: the parameters by name and
shape, and the outputs for random weights, in inference mode.

    python3 tests/refs/models.py [NNC [PATTERN]]

PATTERN chooses examples by their name, or by name and parameters: 'vgg(depth=1[13]*)'.

Needs PyTorch and torchvision; nothing is kept, so it is no part of `make test`.  Running
statistics are random too, since fresh ones (0 and 1) would hide a batchnorm that is left out.
"""
import fnmatch
import os
import subprocess
import sys
import tempfile

import torch
import torchvision.models as models

from files import write

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")

REGNETS = ((400, "400mf"), (800, "800mf"), (1600, "1_6gf"), (3200, "3_2gf"), (8000, "8gf"),
           (16000, "16gf"), (32000, "32gf"))

# example, its parameters, torchvision's model, its arguments
MODELS = [
    ("alexnet", "", models.alexnet, {}),
    *(("densenet", f"depth={d}", getattr(models, f"densenet{d}"), {}) for d in (121, 161, 169, 201)),
    *(("efficientnet", f"b={b}", getattr(models, f"efficientnet_b{b}"), {}) for b in range(8)),
    ("googlenet", "heads=no", models.googlenet, dict(aux_logits=False, init_weights=False)),
    ("inception_v3", "heads=no", models.inception_v3, dict(aux_logits=False, init_weights=False)),
    ("mobilenet_v2", "", models.mobilenet_v2, {}),
    ("mobilenet_v3", "", models.mobilenet_v3_large, {}),
    ("mobilenet_v3", "large=no", models.mobilenet_v3_small, {}),
    *(("regnet", f"y={y},mf={mf}", getattr(models, f"regnet_{letter}_{name}"), {})
      for y, letter in (("no", "x"), ("yes", "y")) for mf, name in REGNETS),
    *(("resnet", f"depth={d}", getattr(models, f"resnet{d}"), {}) for d in (18, 34, 50, 101, 152)),
    ("resnext", "depth=50", models.resnext50_32x4d, {}),
    ("resnext", "depth=101", models.resnext101_32x8d, {}),
    *(("shufflenet_v2", f"width={halves}", getattr(models, f"shufflenet_v2_x{name}"), {})
      for halves, name in ((1, "0_5"), (2, "1_0"), (3, "1_5"), (4, "2_0"))),
    ("squeezenet", "minor=0", models.squeezenet1_0, {}),
    ("squeezenet", "minor=1", models.squeezenet1_1, {}),
    *(("vgg", f"depth={d}", getattr(models, f"vgg{d}"), dict(init_weights=False)) for d in (11, 13, 16, 19)),
    *(("vgg", f"depth={d},bn=yes", getattr(models, f"vgg{d}_bn"), dict(init_weights=False)) for d in (11, 13, 16, 19)),
    ("wide_resnet", "depth=50", models.wide_resnet50_2, {}),
    ("wide_resnet", "depth=101", models.wide_resnet101_2, {}),
]


def randomize(model):
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)


def compare(nnc, example, parameters, make, arguments, folder):
    torch.manual_seed(1)
    model = make(weights=None, **arguments).eval()
    randomize(model)
    size = 299 if example == "inception_v3" else 224
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        y = model(x)
    tensors = {name: t for name, t in model.state_dict().items() if not name.endswith("num_batches_tracked")}
    path = os.path.join(folder, "model.safetensors")
    write(path, {"x": x, **tensors, "y": y})
    defines = [part for define in parameters.split(",") if define for part in ("-D", define)]
    command = [nnc, "check", os.path.join(ROOT, "dsl_examples", example + ".nn"), *defines]
    command += ["--input", f"3x{size}x{size}", "--reference", path]
    run = subprocess.run(command, capture_output=True, text=True)
    lines = (run.stdout + run.stderr).strip().splitlines()
    print(f"{example}({parameters}): " + (" ".join(lines[-2].split()) if run.returncode == 0 else "WRONG"), flush=True)
    if run.returncode:
        print("\n".join(lines[:12]))
    return run.returncode == 0


def main():
    torch.set_num_threads(1)
    nnc = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "nnc"))
    pattern = sys.argv[2] if len(sys.argv) > 2 else "*"
    good = 0
    chosen = [m for m in MODELS if fnmatch.fnmatch(m[0], pattern) or fnmatch.fnmatch(f"{m[0]}({m[1]})", pattern)]
    with tempfile.TemporaryDirectory() as folder:
        for model in chosen:
            good += compare(nnc, *model, folder)
    print(f"{good} of {len(chosen)} models agree")
    sys.exit(good != len(chosen))


main()
