// SPDX-License-Identifier: MIT
// Opens a report page in a browser, uses it as a person would, and prints what was seen as one line of JSON. With node,
// from a folder that has the npm package puppeteer-core:  node page.mjs BROWSER FILE
import {createRequire} from 'node:module';
import path from 'node:path';

const require = createRequire(path.join(process.cwd(), 'package.json'));
const puppeteer = require('puppeteer-core');
const [browserPath, file] = process.argv.slice(2);

const browser = await puppeteer.launch({executablePath: browserPath, headless: true,
                                        args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage']});
const seen = {errors: [], requests: [], dialogs: 0};
try {
  const page = await browser.newPage();
  await page.setViewport({width: 1300, height: 900});
  page.on('console', (message) => { if (message.type() === 'error') { seen.errors.push(message.text()); } });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('request', (request) => { if (!request.url().startsWith('data:')) { seen.requests.push(request.url()); } });
  page.on('dialog', (dialog) => { seen.dialogs++; dialog.dismiss(); });
  await page.goto('file://' + file, {waitUntil: 'load'});
  await page.waitForSelector('html[data-ready="yes"]');
  seen.ready = true;
  seen.sections = await page.$$eval('h2', (all) => all.map((one) => one.textContent));
  const crumbs = () => page.$eval('#crumbs', (one) => one.textContent);
  const bars = () => page.$$eval('.picture g', (all) => all.length);
  seen.bars = {icicle: await bars()};
  seen.crumbs = {first: await crumbs()};
  await page.$$eval('.picture g', (all) => all[2].dispatchEvent(new MouseEvent('click', {bubbles: true})));
  seen.crumbs.zoomed = await crumbs();
  await page.keyboard.press('Backspace');
  seen.crumbs.back = await crumbs();
  await page.$$eval('.tools button', (all) => all.find((one) => one.textContent === 'treemap').click());
  seen.bars.treemap = await bars();
  const counts = () => page.$$eval('#heap tbody tr', (all) =>
    all.slice(0, 50).map((row) => Number(row.cells[0].textContent.replaceAll(',', ''))));
  await page.$eval('#heap th button', (one) => one.click());
  const once = await counts();
  await page.$eval('#heap th button', (one) => one.click());
  const twice = await counts();
  seen.sorted = once[0] >= once[once.length - 1] ? {down: once, up: twice} : {down: twice, up: once};
  seen.types = await page.$$eval('#heap tbody tr', (all) => all.map((row) => row.cells[4].textContent));
  seen.rows = await page.$$eval('tbody tr', (all) => all.length);
  await page.keyboard.press('/');
  await page.keyboard.type('session');
  seen.found = await page.$$eval('tbody tr', (all) => all.filter((row) => !row.hidden).length);
  await page.keyboard.press('Escape');
  const theme = () => page.$eval('body', (one) => getComputedStyle(one).backgroundColor);
  seen.themes = [await theme()];
  await page.$eval('#theme', (one) => one.click());
  seen.themes.push(await theme());
  seen.scripts = await page.$$eval('script', (all) => all.length);
  seen.images = await page.$$eval('img', (all) => all.length);
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
