/** Finds unicorn: the native library through koffi, or a build of unicorn.js for x86. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { createNativeMachine, type Koffi } from './native-unicorn.js';
import type { UnicornMachine } from './unicorn-api.js';

const ARCH_X86 = 4;
const MODE_64 = 8;

export type MachineFactory = (memory: Uint8Array) => UnicornMachine;

/** unicorn.js: a factory of the module, as a promise. */
interface UnicornModule {
  readonly Unicorn: new (arch: number, mode: number) => UnicornMachine;
}
type UnicornJs = () => Promise<UnicornModule>;

/** Problem of what --unicorn names, in words for the user; undefined: none found. */
export function unicornProblem(path: string | undefined): string | undefined {
  if (path === undefined) return 'needs --unicorn PATH: libunicorn.so.2 (Debian package libunicorn2; with the npm package koffi) or a build of unicorn.js for x86';
  if (!existsSync(path)) return `${path}: no such file; install Debian's libunicorn2, or build unicorn.js for x86`;
  if (!isNative(path)) return undefined;
  return findKoffi() === undefined ? 'needs the npm package koffi to load a native library: npm install koffi' : undefined;
}

const isNative = (path: string): boolean => /\.so(\.\d+)*$/.test(path);

/** koffi of this project, or of the folder the command runs in. */
function findKoffi(): string | undefined {
  for (const from of [import.meta.url, pathToFileURL(resolve('package.json')).href]) {
    try {
      return createRequire(from).resolve('koffi');
    } catch {
      // not there
    }
  }
  return undefined;
}

export async function loadUnicorn(path: string): Promise<MachineFactory> {
  if (isNative(path)) {
    const koffi = createRequire(import.meta.url)(findKoffi()!) as Koffi;
    return (memory) => createNativeMachine(koffi, resolve(path), memory);
  }
  const factory = createRequire(import.meta.url)(resolve(path)) as unknown;
  if (typeof factory !== 'function') throw new Error(`${path} exports no factory of unicorn.js`);
  const module = await (factory as UnicornJs)();
  return () => new module.Unicorn(ARCH_X86, MODE_64);
}
