#!/usr/bin/env node
import { existsSync } from 'node:fs';

const bundle = new URL('../dist/bundle.mjs', import.meta.url);
const { main } = await import(existsSync(bundle) ? bundle.href : new URL('../dist/main.js', import.meta.url).href);
process.exitCode = await main(process.argv);
