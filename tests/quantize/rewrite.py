"""
Rewrites a model in the QDQ form as other tools write theirs.

    python3 rewrite.py uint8|qlinear|scale MODEL.onnx OUT.onnx

uint8: activations are uint8, their zero points 128 more; qlinear: a Conv between the pairs is a
QLinearConv, and a pool after it is one of integers; scale: what a MaxPool gives has a scale of its own.
"""
import sys

import numpy
import onnx
from onnx import helper, numpy_helper


def arrays(graph):
    return {t.name: t for t in graph.initializer}


def to_uint8(graph):
    for tensor in graph.initializer:
        if tensor.name.endswith(".zero_point"):
            zero = numpy_helper.to_array(tensor).astype(int) + 128
            tensor.CopyFrom(numpy_helper.from_array(zero.astype(numpy.uint8), tensor.name))


def other_scale(graph):
    tensors = arrays(graph)
    pool = next(n for n in graph.node if n.op_type == "MaxPool")
    pair = next(n for n in graph.node if n.op_type == "QuantizeLinear" and n.input[0] == pool.output[0])
    scale = tensors[pair.input[1]]
    scale.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(scale) * numpy.float32(1.25), scale.name))


def to_qlinear(graph):
    made = {o: n for n in graph.node for o in n.output}
    readers = {i: n for n in graph.node for i in n.input}
    for node in list(graph.node):
        after = readers.get(node.output[0])
        if node.op_type not in ("Conv", "MaxPool") or after is None or after.op_type != "QuantizeLinear":
            continue
        before = [made[i] for i in node.input]
        assert all(n.op_type == "DequantizeLinear" for n in before)
        if node.op_type == "Conv":
            x, w, b = before
            graph.initializer.append(numpy_helper.from_array(numpy.int8(0), node.name + ".zero"))
            ins = list(x.input) + list(w.input) + [node.name + ".zero"] + list(after.input[1:]) + [b.input[0]]
            new = helper.make_node("QLinearConv", ins, [after.output[0]], name=node.name)
            if w.input[1]:
                rows = numpy_helper.to_array(arrays(graph)[w.input[1]]).shape
                zero = numpy.zeros(rows, numpy.int8)
                graph.initializer[-1].CopyFrom(numpy_helper.from_array(zero, node.name + ".zero"))
        else:
            new = helper.make_node(node.op_type, [before[0].input[0]], [after.output[0]], name=node.name)
        new.attribute.extend(node.attribute)
        at = list(graph.node).index(node)
        graph.node.remove(node)
        graph.node.insert(at, new)
        graph.node.remove(after)


model = onnx.load(sys.argv[2])
{"uint8": to_uint8, "qlinear": to_qlinear, "scale": other_scale}[sys.argv[1]](model.graph)
del model.graph.value_info[:]
onnx.checker.check_model(model)
onnx.save(model, sys.argv[3])
