// SPDX-License-Identifier: MIT
// Opens a heap snapshot as a person does: in the Memory panel of the DevTools of a browser, with *Load profile*, sorted
// by retained size, with the type that retains most open. Prints as a line of JSON how many nodes and bytes there are and
// the ten largest retained sizes of that type, and takes a picture. With node, from a folder that has the npm package puppeteer-core:
//     node devtools_panel.mjs BROWSER FILE [PICTURE.png]
import {mkdtempSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const puppeteer = require('puppeteer-core');
const [browserPath, file, picture] = process.argv.slice(2);
const profile = mkdtempSync(path.join(tmpdir(), 'pydeepsize-devtools-'));
const browser = await puppeteer.launch({
  executablePath: browserPath, headless: true, protocolTimeout: 3600000, userDataDir: profile,
  args: ['--no-sandbox', '--disable-gpu', '--remote-allow-origins=*', '--hide-scrollbars'],
});
try {
  const server = new URL(browser.wsEndpoint()).host;
  const inspected = await browser.newPage();
  const id = inspected.target()._targetId;
  const page = await browser.newPage();
  page.setDefaultTimeout(3600000);
  await page.setViewport({width: 1180, height: 640});
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  // The DevTools that the browser itself has, inspecting the empty page.
  await page.goto(`http://${server}/devtools/devtools_app.html?ws=${server}/devtools/page/${id}&panel=heap_profiler`);
  await page.evaluate(() => {
    const input = document.createElement('input');
    input.type = 'file';
    input.id = 'snapshot';
    document.documentElement.append(input);
  });
  await (await page.$('#snapshot')).uploadFile(path.resolve(file));
  const seen = await page.evaluate(async () => {
    const UI = await import('./ui/legacy/legacy.js');
    await UI.ViewManager.ViewManager.instance().showView('heap-profiler');
    const {HeapProfilerPanel} = await import('./panels/profiler/profiler.js');
    const panel = HeapProfilerPanel.HeapProfilerPanel.instance();
    const file = document.querySelector('#snapshot').files[0];
    await panel.loadFromFile(file);
    const [profile] = panel.findProfileTypeByExtension(file.name).getProfiles();
    const view = panel.showProfile(profile);
    const until = async (condition) => {
      while (!condition()) {
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await until(() => profile.snapshotProxy && view.dataGrid.rootNode().children.length > 0);
    const {nodeCount, totalSize} = profile.snapshotProxy.staticData;
    const largest = view.dataGrid.rootNode().children[0];
    largest.expand();
    await until(() => largest.children.length > 0);
    largest.children[Math.min(1, largest.children.length - 1)].select();
    await until(() => view.retainmentDataGrid.rootNode().children.length > 0);
    return {nodes: nodeCount, total: totalSize, type: largest.name,
            largest: largest.children.slice(0, 10).map((node) => node.retainedSize)};
  });
  console.log(JSON.stringify({...seen, errors}));
  if (picture) {
    await page.screenshot({path: picture});
  }
} finally {
  await browser.close();
  rmSync(profile, {recursive: true, force: true});
}
