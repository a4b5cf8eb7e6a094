// Models that nnc exports, run by onnxruntime.
//
//     node onnxruntime.js MODEL.onnx…
//         MODEL.x and MODEL.y beside it are raw floats of a batch: the inputs one after the
//         other, and a row of all outputs for each sample.  Prints for each model the largest
//         difference, relative to the largest output; status 1 where one is above 1e-5
//     node onnxruntime.js version
//
// ONNXRUNTIME: the folder of onnxruntime-node, where node does not find it.
'use strict';

const fs = require('fs');

const TOLERANCE = 1e-5;
let ort;
const place = process.env.ONNXRUNTIME || 'onnxruntime-node';
try {
  ort = require(place);
} catch (error) {
  console.error('not installed: ' + String(error.message).split('\n')[0]);
  process.exit(3);
}

function version() {
  return (ort.env && ort.env.versions && ort.env.versions.node) || require(place + '/package.json').version;
}

function floatsOf(file) {
  const bytes = fs.readFileSync(file);
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
}

// Of an input, which onnxruntime-node says from version 1.21 on: a dimension with a name is the batch.
function shapeOf(metadata, batch) {
  return metadata.shape.map((dim) => (typeof dim === 'number' ? dim : batch));
}

function batchOf(session, x) {
  const sample = session.inputMetadata.reduce((sum, input) => sum + product(shapeOf(input, 1)), 0);
  return x.length / sample;
}

function product(numbers) {
  return numbers.reduce((a, b) => a * b, 1);
}

// Columns first … first + count of rows of `width`.
function columns(rows, width, first, count) {
  const samples = rows.length / width;
  const out = new Float32Array(samples * count);
  for (let n = 0; n < samples; n++) out.set(rows.subarray(n * width + first, n * width + first + count), n * count);
  return out;
}

function feedsOf(session, x, batch) {
  const feeds = {};
  let first = 0;
  session.inputMetadata.forEach((input) => {
    const shape = shapeOf(input, batch);
    const count = product(shape);
    feeds[input.name] = new ort.Tensor('float32', x.subarray(first, first + count), shape);
    first += count;
  });
  return feeds;
}

// The largest difference of the outputs, relative to the largest of them.
function compare(session, results, y, batch) {
  const counts = session.outputNames.map((name) => results[name].data.length / batch);
  const width = counts.reduce((a, b) => a + b, 0);
  let first = 0;
  let worst = width * batch === y.length ? 0 : Infinity;
  let largest = 0;
  session.outputNames.forEach((name, i) => {
    const wanted = columns(y, width, first, counts[i]);
    results[name].data.forEach((value, k) => {
      largest = Math.max(largest, Math.abs(wanted[k]));
      const difference = Math.abs(value - wanted[k]);
      if (!(difference <= worst)) worst = Number.isNaN(difference) ? Infinity : difference;
    });
    first += counts[i];
  });
  return worst / (largest || 1);
}

async function check(file) {
  const session = await ort.InferenceSession.create(file, { logSeverityLevel: 3 });
  const base = file.replace(/\.onnx$/, '');
  const x = floatsOf(base + '.x');
  const batch = batchOf(session, x);
  const results = await session.run(feedsOf(session, x, batch));
  return compare(session, results, floatsOf(base + '.y'), batch);
}

async function main() {
  if (process.argv[2] === 'version') return console.log(version());
  let failed = 0;
  for (const file of process.argv.slice(2)) {
    let said;
    try {
      const worst = await check(file);
      if (!(worst <= TOLERANCE)) failed++;
      said = worst.toExponential(1);
    } catch (error) {
      failed++;
      said = String(error.message).split('\n')[0];
    }
    console.log(`${said <= TOLERANCE ? 'ok' : 'wrong'} ${file.split('/').pop()} ${said}`);
  }
  process.exit(failed ? 1 : 0);
}

main();
