import { createHash, randomBytes } from 'node:crypto';
import { appendFileSync, lstatSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { cachedDataVersionTag } from 'node:v8';
import { crc32 } from 'node:zlib';
import { replaceFile } from '@troupe/abi/replace-file.js';

/**
 * Translated code on disk (docs/adr/0033-kept-translations.md).
 *
 *   FOLDER/TAG/index      records of 28 bytes: hash of a page of guest code, id of a module, bytes of that; appended
 *   FOLDER/TAG/ID         u32 magic, CRC-32 of all behind it, bytes of description, wasm, machine code and bodies; these
 *
 * TAG names the translator and V8 with its flags and processor: machine code of others is worth nothing. Files are as
 * trusted as the program: the folder must be the user's own, and nobody else may write to it. Guests have no way to
 * it, and what they run is found by SHA-256.
 */
const INDEX = 'index';
const MAGIC = 0x324b5254;
const HEADER_BYTES = 24;
const HASH_BYTES = 16;
const ID_BYTES = 8;
const RECORD_BYTES = HASH_BYTES + ID_BYTES + 4;
/** Of one tag; what is there goes when there is more. */
const MAX_BYTES = 512 * 1024 * 1024;
/** Tags that stay, the last ones used. */
const MAX_TAGS = 4;

/** A module as it is kept. */
export interface KeptFile<Description> {
  readonly description: Description;
  readonly wasm: Uint8Array<ArrayBuffer>;
  readonly code: Uint8Array<ArrayBuffer>;
  /** What the module was put together from (packed-body.ts). */
  readonly bodies: Uint8Array;
}

/** Name of a page of guest code by its bytes. */
export function hashOf(page: Uint8Array): string {
  return createHash('sha256').update(page).digest('hex').slice(0, HASH_BYTES * 2);
}

/** Where translated code is kept: TROUPE_CODE_CACHE, or a folder of the user's caches; undefined = nowhere. */
export function keptFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  const named = env['TROUPE_CODE_CACHE'];
  if (named === 'off') return undefined;
  try {
    return named || join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'troupe', 'code');
  } catch {
    return undefined;
  }
}

/** Whether anything was ever kept in the folder. */
export function hasKept(folder: string): boolean {
  try {
    return statSync(folder).isDirectory();
  } catch {
    return false;
  }
}

export class KeptFiles<Description> {
  /** Modules by the pages they have code of. */
  readonly #modules = new Map<string, string[]>();
  #bytes = 0;

  private constructor(readonly folder: string) {}

  /** Opens the files of a translator; undefined when there is no place for them. */
  static open<Description>(parent: string, translator: string): KeptFiles<Description> | undefined {
    try {
      const tag = `${translator}-${process.versions.v8}-${process.arch}-${cachedDataVersionTag().toString(16)}`;
      const files = new KeptFiles<Description>(join(parent, tag));
      mkdirSync(files.folder, { recursive: true, mode: 0o700 });
      if (!isOurs(parent) || !isOurs(files.folder)) return undefined;
      files.#readIndex();
      dropOldTags(parent, tag);
      return files;
    } catch {
      return undefined;
    }
  }

  modulesOf(hash: string): readonly string[] {
    return this.#modules.get(hash) ?? [];
  }

  #readIndex(): void {
    const index = readIfThere(join(this.folder, INDEX));
    if (index.length % RECORD_BYTES !== 0) return this.#clear();
    const sizes = new Map<string, number>();
    for (let at = 0; at < index.length; at += RECORD_BYTES) {
      const id = index.toString('hex', at + HASH_BYTES, at + HASH_BYTES + ID_BYTES);
      this.#note(index.toString('hex', at, at + HASH_BYTES), id);
      sizes.set(id, index.readUInt32LE(at + HASH_BYTES + ID_BYTES));
    }
    for (const sizeBytes of sizes.values()) this.#bytes += sizeBytes;
    if (this.#bytes > MAX_BYTES) this.#clear();
  }

  #note(hash: string, id: string): void {
    const known = this.#modules.get(hash);
    if (known) known.push(id);
    else this.#modules.set(hash, [id]);
  }

  /** Other processes that use the files find out when they look for one. */
  #clear(): void {
    this.#modules.clear();
    this.#bytes = 0;
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { force: true });
  }

  /** Undefined: the file is gone or damaged. */
  read(id: string): KeptFile<Description> | undefined {
    const file = readIfThere(join(this.folder, id));
    if (file.length < HEADER_BYTES || file.readUInt32LE(0) !== MAGIC || file.readUInt32LE(4) !== crc32(file.subarray(8))) return undefined;
    const [description, wasm, code, bodies] = [8, 12, 16, 20].map((at) => file.readUInt32LE(at)) as [number, number, number, number];
    const part = (from: number, bytes: number): Uint8Array<ArrayBuffer> => new Uint8Array(file.subarray(HEADER_BYTES + from, HEADER_BYTES + from + bytes));
    return {
      description: JSON.parse(Buffer.from(part(0, description)).toString()) as Description,
      wasm: part(description, wasm),
      code: part(description + wasm, code),
      bodies: part(description + wasm + code, bodies),
    };
  }

  /** Keeps a module with code of these pages; its id, or undefined when there is too much already. Errors (a full disk) are the caller's. */
  write({ description, wasm, code, bodies }: KeptFile<Description>, hashes: Iterable<string>): string | undefined {
    const text = Buffer.from(JSON.stringify(description));
    const header = Buffer.alloc(HEADER_BYTES);
    [MAGIC, 0, text.length, wasm.length, code.length, bodies.length].forEach((word, i) => header.writeUInt32LE(word, i * 4));
    const file = Buffer.concat([header, text, wasm, code, bodies]);
    file.writeUInt32LE(crc32(file.subarray(8)), 4);
    if (this.#bytes + file.length > MAX_BYTES) return undefined;
    this.#bytes += file.length;
    const id = randomBytes(ID_BYTES).toString('hex');
    const path = join(this.folder, id);
    replaceFile(path, file);
    const size = Buffer.alloc(4);
    size.writeUInt32LE(file.length);
    const records = [...hashes].map((hash) => Buffer.concat([Buffer.from(hash, 'hex'), Buffer.from(id, 'hex'), size]));
    appendFileSync(join(this.folder, INDEX), Buffer.concat(records), { mode: 0o600 });
    return id;
  }

  /** The index goes on naming it. */
  remove(id: string): void {
    rmSync(join(this.folder, id), { force: true });
  }
}

function readIfThere(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch {
    return Buffer.alloc(0);
  }
}

/** Nobody else can put files there. */
export function isOurs(folder: string): boolean {
  const { uid, mode } = lstatSync(folder);
  return process.getuid === undefined || (uid === process.getuid() && (mode & 0o022) === 0);
}

/** Translators and versions of Node come and go. */
function dropOldTags(parent: string, tag: string): void {
  const folders = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const used = folders.map(({ name }) => ({ name, timeMs: statSync(join(parent, name)).mtimeMs }));
  const others = used.filter(({ name }) => name !== tag).sort((a, b) => b.timeMs - a.timeMs);
  for (const { name } of others.slice(MAX_TAGS - 1)) rmSync(join(parent, name), { recursive: true, force: true });
}
