// SPDX-License-Identifier: MIT
// The report page: draws what is in #data, the JSON answers of the commands, and loads nothing. Text only ever becomes
// text: no name of the process is ever parsed as markup.
'use strict';
(function () {
  const data = JSON.parse(document.getElementById('data').textContent);
  const main = document.getElementById('main');
  const tip = document.getElementById('tip');
  const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

  function bytes(count) {
    if (count === null || count === undefined) { return ''; }
    let unit = 0, value = Math.abs(count);
    while (value >= 1024 && unit < UNITS.length - 1) { value /= 1024; unit++; }
    return (count < 0 ? '-' : '') + (unit === 0 ? value : value.toFixed(1)) + ' ' + UNITS[unit];
  }

  function number(count) {
    return count === null || count === undefined ? '' : count.toLocaleString('en-US');
  }

  function percent(part, whole) {
    return whole > 0 ? (100 * part / whole).toFixed(1) + ' %' : '';
  }

  function make(name, attributes, ...children) {
    const element = document.createElement(name);
    for (const [key, value] of Object.entries(attributes || {})) {
      if (key === 'class') { element.className = value; } else if (key.startsWith('on')) {
        element.addEventListener(key.slice(2), value);
      } else { element.setAttribute(key, value); }
    }
    for (const child of children) {
      if (child !== null && child !== undefined) { element.append(child); }
    }
    return element;
  }

  function say(text) { tip.textContent = text; }

  // An address is of use in the next command: a click copies one.
  function address(value) {
    if (!value) { return ''; }
    return make('button', {class: 'address', type: 'button', title: 'copies: object ' + value, onclick() {
      const command = 'object ' + value;
      if (navigator.clipboard && window.isSecureContext) { navigator.clipboard.writeText(command).catch(() => {}); }
      say('pydeepsize --core CORE ' + command);
    }}, value);
  }

  function section(id, title, ...children) {
    const part = make('section', {id}, make('h2', {}, title), ...children);
    main.append(part);
    document.getElementById('sections').append(make('a', {href: '#' + id}, title));
    return part;
  }

  // Columns: {title, key or value(row), kind: text | bytes | number | address}. Sorted by a click on a heading.
  function table(columns, rows, options) {
    const body = make('tbody');
    const state = {column: (options || {}).sort, down: true};
    const value = (column, row) => column.value ? column.value(row) : row[column.key];
    function cell(column, row) {
      const found = value(column, row);
      const isNumber = column.kind === 'bytes' || column.kind === 'number';
      const shown = column.kind === 'bytes' ? bytes(found) : column.kind === 'number' ? number(found)
        : column.kind === 'address' ? address(found) : found === null || found === undefined ? '' : String(found);
      const element = make('td', isNumber ? {class: 'number'} : {}, shown);
      if (column.kind === 'bytes' && typeof found === 'number') { element.title = number(found) + ' bytes'; }
      return element;
    }
    function draw() {
      const sorted = rows.slice();
      if (state.column !== undefined) {
        const column = columns[state.column], sign = state.down ? -1 : 1;
        sorted.sort((left, right) => {
          const a = value(column, left), b = value(column, right);
          return sign * (typeof a === 'number' && typeof b === 'number' ? a - b
            : String(a ?? '').localeCompare(String(b ?? '')));
        });
      }
      body.replaceChildren(...sorted.map((row) => make('tr', {}, ...columns.map((column) => cell(column, row)))));
    }
    const headings = columns.map((column, index) => make('th', {
      class: column.kind === 'bytes' || column.kind === 'number' ? 'number' : '', scope: 'col'},
    make('button', {type: 'button', onclick() {
      state.down = state.column === index ? !state.down : column.kind === 'bytes' || column.kind === 'number';
      state.column = index;
      headings.forEach((heading, at) => heading.setAttribute('aria-sort',
        at !== index ? 'none' : state.down ? 'descending' : 'ascending'));
      draw();
    }}, column.title)));
    draw();
    return make('div', {class: 'scroll'}, make('table', {}, make('thead', {}, make('tr', {}, ...headings)), body));
  }

  function failed(answer) {
    return answer && answer.error ? make('p', {class: 'note bad'}, answer.error) : null;
  }

  // ---- The picture: the dominator tree, merged by name ----

  function picture(tree) {
    const SVG = 'http://www.w3.org/2000/svg';
    const nodes = tree.frames.map((frame) => ({name: tree.names[frame[1]], parent: frame[0], self: frame[2],
      count: frame[3], children: []}));
    nodes.forEach((node, index) => { if (index > 0) { nodes[node.parent].children.push(node); } });
    const root = d3.hierarchy(nodes[0]).sum((node) => node.self).sort((a, b) => b.value - a.value);
    const frame = make('div', {class: 'picture'});
    const svg = document.createElementNS(SVG, 'svg');
    const crumbs = make('div', {id: 'crumbs', 'aria-live': 'polite'});
    const WIDTH = 1200, HEIGHT = 420, ROW = 22;
    let focus = root, kind = 'icicle';
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'tree');
    frame.append(svg);

    function colour(name) {
      let hash = 0;
      for (const character of name.replace(/^.*: /, '')) { hash = (hash * 31 + character.charCodeAt(0)) >>> 0; }
      return `hsl(${hash % 360} 55% 72%)`;
    }
    function words(node) {
      return `${node.data.name}: ${bytes(node.value)}, ${percent(node.value, root.value)} of the heap` +
        (node.data.count > 1 ? `, ${number(node.data.count)} objects of its own` : '');
    }
    function box(node, x, y, width, height) {
      const group = document.createElementNS(SVG, 'g');
      const rect = document.createElementNS(SVG, 'rect');
      for (const [key, value] of [['x', x], ['y', y], ['width', Math.max(width, 0)], ['height', Math.max(height, 0)]]) {
        rect.setAttribute(key, value);
      }
      rect.setAttribute('fill', colour(node.data.name));
      group.append(rect);
      if (width > 40 && height > 12) {
        const text = document.createElementNS(SVG, 'text');
        text.setAttribute('x', x + 4);
        text.setAttribute('y', y + 14);
        const room = Math.floor((width - 8) / 6.2);
        const label = `${node.data.name}  ${bytes(node.value)}`;
        text.textContent = label.length > room ? label.slice(0, Math.max(room - 1, 0)) + '\u2026' : label;
        group.append(text);
      }
      group.setAttribute('tabindex', '0');
      group.setAttribute('role', 'treeitem');
      group.setAttribute('aria-label', words(node));
      group.addEventListener('mouseenter', () => say(words(node)));
      group.addEventListener('focus', () => say(words(node)));
      const zoom = () => { focus = node.data === focus.data ? focus.parent || root : find(node.data); draw(); };
      group.addEventListener('click', zoom);
      group.addEventListener('keydown', (event) => {
        if (event.key === 'Enter' || event.key === ' ') { event.preventDefault(); zoom(); }
      });
      svg.append(group);
    }
    function drawIcicle() {
      const rows = Math.floor(HEIGHT / ROW);
      d3.partition().size([WIDTH, (focus.height + 1) * ROW])(d3.hierarchy(focus.data).sum((n) => n.self)
        .sort((a, b) => b.value - a.value)).each((node) => {
        if (node.depth < rows - 1 && node.x1 - node.x0 > 0.7) {
          box(node, node.x0, node.depth * ROW, node.x1 - node.x0, ROW);
        }
      });
    }
    function drawTreemap() {
      const copy = d3.hierarchy(focus.data).sum((node) => node.self).sort((a, b) => b.value - a.value);
      d3.treemap().size([WIDTH, HEIGHT]).paddingTop(18).paddingInner(1)(copy);
      copy.each((node) => {
        if (node.depth <= 3 && node.x1 - node.x0 > 3 && node.y1 - node.y0 > 3) {
          box(node, node.x0, node.y0, node.x1 - node.x0, node.y1 - node.y0);
        }
      });
    }
    function find(nodeData) {
      let found = root;
      root.each((node) => { if (node.data === nodeData) { found = node; } });
      return found;
    }
    function draw() {
      focus = find(focus.data);
      svg.replaceChildren();
      crumbs.replaceChildren();
      focus.ancestors().reverse().forEach((node, index) => {
        if (index > 0) { crumbs.append(' \u203A '); }
        crumbs.append(make('a', {href: '#picture', onclick(event) {
          event.preventDefault();
          focus = node;
          draw();
        }}, node.data.name));
      });
      crumbs.append(`  ${bytes(focus.value)}`);
      if (kind === 'icicle') { drawIcicle(); } else { drawTreemap(); }
    }
    const choose = (name) => make('button', {type: 'button', 'aria-pressed': String(name === kind), onclick(event) {
      kind = name;
      for (const button of event.target.parentNode.querySelectorAll('button[aria-pressed]')) {
        button.setAttribute('aria-pressed', String(button === event.target));
      }
      draw();
    }}, name);
    const up = make('button', {type: 'button', onclick() { focus = focus.parent || root; draw(); }}, 'up (Backspace)');
    document.addEventListener('keydown', (event) => {
      if (event.key === 'Backspace' && !/^(INPUT|TEXTAREA)$/.test(document.activeElement.tagName)) {
        event.preventDefault();
        focus = focus.parent || root;
        draw();
      }
    });
    draw();
    return [make('p', {class: 'note'}, 'What keeps the memory alive: below each bar what goes with it. A click zooms in.'),
      make('div', {class: 'tools'}, choose('icicle'), choose('treemap'), up), crumbs, frame];
  }

  // ---- Sections ----

  function balance(node, total) {
    const item = make('li', {}, make('span', {class: 'bytes'}, bytes(node.bytes)), node.name,
      make('span', {class: 'note'}, '  ' + percent(node.bytes, total)));
    if (node.parts && node.parts.length > 0) {
      item.append(make('ul', {class: 'tree'}, ...node.parts.map((part) => balance(part, total))));
    }
    return item;
  }

  const drawers = {
    memory(answer) {
      const total = (answer.total || {}).mapped || 0;
      return [...(answer.verdict || []).map((one) => make('p', {}, one.text)),
        make('ul', {class: 'tree'}, ...(answer.tree || []).map((part) => balance(part, total)))];
    },
    findings(answer) {
      if ((answer.findings || []).length === 0) { return [make('p', {class: 'note'}, 'Nothing was found wrong.')]; }
      return [table([{title: 'Bytes', key: 'bytes', kind: 'bytes'}, {title: 'What', key: 'text'},
        {title: 'Where', value: (row) => (row.places || []).map((place) => place.name).join(', ')},
        {title: 'Next', value: (row) => (row.next || '').split(' ').map((one) => one.replace(':', ' ')).join(', ')}],
      answer.findings)];
    },
    heap(answer) {
      return [table([{title: 'Count', key: 'count', kind: 'number'}, {title: 'Shallow', key: 'shallow', kind: 'bytes'},
        {title: 'Allocated', key: 'allocated', kind: 'bytes'},
        {title: 'Share', value: (row) => percent(row.shallow, answer.total.shallow)}, {title: 'Type', key: 'type'}],
      answer.types || [], {sort: 1})];
    },
    top(answer) {
      return [table([{title: 'Retained', key: 'retained', kind: 'bytes'}, {title: 'Count', key: 'count', kind: 'number'},
        {title: 'Type', key: 'type'}, {title: 'Name', key: 'name'}, {title: 'Address', key: 'address', kind: 'address'}],
      answer.rows || [], {sort: 0})];
    },
    modules(answer) {
      return [table([{title: 'Retained', key: 'retained', kind: 'bytes'}, {title: 'Deep', key: 'deep', kind: 'bytes'},
        {title: 'Module', key: 'name'}, {title: 'Biggest global', value: (row) => (row.largest || {}).name},
        {title: 'retains', value: (row) => (row.largest || {}).retained, kind: 'bytes'},
        {title: 'Address', value: (row) => (row.largest || row).address, kind: 'address'}], answer.modules || [],
      {sort: 0})];
    },
    frames(answer) {
      return (answer.threads || []).map((thread) => make('details', {open: ''},
        make('summary', {}, `thread ${thread.id} ${thread.name || ''}`),
        ...(thread.frames || []).map((one) => make('details', {},
          make('summary', {}, `${one.function}()  ${one.file}:${one.line}`),
          table([{title: 'Retained', key: 'retained', kind: 'bytes'}, {title: 'Deep', key: 'deep', kind: 'bytes'},
            {title: 'Local', key: 'name'}, {title: 'Type', key: 'type'},
            {title: 'Address', key: 'address', kind: 'address'}], one.locals || [], {sort: 0})))));
    },
    threads(answer) {
      const rows = (answer.threads || []).map((thread) => ({id: thread.id, name: thread.name, state: thread.state,
        waits: thread.waits_for ? [thread.waits_for.kind, thread.waits_for.name].filter(Boolean).join(' ') : ''}));
      return [table([{title: 'Thread', key: 'id'}, {title: 'Name', key: 'name'}, {title: 'State', key: 'state'},
        {title: 'Waits for', key: 'waits'}], rows),
      (answer.deadlocks || []).length > 0
        ? make('p', {class: 'bad'}, `${answer.deadlocks.length} deadlock(s): see the command threads.`) : null];
    },
    tasks(answer) {
      return [table([{title: 'Tasks', key: 'count', kind: 'number'}, {title: 'State', key: 'state'},
        {title: 'Retained', key: 'retained', kind: 'bytes'},
        {title: 'Awaits', value: (row) => (row.chain || []).map((step) => `${step.function} ${step.file}:${step.line}`)
          .join(' \u2192 ')}, {title: 'Waits for', value: (row) => typeof row.waits_for === 'object' && row.waits_for
          ? row.waits_for.name || row.waits_for.type : row.waits_for}], answer.groups || [], {sort: 0})];
    },
    garbage(answer) {
      return [table([{title: 'Count', key: 'count', kind: 'number'}, {title: 'Shallow', key: 'shallow', kind: 'bytes'},
        {title: 'Kind', key: 'kind'}, {title: 'Type', key: 'type'}], answer.types || [], {sort: 1})];
    },
    native(answer) {
      return [table([{title: 'Bytes', key: 'bytes', kind: 'bytes'}, {title: 'Count', key: 'count', kind: 'number'},
        {title: 'Owner type', key: 'type'}], answer.by_owner || [], {sort: 0})];
    },
    diff(answer) {
      return [table([{title: 'More bytes', key: 'shallow_delta', kind: 'bytes'},
        {title: 'More objects', key: 'count_delta', kind: 'number'}, {title: 'Now', key: 'shallow', kind: 'bytes'},
        {title: 'Type', key: 'type'}], answer.types || [], {sort: 0}),
      table([{title: 'Retains more', key: 'retained_delta', kind: 'bytes'},
        {title: 'Now', key: 'retained', kind: 'bytes'}, {title: 'Owner', key: 'name'},
        {title: 'Address', key: 'address', kind: 'address'}], answer.owners || [], {sort: 0})];
    },
    info(answer) {
      const rows = [];
      (function walk(prefix, value) {
        if (value && typeof value === 'object') {
          for (const [key, part] of Object.entries(value)) { walk(prefix ? `${prefix}.${key}` : key, part); }
        } else { rows.push({key: prefix, value}); }
      }('', Object.assign({}, answer, {layouts: undefined})));
      return [table([{title: 'What', key: 'key'}, {title: 'Value', key: 'value'}], rows)];
    },
  };
  const titles = {diff: 'What changed', findings: 'Findings', memory: 'Memory', top: 'Who holds it', heap: 'Types',
    modules: 'Modules', frames: 'Frames', threads: 'Threads', tasks: 'Tasks', garbage: 'Garbage', native: 'Native memory',
    info: 'About this dump'};

  const info = data.info || {};
  const heap = data.heap || {};
  document.getElementById('summary').textContent = [info.python ? `Python ${info.python.version || info.python}` : '',
    heap.total ? `${number(heap.total.count)} objects, ${bytes(heap.total.shallow)}` : ''].filter(Boolean).join(', ');
  for (const name of ['diff', 'findings', 'memory']) {
    if (data[name]) { section(name, titles[name], failed(data[name]), ...(data[name].error ? [] : drawers[name](data[name]))); }
  }
  if (data.tree && data.tree.frames.length > 0) { section('picture', 'Picture', ...picture(data.tree)); }
  for (const name of ['top', 'heap', 'modules', 'frames', 'threads', 'tasks', 'garbage', 'native', 'info']) {
    if (data[name]) { section(name, titles[name], failed(data[name]), ...(data[name].error ? [] : drawers[name](data[name]))); }
  }
  const warnings = (info.warnings || []).map((one) => typeof one === 'string' ? one : one.text);
  section('covered', 'What the dump lacks', ...(warnings.length > 0 ? warnings : ['Nothing that is known.'])
    .map((text) => make('p', {class: 'note'}, text)));

  // ---- Search, keys, light and dark ----

  const search = document.getElementById('search');
  search.addEventListener('input', () => {
    const wanted = search.value.toLowerCase();
    let shown = 0;
    for (const row of document.querySelectorAll('tbody tr')) {
      const fits = wanted === '' || row.textContent.toLowerCase().includes(wanted);
      row.hidden = !fits;
      shown += fits;
    }
    for (const details of document.querySelectorAll('details')) { if (wanted !== '') { details.open = true; } }
    say(wanted === '' ? '' : `${number(shown)} rows with \u201C${search.value}\u201D`);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === '/' && document.activeElement !== search) { event.preventDefault(); search.focus(); }
    if (event.key === 'Escape' && document.activeElement === search) {
      search.value = '';
      search.dispatchEvent(new Event('input'));
      search.blur();
    }
  });
  document.getElementById('theme').addEventListener('click', () => {
    const dark = document.documentElement.dataset.theme
      ? document.documentElement.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
    document.documentElement.dataset.theme = dark ? 'light' : 'dark';
  });
  document.documentElement.dataset.ready = 'yes';
}());
