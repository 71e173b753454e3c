// SPDX-License-Identifier: MIT
// Opens a heap snapshot with the worker of Chrome DevTools and prints what it finds as JSON lines: the number of nodes,
// and of the nodes that retain most their id, name, sizes and dominator. With node, from a folder that has the npm
// packages chrome-devtools-frontend and esbuild:  node devtools.mjs FILE [COUNT]
import {createReadStream, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';
import {pathToFileURL} from 'node:url';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const esbuild = require('esbuild');
const frontEnd = path.join(path.dirname(require.resolve('chrome-devtools-frontend/package.json')), 'front_end');

if (!Promise.withResolvers) { // node 20
  Promise.withResolvers = () => {
    let resolve, reject;
    const promise = new Promise((res, rej) => { resolve = res; reject = rej; });
    return {promise, resolve, reject};
  };
}

async function bundle(folder) {
  const worker = path.join(frontEnd, 'entrypoints/heap_snapshot_worker');
  await esbuild.build({
    stdin: {
      contents: `export * from ${JSON.stringify(path.join(worker, 'HeapSnapshotLoader.ts'))};
                 export * from ${JSON.stringify(path.join(worker, 'HeapSnapshot.ts'))};`,
      resolveDir: worker,
    },
    bundle: true, format: 'esm', platform: 'node', outfile: path.join(folder, 'worker.mjs'), logLevel: 'error',
    // Made by the build of DevTools; the texts of its messages are of no use here.
    plugins: [{name: 'generated', setup(build) {
      build.onResolve({filter: /locales\.js$/}, () => ({path: 'locales', namespace: 'generated'}));
      build.onLoad({filter: /.*/, namespace: 'generated'},
                   () => ({contents: 'export const LOCALES = []; export const BUNDLED_LOCALES = []; ' +
                                     'export const DEFAULT_LOCALE = "en-US"; export const REMOTE_FETCH_PATTERN = ""; ' +
                                     'export const LOCAL_FETCH_PATTERN = "";'}));
    }}],
  });
  return import(pathToFileURL(path.join(folder, 'worker.mjs')));
}

async function load(worker, file) {
  const channel = new MessageChannel();
  const secondary = new worker.SecondaryInitManager(channel.port2);
  const loader = new worker.HeapSnapshotLoader({sendEvent() {}, dispatchMessage() {}});
  for await (const chunk of createReadStream(file, {encoding: 'utf8', highWaterMark: 1 << 22})) {
    loader.write(chunk);
  }
  loader.close();
  await loader.parsingComplete;
  const snapshot = await loader.buildSnapshot(channel.port1);
  channel.port1.close();
  void secondary;
  return snapshot;
}

const [file, count] = [process.argv[2], Number(process.argv[3] || 10)];
const folder = mkdtempSync(path.join(tmpdir(), 'pydeepsize-devtools-'));
try {
  writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}');
  const worker = await bundle(folder);
  const snapshot = await load(worker, file);
  console.log(JSON.stringify({nodes: snapshot.nodeCount, total: snapshot.totalSize}));
  const fields = 7;
  const nodes = [];
  for (let i = 0; i < snapshot.nodeCount; i++) {
    const node = snapshot.createNode(i * fields);
    nodes.push([node.retainedSize(), i]);
  }
  nodes.sort((a, b) => b[0] - a[0]);
  for (const [retained, i] of count > 0 ? nodes.slice(0, count) : nodes) {
    const node = snapshot.createNode(i * fields);
    const dominator = snapshot.createNode(node.dominatorIndex());
    console.log(JSON.stringify({id: node.id(), name: node.rawName(), type: node.type(), self: node.selfSize(), retained,
                                distance: node.distance(), dominator: dominator.id()}));
  }
} finally {
  rmSync(folder, {recursive: true});
}
