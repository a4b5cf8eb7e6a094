// Nets in int8 that nnc exports, run by onnxruntime and compared with nnc's integers.
//
//     node onnxruntime.js version
//         fails where it is not there
//     node onnxruntime.js digits FOLDER COUNT SIZE OUT.x
//         the first test digits, with a border of zeros to SIZE x SIZE, from 0 to 1, as raw floats
//     node onnxruntime.js random COUNT OUT.x
//         so many numbers from 0 to 1
//     node onnxruntime.js compare MODEL.onnx X Y W8.safetensors VALUE
//         Y is what nnc makes of X.  Prints the largest difference in steps of the scale of VALUE, how
//         many outputs differ, and in how many samples the largest output is the same one
//
// ONNXRUNTIME: the folder of onnxruntime-node, where node does not find it.
'use strict';

const fs = require('fs');
const zlib = require('zlib');

function floatsOf(file) {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

function save(file, floats) {
  fs.writeFileSync(file, Buffer.from(floats.buffer));
}

function digits(folder, count, size, out) {
  const name = fs.readdirSync(folder).find((file) => /^t10k-images|^test-images/.test(file));
  let bytes = fs.readFileSync(`${folder}/${name}`);
  if (name.endsWith('.gz')) bytes = zlib.gunzipSync(bytes);
  const side = bytes.readUInt32BE(8);
  const border = (size - side) / 2;
  const x = new Float32Array(count * size * size);
  for (let n = 0; n < count; n++)
    for (let i = 0; i < side; i++)
      for (let j = 0; j < side; j++)
        x[(n * size + border + i) * size + border + j] = bytes[16 + (n * side + i) * side + j] / 255;
  save(out, x);
}

function random(count, out) {
  let state = 1;
  save(out, Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 8) / 16777216;
  }));
}

function scaleOf(file, value) {
  const bytes = fs.readFileSync(file);
  const length = Number(bytes.readBigUInt64LE(0));
  const at = JSON.parse(bytes.subarray(8, 8 + length))[`quantization/${value}.scale`].data_offsets[0];
  return bytes.readFloatLE(8 + length + at);
}

function largest(row) {
  return row.indexOf(row.reduce((a, b) => Math.max(a, b)));
}

const runtime = () => require(process.env.ONNXRUNTIME || 'onnxruntime-node');

async function compare(model, xFile, yFile, weights, value) {
  const ort = runtime();
  const session = await ort.InferenceSession.create(model, { logSeverityLevel: 3 });
  const x = floatsOf(xFile);
  const y = floatsOf(yFile);
  const sample = session.inputMetadata[0].shape.slice(1);
  const batch = x.length / sample.reduce((a, b) => a * b, 1);
  const feeds = { [session.inputNames[0]]: new ort.Tensor('float32', x, [batch, ...sample]) };
  const got = (await session.run(feeds))[session.outputNames[0]].data;
  if (got.length !== y.length) throw new Error(`${got.length} outputs, not ${y.length}`);
  const step = scaleOf(weights, value);
  const steps = Array.from(got, (number, i) => Math.round(Math.abs(number - y[i]) / step));
  const width = y.length / batch;
  let same = 0;
  for (let n = 0; n < batch; n++) {
    const row = [n * width, (n + 1) * width];
    if (largest(Array.from(got.slice(...row))) === largest(Array.from(y.slice(...row)))) same++;
  }
  const differ = steps.filter((difference) => difference !== 0).length;
  console.log(`largest ${Math.max(...steps)} steps, ${differ} of ${y.length} differ, top-1 ${same} of ${batch}`);
}

const [word, ...rest] = process.argv.slice(2);
if (word === 'version') runtime();
else if (word === 'digits') digits(rest[0], ...rest.slice(1, 3).map(Number), rest[3]);
else if (word === 'random') random(Number(rest[0]), rest[1]);
else compare(...rest).catch((error) => { console.error(error.message); process.exit(1); });
