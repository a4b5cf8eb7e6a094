// onnxruntime as a peer of nnc: one row of the benchmark, inference.
//
//     node peer_onnxruntime.js time FILE.onnx C,H,W THREADS SECONDS
//         prints "median_ms least_ms resident_mb runs"
//     node peer_onnxruntime.js version
//
// ONNXRUNTIME: the folder of onnxruntime-node, where node does not find it.
'use strict';

let ort;
const place = process.env.ONNXRUNTIME || 'onnxruntime-node';
try {
  ort = require(place);
} catch (error) {
  console.error('not installed: ' + String(error.message).split('\n')[0]);
  process.exit(1);
}

function version() {
  return ort.env && ort.env.versions && ort.env.versions.node || require(place + '/package.json').version;
}

function milliseconds() {
  return Number(process.hrtime.bigint()) / 1e6;
}

async function timeRow(file, shape, threads, seconds) {
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: Number(threads),
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
  });
  const dims = [1, ...shape.split(',').map(Number)];
  const count = dims.reduce((a, b) => a * b);
  const x = new ort.Tensor('float32', Float32Array.from({ length: count }, (_, i) => Math.sin(i)), dims);
  const feeds = { [session.inputNames[0]]: x };
  for (let i = 0; i < 3; i++) await session.run(feeds);
  const times = [];
  const begin = milliseconds();
  while (times.length < 3 || milliseconds() - begin < 1000 * Number(seconds)) {
    const start = milliseconds();
    await session.run(feeds);
    times.push(milliseconds() - start);
  }
  times.sort((a, b) => a - b);
  const resident = process.resourceUsage().maxRSS / 1024;
  console.log(`${times[times.length >> 1].toFixed(4)} ${times[0].toFixed(4)} ${resident.toFixed(0)} ${times.length}`);
}

const [word, ...rest] = process.argv.slice(2);
if (word === 'version') console.log('onnxruntime ' + version());
else timeRow(...rest);
