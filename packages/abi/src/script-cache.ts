/**
 * Runs a CommonJS bundle with the code that V8 made of it at build time (docs/adr/0011-start-up.md).
 *
 * A cache file lies beside its bundle. The bundle's name holds a hash of its text, so a cache never
 * meets the text of another build; the cache's name holds the version of V8 and the machine. A file
 * that is missing, damaged or refused by V8 (other flags, another processor) costs time, nothing else.
 *
 *   0 u32 magic   4 u32 check sum   8 V8's data
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { constants, Script } from 'node:vm';
import { replaceFile } from './replace-file.js';
import { withUsualFlags } from './start-flags.js';

const MAGIC = 0x31435254;
const HEADER_BYTES = 8;
const SECTOR_BYTES = 512;

export interface Bundle {
  readonly exports: unknown;
  readonly script: Script;
}

export function cachePath(bundlePath: string): string {
  return `${bundlePath}.${process.versions.v8}-${process.arch}.cache`;
}

/**
 * Sum over one word of each sector: finds lost, mixed up and zeroed sectors, in a hundredth of the
 * time of a sum over all bytes.
 */
function checkSum(data: Uint8Array): number {
  let sum = data.length;
  for (let at = 0; at < data.length; at += SECTOR_BYTES) sum = (Math.imul(sum, 31) + data[at]! + (data[at + 1]! << 8) + (data[at + 2]! << 16)) >>> 0;
  return sum;
}

function readCache(path: string): Buffer | undefined {
  try {
    const file = readFileSync(path);
    const data = file.subarray(HEADER_BYTES);
    return file.readUInt32LE(0) === MAGIC && file.readUInt32LE(4) === checkSum(data) ? data : undefined;
  } catch {
    return undefined;
  }
}

export function writeCache(bundlePath: string, data: Uint8Array): void {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt32LE(MAGIC, 0);
  header.writeUInt32LE(checkSum(data), 4);
  replaceFile(cachePath(bundlePath), Buffer.concat([header, data]));
}

/** The text of a bundle's file. Put together at run time it would be copied once more. */
export function bundleText(module: string): string {
  return `(function (exports, require, module, __filename, __dirname) {${module}\n})`;
}

/** Compiles a bundle, which is ASCII. */
export function compileBundle(path: string, cachedData = readCache(cachePath(path))): Script {
  const options = { filename: path, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER, ...(cachedData ? { cachedData } : {}) };
  return withUsualFlags(() => new Script(readFileSync(path, 'latin1'), options));
}

/** Runs a bundle; what it exports. */
export function runBundle(path: string): Bundle {
  const script = compileBundle(path);
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(path), module, path, dirname(path));
  return { exports: module.exports, script };
}
