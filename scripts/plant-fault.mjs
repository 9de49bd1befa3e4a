// Preloaded (node --import) by scripts/seed-faults.mjs: changes one compiled module while it is loaded; no file is touched.
// TROUPE_FAULT is { file, find, replace } in JSON; text that does not stand in the file exactly once is an error. Says PLANTED on stderr.
import { writeSync } from 'node:fs';
import { register } from 'node:module';
import { isMainThread } from 'node:worker_threads';

export const PLANTED = 'the fault is planted\n';
const STDERR = 2;
const fault = JSON.parse(process.env.TROUPE_FAULT ?? 'null');

export async function load(url, context, next) {
  const module = await next(url, context);
  if (!url.endsWith(`/${fault.file}`)) return module;
  const parts = String(module.source).split(fault.find);
  if (parts.length !== 2) throw new Error(`'${fault.find}' stands ${parts.length - 1} times in ${fault.file}`);
  writeSync(STDERR, PLANTED);
  return { ...module, source: parts.join(fault.replace) };
}

if (process.env.TROUPE_FAULT && isMainThread) register(import.meta.url);
