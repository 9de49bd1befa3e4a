import { renameSync, writeFileSync } from 'node:fs';

/** Writes a file so that a reader sees all of it or what was there before. */
export function replaceFile(path: string, data: Uint8Array): void {
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, data);
  renameSync(temporary, path);
}
