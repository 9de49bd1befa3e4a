#!/usr/bin/env node
// CommonJS: an ES module as the entry costs 5 ms more.
const { existsSync } = require('node:fs');
const { join } = require('node:path');

const boot = join(__dirname, '../dist/bundle/boot.cjs');

async function run() {
  const { main } = existsSync(boot) ? require(boot).exports : await import('../dist/main.js');
  // Everything is closed and written: the system frees memory faster than V8 does object by object.
  process.exit(await main(process.argv));
}

void run();
