"""
torchvision's classifiers with random weights as ONNX, as PyTorch exports them.

    torch_models.py list                 the names, small models first
    torch_models.py NAME FOLDER OPSET…   writes FOLDER/model-OPSET.onnx, or FOLDER/refused-OPSET where
                                         PyTorch has an operator that the opset cannot express

The statistics of batch normalisation are those of a random batch: with the initial ones values grow or
vanish with the depth, and outputs say little.  The last layer is scaled to outputs of about 1, and is no
longer zeros where a model begins so (ViT): else any sum would agree.

With the reference BLAS most of the time is in dense layers; libopenblas0 makes them 30 times as fast.
"""
import os
import sys
import warnings

import torch
import torchvision.models as models

SIDE = {"inception_v3": 299}
LEAST_VARIANCE = 0.5  # less makes rounding errors grow from layer to layer
NO_AUXILIARY = {"googlenet", "inception_v3"}


def parameters(name):
    return models.get_model_weights(name).DEFAULT.meta["num_params"]


def settle_statistics(model, x):
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.train()
        norm.momentum = None
    if norms:
        with torch.no_grad():
            model(x)
    for norm in norms:
        norm.running_var.clamp_(min=LEAST_VARIANCE)
    model.eval()


def settle_outputs(model, x):
    last = [m for m in model.modules() if isinstance(m, (torch.nn.Linear, torch.nn.Conv2d))][-1]
    with torch.no_grad():
        if not last.weight.any():
            torch.nn.init.normal_(last.weight, std=0.02)
        scale = model(x).std()
        for parameter in last.parameters():
            parameter /= scale


def export(name, folder, opsets):
    # The exporter would infer all shapes once more, on a copy of all weights; tracing has found them.
    torch.onnx.utils._C._jit_pass_onnx_graph_shape_type_inference = lambda *_: None
    torch.manual_seed(1)
    torch.set_num_threads(1)
    side = SIDE.get(name, 224)
    more = {"aux_logits": False, "init_weights": False} if name in NO_AUXILIARY else {}
    model = models.get_model(name, weights=None, **more).eval()
    x = torch.randn(2, 3, side, side)
    settle_statistics(model, x)
    settle_outputs(model, x)
    for opset in opsets:
        path = os.path.join(folder, f"model-{opset}.onnx")
        try:
            torch.onnx.export(model, torch.randn(1, 3, side, side), path, opset_version=int(opset))
        except torch.onnx.errors.UnsupportedOperatorError as error:
            with open(os.path.join(folder, f"refused-{opset}"), "w") as out:
                out.write(str(error).splitlines()[0][:100] + "\n")


if __name__ == "__main__":
    warnings.filterwarnings("ignore")
    if sys.argv[1] == "list":
        print("\n".join(sorted(models.list_models(module=models), key=parameters)))
    else:
        export(sys.argv[1], sys.argv[2], sys.argv[3:])
