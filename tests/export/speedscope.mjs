// SPDX-License-Identifier: MIT
// Opens a profile in speedscope, in a browser, and prints the title that it then has and what stands on the page as a
// line of JSON. With node, from a folder that has the npm packages speedscope and puppeteer-core:
//     node speedscope.mjs BROWSER FILE
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const puppeteer = require('puppeteer-core');
const [browserPath, file] = process.argv.slice(2);
const folder = mkdtempSync(path.join(tmpdir(), 'pydeepsize-speedscope-'));
const browser = await puppeteer.launch({executablePath: browserPath, headless: true,
                                        args: ['--no-sandbox', '--disable-gpu', '--allow-file-access-from-files']});
try {
  const profile = path.join(folder, 'profile.js'); // as its own command line does it
  writeFileSync(profile, `speedscope.loadFileFromBase64(${JSON.stringify(path.basename(file))}, ` +
                         `${JSON.stringify(readFileSync(file).toString('base64'))})`);
  const application = path.join(path.dirname(require.resolve('speedscope/package.json')), 'dist/release/index.html');
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  await page.goto('file://' + application + '#localProfilePath=' + profile, {waitUntil: 'load'});
  await page.waitForFunction(() => document.title !== 'speedscope');
  await page.keyboard.press('3'); // the sandwich: a table of all frames
  await page.waitForFunction(() => document.body.innerText.includes('Symbol Name'));
  const text = await page.evaluate(() => document.body.innerText);
  console.log(JSON.stringify({title: await page.title(), errors, text}));
} finally {
  await browser.close();
  rmSync(folder, {recursive: true});
}
