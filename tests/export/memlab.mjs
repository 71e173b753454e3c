// SPDX-License-Identifier: MIT
// Reads a heap snapshot with memlab and prints the sum of all nodes and the ten largest retained sizes as a line of
// JSON. With node, from a folder that has the npm package memlab:  node memlab.mjs FILE
import {createRequire} from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const {getFullHeapFromFile} = require('@memlab/heap-analysis');
const heap = await getFullHeapFromFile(process.argv[2]);
const retained = [];
let total = 0;
heap.nodes.forEach((node) => {
  total += node.self_size;
  if (node.type !== 'synthetic') {
    retained.push(node.retainedSize);
  }
});
retained.sort((a, b) => b - a);
console.log('\n' + JSON.stringify({total, largest: retained.slice(0, 10)}));
process.exit(0); // memlab keeps timers
