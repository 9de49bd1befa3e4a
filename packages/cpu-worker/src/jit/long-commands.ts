import { lstatSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '@troupe/abi/replace-file.js';
import { isOurs } from './kept-files.js';

/**
 * Commands that ran long in earlier runs (docs/adr/0033-kept-translations.md).
 *
 *   FOLDER/commands       u64 keys of commands, the one that was added last at the end
 *
 * The folder is that of kept translations, and must be as trusted (kept-files.ts): nothing is read or written before
 * it is there. The file needs no checksum: a wrong key costs the start of a thread.
 */
const FILE = 'commands';
const KEY_BYTES = 8;
export const MAX_COMMANDS = 4096;

export class LongCommands {
  /** Read when first asked for. */
  #keys: BigUint64Array | undefined;

  constructor(readonly folder: string) {}

  has(key: bigint): boolean {
    this.#keys ??= this.#read();
    return this.#keys.includes(key);
  }

  /** The oldest ones go when there are too many. Errors (a full disk) leave the file as it was. */
  add(keys: readonly bigint[]): void {
    if (keys.every((key) => this.has(key))) return;
    // Other kernels may have added some.
    const others = [...this.#read()].filter((key) => !keys.includes(key));
    this.#keys = BigUint64Array.from([...others, ...keys].slice(-MAX_COMMANDS));
    try {
      if (isFolderOurs(this.folder)) replaceFile(join(this.folder, FILE), new Uint8Array(this.#keys.buffer));
    } catch {
      // The next run does without.
    }
  }

  /** A file that is none of ours, or damaged, is as good as none. */
  #read(): BigUint64Array {
    try {
      const bytes = isFolderOurs(this.folder) ? readFileSync(join(this.folder, FILE)) : Buffer.alloc(0);
      const isWhole = bytes.length % KEY_BYTES === 0 && bytes.length <= MAX_COMMANDS * KEY_BYTES;
      return isWhole ? new BigUint64Array(new Uint8Array(bytes).buffer) : new BigUint64Array();
    } catch {
      return new BigUint64Array();
    }
  }
}

function isFolderOurs(folder: string): boolean {
  return lstatSync(folder, { throwIfNoEntry: false })?.isDirectory() === true && isOurs(folder);
}
