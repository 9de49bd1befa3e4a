/** Guest programs in C, compiled once per source into the cache. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { CACHE, ROOT } from './paths.js';

const SOURCES = join(ROOT, 'tests/guest/programs');

export function guestNames(): string[] {
  return readdirSync(SOURCES).filter((file) => file.endsWith('.c')).map((file) => file.slice(0, -2));
}

/** Path of the compiled program. `flags`: for example ['-static']; `folder`: where its source lies. */
export function compileGuest(name: string, flags: readonly string[] = [], folder = SOURCES): string {
  const source = join(folder, `${name}.c`);
  const key = createHash('sha256').update(readFileSync(source)).update(flags.join(' ')).digest('hex').slice(0, 12);
  const dir = join(CACHE, 'guest');
  const binary = join(dir, `${name}-${key}`);
  if (existsSync(binary)) return binary;
  mkdirSync(dir, { recursive: true });
  execFileSync('gcc', ['-O1', '-pthread', '-w', ...flags, '-o', binary, source, '-lm'], { stdio: ['ignore', 'ignore', 'inherit'] });
  return binary;
}
