// onnxruntime's outputs for a model, in the layout of ONNX's backend tests.
//
//     node onnxruntime.js run MODEL.onnx FOLDER [INPUT.f32]
//         writes FOLDER/input_0.pb, … (numbers between -2 and 2, or the floats of INPUT.f32) and
//         FOLDER/output_0.pb, …
//     node onnxruntime.js version
//
// ONNXRUNTIME: the folder of onnxruntime-node, where node does not find it.
'use strict';
const fs = require('fs');
const path = require('path');

let ort;
const place = process.env.ONNXRUNTIME || 'onnxruntime-node';
try {
  ort = require(place);
} catch (error) {
  console.error('not installed: ' + String(error.message).split('\n')[0]);
  process.exit(1);
}

function varint(value) {
  const bytes = [];
  for (let rest = BigInt(value); ; ) {
    const low = Number(rest & 127n);
    rest >>= 7n;
    bytes.push(rest ? low | 128 : low);
    if (!rest) return Buffer.from(bytes);
  }
}

// A TensorProto: dims (1), data_type (2) of float (1), name (8), raw_data (9).
function tensorBytes(name, tensor) {
  if (tensor.type !== 'float32') throw new Error(`${name} is of ${tensor.type}`);
  const raw = Buffer.from(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  const label = Buffer.from(name);
  return Buffer.concat([
    ...tensor.dims.map((d) => Buffer.concat([Buffer.from([0x08]), varint(d)])),
    Buffer.from([0x10, 1, 0x42]), varint(label.length), label,
    Buffer.from([0x4a]), varint(raw.length), raw,
  ]);
}

// A linear congruential generator: the same numbers everywhere.
function numbers(count) {
  let state = 1;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state / 2 ** 32) * 4 - 2;
  });
}

function floats(file) {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}

async function run(model, folder, given) {
  const session = await ort.InferenceSession.create(model, {
    intraOpNumThreads: 1,
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  const feeds = {};
  session.inputMetadata.forEach((input, i) => {
    const dims = input.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
    const count = dims.reduce((a, b) => a * b, 1);
    feeds[input.name] = new ort.Tensor('float32', given ? floats(given) : numbers(count), dims);
    fs.writeFileSync(path.join(folder, `input_${i}.pb`), tensorBytes(input.name, feeds[input.name]));
  });
  const results = await session.run(feeds);
  session.outputNames.forEach((name, i) => {
    fs.writeFileSync(path.join(folder, `output_${i}.pb`), tensorBytes(name, results[name]));
  });
}

const [word, ...rest] = process.argv.slice(2);
if (word === 'version') console.log('onnxruntime ' + require(place + '/package.json').version);
else run(...rest).catch((error) => {
  console.error(String(error.message).split('\n')[0]);
  process.exit(1);
});
