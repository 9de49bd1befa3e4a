#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';

const boot = new URL('../dist/bundle/boot.cjs', import.meta.url);
const command = existsSync(boot) ? createRequire(import.meta.url)(boot.pathname).exports : await import('../dist/command.js');
process.exitCode = await command.main(process.argv);
