#!/usr/bin/env node
import { existsSync } from 'node:fs';

const dist = new URL('../dist/', import.meta.url);
const bundle = new URL('bundle/main.js', dist);
const code = existsSync(bundle) ? new URL('bundle/', dist) : dist;
if (process.argv[2] === 'do' || process.argv[2] === 'run') await import(new URL('early.js', code).href);
const { main } = await import(new URL('main.js', code).href);
process.exitCode = await main(process.argv);
