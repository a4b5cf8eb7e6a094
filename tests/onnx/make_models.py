"""
Writes the small models of tests/onnx/models, each with an input and PyTorch's output, in the layout of
ONNX's backend tests, and the seeds of the fuzzer that reads models:

    /usr/bin/python3 tests/onnx/make_models.py

external   weights in a file beside the model, at offsets
functions  local functions: one calls another, with an attribute of the call, a default, an unused output
gradient   Gradient of ai.onnx.preview.training through a small expression
windows    attention in the windows of an image, which is one window: axis 0 of 1 is moved; its Identity
           and its Dropout (ratio 0, in training mode) are what PyTorch leaves in such models
numbered   initialisers without names of their own
quantized  integers of 8 bits, as tools that quantize write them
softmax_loss, likelihood_loss
           losses with weights, a class that is ignored, and reference.safetensors: their gradients by the scores
"""
import os
import sys

import numpy as np
import onnx
import torch
import torch.nn.functional as F
from onnx import TensorProto, helper, numpy_helper

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "refs"))
from files import write  # noqa: E402

SEEDS = os.path.join(HERE, "..", "fuzz_inputs", "seeds", "onnx")
OPSETS = [helper.make_opsetid("", 15)]


def values(name, shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def write_data(folder, inputs, outputs):
    data = os.path.join(folder, "test_data_set_0")
    os.makedirs(data, exist_ok=True)
    for kind, tensors in (("input", inputs), ("output", outputs)):
        for i, (name, t) in enumerate(tensors):
            path = os.path.join(data, f"{kind}_{i}.pb")
            with open(path, "wb") as file:
                file.write(numpy_helper.from_array(t.numpy(), name).SerializeToString())


def weights(seed, *shapes):
    torch.manual_seed(seed)
    return [torch.randn(shape) * 0.3 for shape in shapes]


def make(nodes, inputs, outputs, initialisers=(), **more):
    graph = helper.make_graph(nodes, "net", inputs, outputs, list(initialisers))
    more.setdefault("opset_imports", OPSETS)
    model = helper.make_model(graph, producer_name="nnc-test", **more)
    model.ir_version = 8
    return model


def folder_of(name):
    folder = os.path.join(HERE, "models", name)
    os.makedirs(folder, exist_ok=True)
    return folder


def tensor(name, t):
    return numpy_helper.from_array(np.ascontiguousarray(t.numpy()), name)


def external():
    w, b, v = weights(1, (4, 3, 3, 3), (4,), (5, 64))
    folder, offset, kept = folder_of("external"), 0, []
    with open(os.path.join(folder, "weights.bin"), "wb") as file:
        for name, t in (("conv.weight", w), ("fc.weight", v)):
            file.write(b"\0" * 3)  # at no multiple of anything
            offset += 3
            raw = t.numpy().tobytes()
            file.write(raw)
            one = TensorProto(name=name, data_type=TensorProto.FLOAT, dims=t.shape, data_location=TensorProto.EXTERNAL)
            for key, value in (("location", "weights.bin"), ("offset", offset), ("length", len(raw))):
                entry = one.external_data.add()
                entry.key, entry.value = key, str(value)
            offset += len(raw)
            kept.append(one)
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight", "conv.bias"], ["a"], "conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Flatten", ["b"], ["c"], "flatten"),
        helper.make_node("Gemm", ["c", "fc.weight"], ["y"], "fc", transB=1),
    ]
    model = make(nodes, [values("x", ["N", 3, 8, 8])], [values("y", ["N", 5])], [*kept, tensor("conv.bias", b)])
    onnx.save(model, os.path.join(folder, "model.onnx"))
    x = torch.randn(2, 3, 8, 8)
    y = F.linear(F.relu(F.conv2d(x, w, b, stride=2, padding=1)).flatten(1), v)
    write_data(folder, [("x", x)], [("y", y)])


def functions():
    domain, sets = "test.functions", [helper.make_opsetid("", 15)]
    slope = helper.make_node("LeakyRelu", ["s"], ["r"])
    slope.attribute.append(onnx.AttributeProto(name="alpha", type=onnx.AttributeProto.FLOAT, ref_attr_name="slope"))
    unit = helper.make_function(
        domain, "Unit", ["u", "w"], ["r", "s"], [helper.make_node("Conv", ["u", "w"], ["s"], pads=[1, 1, 1, 1]), slope], sets,
        attributes=["slope"])
    call = helper.make_node("Unit", ["u", "w"], ["r", "unused"], domain=domain)
    call.attribute.append(onnx.AttributeProto(name="slope", type=onnx.AttributeProto.FLOAT, ref_attr_name="outer_slope"))
    residual = helper.make_function(
        domain, "Residual", ["u", "w"], ["t"], [call, helper.make_node("Add", ["r", "u"], ["t"])],
        [*sets, helper.make_opsetid(domain, 1)], attributes=["outer_slope"])
    w1, w2 = weights(2, (3, 3, 3, 3), (3, 3, 3, 3))
    nodes = [
        helper.make_node("Residual", ["x", "w1"], ["a"], "first", domain=domain, outer_slope=0.125),
        helper.make_node("Residual", ["a", "w2"], ["b"], "second", domain=domain, outer_slope=0.5),
        helper.make_node("Unit", ["b", "w1"], ["y"], "third", domain=domain, slope=0.25),
    ]
    model = make(nodes, [values("x", [1, 3, 6, 6])], [values("y", [1, 3, 6, 6])], [tensor("w1", w1), tensor("w2", w2)],
                 functions=[unit, residual], opset_imports=[*sets, helper.make_opsetid(domain, 1)])
    folder = folder_of("functions")
    onnx.save(model, os.path.join(folder, "model.onnx"))
    x = torch.randn(1, 3, 6, 6)
    unit_of = lambda u, w, slope: F.leaky_relu(F.conv2d(u, w, padding=1), slope)
    a = unit_of(x, w1, 0.125) + x
    b = unit_of(a, w2, 0.5) + a
    write_data(folder, [("x", x)], [("y", unit_of(b, w1, 0.25))])
    return model


def gradient():
    """y = Σ (log(1 + u²) − u·tanh v) and its gradient."""
    u, v = weights(3, (2, 3), (2, 3))
    nodes = [
        helper.make_node("Mul", ["u", "u"], ["u2"]),
        helper.make_node("Add", ["u2", "one"], ["more"]),
        helper.make_node("Log", ["more"], ["log"]),
        helper.make_node("Tanh", ["v"], ["tanh"]),
        helper.make_node("Mul", ["u", "tanh"], ["product"]),
        helper.make_node("Sub", ["log", "product"], ["y"]),
        helper.make_node("Gradient", ["u", "v"], ["du", "dv"], domain="ai.onnx.preview.training", xs=["u", "v"], y="y"),
    ]
    sets = [helper.make_opsetid("", 15), helper.make_opsetid("ai.onnx.preview.training", 1)]
    one = helper.make_tensor("one", TensorProto.FLOAT, [], [1.0])
    model = make(nodes, [values("u", [2, 3]), values("v", [2, 3])], [values("du", [2, 3]), values("dv", [2, 3])], [one],
                 opset_imports=sets)
    folder = folder_of("gradient")
    onnx.save(model, os.path.join(folder, "model.onnx"))
    u.requires_grad_()
    v.requires_grad_()
    (torch.log(1 + u * u) - u * torch.tanh(v)).sum().backward()
    write_data(folder, [("u", u.detach()), ("v", v.detach())], [("du", u.grad), ("dv", v.grad)])
    return model


def windows():
    """Window attention as torchvision's swin has it, of an image that is one window of 2x2 pixels and 8 channels."""
    heads, size, channels = 2, 4, 8
    qkv, bias = weights(6, (channels, 3 * channels), (3 * channels,))
    ints = lambda name, *numbers: helper.make_tensor(name, TensorProto.INT64, [len(numbers)], numbers)
    scalars = [helper.make_tensor(f"i{i}", TensorProto.INT64, [], [i]) for i in range(3)]
    pick = [helper.make_node("Gather", ["turned", f"i{i}"], [name], axis=0) for i, name in enumerate(("q", "k", "v"))]
    nodes = [
        helper.make_node("Reshape", ["x", "rows"], ["r"]),
        helper.make_node("Identity", ["attn.qkv.weight"], ["attn.shared.weight"]),
        helper.make_node("MatMul", ["r", "attn.shared.weight"], ["m"]),
        helper.make_node("Add", ["attn.qkv.bias", "m"], ["a"]),
        helper.make_node("Reshape", ["a", "parts"], ["p"]),
        helper.make_node("Transpose", ["p"], ["turned"], perm=[2, 0, 3, 1, 4]),
        *pick,
        helper.make_node("Transpose", ["k"], ["kt"], perm=[0, 1, 3, 2]),
        helper.make_node("MatMul", ["q", "kt"], ["s"]),
        helper.make_node("Softmax", ["s"], ["weights"], axis=-1),
        helper.make_node("Dropout", ["weights", "ratio", "training"], ["kept"]),
        helper.make_node("MatMul", ["kept", "v"], ["o"]),
        helper.make_node("Transpose", ["o"], ["back"], perm=[0, 2, 1, 3]),
        helper.make_node("Reshape", ["back", "image"], ["i"]),
        helper.make_node("Add", ["i", "x"], ["y"]),
    ]
    shape = [1, 2, 2, channels]
    initialisers = [
        tensor("attn.qkv.weight", qkv), tensor("attn.qkv.bias", bias), *scalars, ints("rows", 1, size, channels),
        ints("parts", 1, size, 3, heads, channels // heads), ints("image", *shape),
        helper.make_tensor("ratio", TensorProto.FLOAT, [], [0.0]), helper.make_tensor("training", TensorProto.BOOL, [], [True]),
    ]
    model = make(nodes, [values("x", shape)], [values("y", shape)], initialisers)
    folder = folder_of("windows")
    onnx.save(model, os.path.join(folder, "model.onnx"))
    x = torch.randn(shape)
    q, k, v = (x.reshape(1, size, channels) @ qkv + bias).reshape(1, size, 3, heads, -1).permute(2, 0, 3, 1, 4)
    y = ((q @ k.transpose(-2, -1)).softmax(-1) @ v).transpose(1, 2).reshape(shape) + x
    write_data(folder, [("x", x)], [("y", y)])
    return model


def loss(name, op, function, reduction, scores_of):
    """A loss of 4 samples, 5 classes and 3 places; the weights are powers of two, class 2 is ignored."""
    scores = scores_of(weights(5, (4, 5, 3))[0] * 4)
    target = torch.tensor([[0, 4, 2], [1, 1, 3], [2, 0, 4], [3, 3, 1]])
    weight = torch.tensor([1.0, 0.5, 2.0, 4.0, 0.25])
    sets = [helper.make_opsetid("", 13)]
    node = helper.make_node(op, ["x", "t", "w"], ["y"], "loss", reduction=reduction, ignore_index=2)
    inputs = [values("x", [4, 5, 3]), helper.make_tensor_value_info("t", TensorProto.INT64, [4, 3])]
    model = make([node], inputs, [values("y", [])], [tensor("w", weight)], opset_imports=sets)
    folder = folder_of(name)
    onnx.save(model, os.path.join(folder, "model.onnx"))
    scores.requires_grad_()
    y = function(scores, target, weight=weight, ignore_index=2, reduction=reduction)
    y.backward()
    write_data(folder, [("x", scores.detach()), ("t", target)], [("y", y.detach())])
    rows = lambda a, b: torch.cat([a.reshape(1, -1), b.reshape(1, -1)], 1)
    write(os.path.join(folder, "reference.safetensors"), {
        "x": rows(scores.detach(), target.float()), "y": y.detach().reshape(1, 1), "dy": torch.ones(1, 1),
        "dx": rows(scores.grad, torch.zeros_like(target, dtype=torch.float32))})


def quantized():
    """A convolution between QuantizeLinear and DequantizeLinear, its weights of 8 bits with a scale for each channel."""
    folder = folder_of("quantized")
    torch.manual_seed(6)
    w, b = torch.randint(-127, 128, (3, 2, 3, 3), dtype=torch.int8), torch.randint(-500, 500, (3,), dtype=torch.int32)
    w_scale, w_zero = torch.tensor([0.01, 0.02, 0.005]), torch.tensor([0, 3, -7], dtype=torch.int8)
    x_scale, x_zero, y_scale, y_zero = 0.0312, 128, 0.0471, -5
    numbers = {
        "x_scale": torch.tensor(x_scale), "x_zero": torch.tensor(x_zero, dtype=torch.uint8),
        "y_scale": torch.tensor(y_scale), "y_zero": torch.tensor(y_zero, dtype=torch.int8),
        "w_scale": w_scale, "w_zero": w_zero, "b_scale": x_scale * w_scale, "conv.weight": w, "conv.bias": b,
    }
    nodes = [
        helper.make_node("QuantizeLinear", ["x", "x_scale", "x_zero"], ["x_q"]),
        helper.make_node("DequantizeLinear", ["x_q", "x_scale", "x_zero"], ["x_f"]),
        helper.make_node("DequantizeLinear", ["conv.weight", "w_scale", "w_zero"], ["w_f"], axis=0),
        helper.make_node("DequantizeLinear", ["conv.bias", "b_scale"], ["b_f"], axis=0),
        helper.make_node("Conv", ["x_f", "w_f", "b_f"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("QuantizeLinear", ["r", "y_scale", "y_zero"], ["y_q"]),
        helper.make_node("DequantizeLinear", ["y_q", "y_scale", "y_zero"], ["y"]),
    ]
    model = make(nodes, [values("x", [1, 2, 5, 5])], [values("y", [1, 3, 5, 5])],
                 [tensor(name, t) for name, t in numbers.items()])
    onnx.save(model, os.path.join(folder, "model.onnx"))
    x = torch.randn(1, 2, 5, 5) * 2
    x_f = torch.fake_quantize_per_tensor_affine(x, x_scale, x_zero, 0, 255)
    w_f = (w.float() - w_zero.float().view(3, 1, 1, 1)) * w_scale.view(3, 1, 1, 1)
    r = F.relu(F.conv2d(x_f, w_f, b * x_scale * w_scale, padding=1))
    write_data(folder, [("x", x)], [("y", torch.fake_quantize_per_tensor_affine(r, y_scale, y_zero, -128, 127))])
    return model


def adam():
    """ONNX's test of Adam on two tensors, with the epsilon that its outputs were computed with."""
    floats = {"R": [], "T": [], "X1": [1], "X2": [2], "G1": [1], "G2": [2], "V1": [1], "V2": [2], "H1": [1], "H2": [2]}
    results = {"X1_new": [1], "X2_new": [2], "V1_new": [1], "V2_new": [2], "H1_new": [1], "H2_new": [2]}
    domain = "ai.onnx.preview.training"
    node = helper.make_node("Adam", list(floats), list(results), domain=domain, norm_coefficient=0.001, alpha=0.95,
                            beta=0.85, epsilon=1e-2)
    inputs = [values(name, shape) if name != "T" else helper.make_tensor_value_info("T", TensorProto.INT64, [])
              for name, shape in floats.items()]
    model = make([node], inputs, [values(*one) for one in results.items()],
                 opset_imports=[helper.make_opsetid(domain, 1)])
    onnx.save(model, os.path.join(HERE, "adam_multiple.onnx"))


def numbered():
    """Two modules of a list with tensors that PyTorch has no names for: their labels come from the modules."""
    folder = folder_of("numbered")
    torch.manual_seed(8)
    a, b = torch.randn(1, 3, 4, 4), torch.randn(1, 3, 4, 4)
    nodes = [
        helper.make_node("Mul", ["x", "onnx::Mul_7"], ["u"], "/layers/layers.0/attn/Mul"),
        helper.make_node("Sigmoid", ["u"], ["v"], "/layers/layers.0/attn/Sigmoid"),
        helper.make_node("Mul", ["v", "onnx::Mul_9"], ["y"], "/layers/layers.1/attn/Mul"),
    ]
    model = make(nodes, [values("x", [2, 3, 4, 4])], [values("y", [2, 3, 4, 4])],
                 [tensor("onnx::Mul_7", a), tensor("onnx::Mul_9", b)])
    onnx.save(model, os.path.join(folder, "model.onnx"))
    x = torch.randn(2, 3, 4, 4)
    write_data(folder, [("x", x)], [("y", torch.sigmoid(x * a) * b)])


def refused():
    """A model of operators that there are not."""
    nodes = [helper.make_node("Unknown", ["x"], ["a"], "first"), helper.make_node("Relu", ["a"], ["b"]),
             helper.make_node("Unknown", ["b"], ["y"], "second")]
    model = make(nodes, [values("x", [1, 4])], [values("y", [1, 4])])
    onnx.save(model, os.path.join(HERE, "refused.onnx"))


def seeds(models):
    """Models of a few hundred bytes that have a bit of everything."""
    w, scale = weights(4, (2, 2, 3, 3), (2,))
    ones = torch.ones(2)
    whole = make(
        [
            helper.make_node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
            helper.make_node("BatchNormalization", ["a", "scale", "scale", "scale", "ones"], ["b"]),
            helper.make_node("Relu", ["b"], ["c"]),
            helper.make_node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Shape", ["d"], ["s"]),
            helper.make_node("Constant", [], ["zero"], value=helper.make_tensor("", TensorProto.INT64, [], [0])),
            helper.make_node("Gather", ["s", "zero"], ["n"]),
            helper.make_node("Constant", [], ["axes"], value=helper.make_tensor("", TensorProto.INT64, [1], [0])),
            helper.make_node("Unsqueeze", ["n", "axes"], ["n1"]),
            helper.make_node("Constant", [], ["rest"], value=helper.make_tensor("", TensorProto.INT64, [1], [-1])),
            helper.make_node("Concat", ["n1", "rest"], ["shape"], axis=0),
            helper.make_node("Reshape", ["d", "shape"], ["e"]),
            helper.make_node("Softmax", ["e"], ["y"]),
        ], [values("x", [1, 2, 4, 4])], [values("y", [1, 8])],
        [tensor("w", w), tensor("scale", scale), tensor("ones", ones)])
    branches = make(
        [
            helper.make_node("Split", ["x"], ["a", "b"], axis=1),
            helper.make_node("AveragePool", ["a"], ["c"], kernel_shape=[3, 3], pads=[1, 1, 1, 1]),
            helper.make_node("ConstantOfShape", ["k"], ["w"], value=helper.make_tensor("", TensorProto.FLOAT, [1], [0.5])),
            helper.make_node("Conv", ["b", "w"], ["d"]),
            helper.make_node("Concat", ["c", "d", "a"], ["e"], axis=1),
            helper.make_node("Resize", ["e", "", "scales"], ["f"]),
            helper.make_node("Transpose", ["f"], ["g"], perm=[0, 2, 3, 1]),
            helper.make_node("ReduceMean", ["g"], ["y"], axes=[1, 2], keepdims=0),
        ], [values("x", ["N", 4, 4, 4])], [values("y", ["N", 5])], [
            helper.make_tensor("k", TensorProto.INT64, [4], [1, 2, 1, 1]),
            helper.make_tensor("scales", TensorProto.FLOAT, [4], [1, 1, 2, 2]),
        ])
    one_loss = make(
        [helper.make_node("SoftmaxCrossEntropyLoss", ["x", "t"], ["y"], reduction="mean")],
        [values("x", [3, 5]), helper.make_tensor_value_info("t", TensorProto.INT64, [3])], [values("y", [])])
    os.makedirs(SEEDS, exist_ok=True)
    for name, model in {**models, "whole": whole, "branches": branches, "loss": one_loss}.items():
        onnx.save(model, os.path.join(SEEDS, name + ".onnx"))


if __name__ == "__main__":
    external()
    loss("softmax_loss", "SoftmaxCrossEntropyLoss", F.cross_entropy, "mean", lambda s: s)
    loss("likelihood_loss", "NegativeLogLikelihoodLoss", F.nll_loss, "sum", lambda s: torch.log_softmax(s, 1))
    refused()
    adam()
    numbered()
    seeds({"functions": functions(), "gradient": gradient(), "windows": windows(), "quantized": quantized()})
