import { readFileSync } from 'node:fs';
import { Errno, PAGE_SIZE, userCredentials } from '@troupe/abi';
import { LimitSet } from '@troupe/abi/linux/limits.js';
import { ElfError, parseElf } from '@troupe/kernel/elf/elf-image.js';
import { loadExecutable, type LoadArgs, type LoadedProgram } from '@troupe/kernel/elf/loader.js';
import type { ProgramFile } from '@troupe/kernel/elf/program-file.js';
import { parseScript } from '@troupe/kernel/elf/script.js';
import { PIE_BASE, STACK_TOP } from '@troupe/kernel/mm/layout.js';
import type { MemorySystem } from '@troupe/kernel/mm/memory-system.js';
import { SharedObject } from '@troupe/kernel/mm/shared-object.js';
import { expect } from 'chai';
import { makeSystem, READ_FAULT, WRITE_FAULT } from '../mm/fixture.js';

function programOf(system: MemorySystem, bytes: Uint8Array): ProgramFile {
  const mapping = new SharedObject(system.frames, bytes.length, '/program', 0x801);
  mapping.incRef();
  for (let at = 0; at < bytes.length; at += PAGE_SIZE) system.shared.u8.set(bytes.subarray(at, at + PAGE_SIZE), mapping.getPage(at / PAGE_SIZE, true));
  return { read: (off, len) => bytes.slice(off, off + len), mapping };
}

interface Segment {
  readonly flags: number;
  readonly offBytes: number;
  readonly vaddr: number;
  readonly fileBytes: number;
  readonly memBytes: number;
}

/** A minimal ELF file of three pages; the byte at 0x1000 is 0x11, at 0x2000 0x22. */
function makeElf(type: number, segments: readonly Segment[], interpreter = ''): Uint8Array {
  const bytes = new Uint8Array(3 * PAGE_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, type, true);
  view.setUint16(18, 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(24, BigInt(segments[0]?.vaddr ?? 0) + 0x100n, true);
  view.setBigUint64(32, 64n, true);
  view.setUint16(54, 56, true);
  view.setUint16(56, segments.length + (interpreter === '' ? 0 : 1), true);
  const header = (index: number, kind: number, segment: Segment): void => {
    const at = 64 + index * 56;
    view.setUint32(at, kind, true);
    view.setUint32(at + 4, segment.flags, true);
    [segment.offBytes, segment.vaddr, segment.vaddr, segment.fileBytes, segment.memBytes, PAGE_SIZE].forEach((value, i) => view.setBigUint64(at + 8 + i * 8, BigInt(value), true));
  };
  segments.forEach((segment, index) => header(index, 1, segment));
  if (interpreter !== '') {
    bytes.set(Buffer.from(interpreter + '\0'), 0x800);
    header(segments.length, 3, { flags: 4, offBytes: 0x800, vaddr: 0x800, fileBytes: interpreter.length + 1, memBytes: interpreter.length + 1 });
  }
  bytes.fill(0x11, 0x1000, 0x2000);
  bytes.fill(0x22, 0x2000, 0x3000);
  return bytes;
}

const TEXT: Segment = { flags: 5, offBytes: 0, vaddr: 0x40_0000, fileBytes: 0x1000, memBytes: 0x1000 };
const DATA: Segment = { flags: 6, offBytes: 0x1000, vaddr: 0x40_1000, fileBytes: 0x800, memBytes: 0x3000 };

function argsOf(system: MemorySystem, bytes: Uint8Array, more: Partial<LoadArgs> = {}): LoadArgs {
  return {
    system, file: programOf(system, bytes), path: '/bin/prog', argv: ['prog', 'a b'], envp: ['X=1'], limits: new LimitSet(),
    creds: userCredentials(1000, 100, []), random: new Uint8Array(16).fill(7), open: () => -Errno.ENOENT, ...more,
  };
}

function load(bytes: Uint8Array, more: Partial<LoadArgs> = {}, system = makeSystem()): LoadedProgram {
  const loaded = loadExecutable(argsOf(system, bytes, more));
  if (typeof loaded === 'number') throw new Error(`refused: ${loaded}`);
  return loaded;
}

/** The words at rsp, decoded. */
function readStack({ mm, rsp }: LoadedProgram): { argv: string[]; envp: string[]; auxv: Map<number, number> } {
  let at = rsp;
  const word = (): number => mm.readUlong((at += 8) - 8);
  const strings = (): string[] => {
    const list: string[] = [];
    for (let ptr = word(); ptr !== 0; ptr = word()) list.push(mm.copyInString(ptr, 1 << 20));
    return list;
  };
  const argc = word();
  const argv = strings();
  expect(argv).to.have.length(argc);
  const envp = strings();
  const auxv = new Map<number, number>();
  for (let key = word(); key !== 0; key = word()) auxv.set(key, word());
  return { argv, envp, auxv };
}

describe('ELF loader', () => {
  it('maps segments, clears bss, sets the break', () => {
    const { mm, entry } = load(makeElf(2, [TEXT, DATA]));
    expect(entry).to.equal(0x40_0100);
    expect(mm.copyIn(0x40_17fe, 4)).to.deep.equal(Uint8Array.of(0x11, 0x11, 0, 0));
    expect([mm.readU8(0x40_1fff), mm.readU8(0x40_3fff)]).to.deep.equal([0, 0]);
    expect(mm.handleFault(0x40_0000, WRITE_FAULT)).to.have.property('code', 2);
    expect(mm.brk.start).to.equal(0x40_4000);
    expect(mm.mapsText()).to.match(/\[stack\]/).and.match(/\[vvar\]/).and.match(/\[vdso\]/);
  });

  it('builds the stack of the ABI', () => {
    const loaded = load(makeElf(2, [TEXT, DATA]), { extraAuxv: [{ key: 1000, value: 5n }] });
    const { argv, envp, auxv } = readStack(loaded);
    expect(loaded.rsp % 16).to.equal(0);
    expect(loaded.rsp).to.be.lessThan(STACK_TOP);
    expect(argv).to.deep.equal(['prog', 'a b']);
    expect(envp).to.deep.equal(['X=1']);
    expect([3, 4, 5, 6, 9, 11, 12, 13, 14, 17, 23, 1000].map((key) => auxv.get(key))).to.deep.equal([0x40_0040, 56, 2, 4096, 0x40_0100, 1000, 1000, 100, 100, 100, 0, 5]);
    expect(loaded.mm.copyIn(auxv.get(25)!, 16)).to.deep.equal(new Uint8Array(16).fill(7));
    expect(loaded.mm.copyInString(auxv.get(31)!, 100)).to.equal('/bin/prog');
    expect(loaded.mm.copyInString(auxv.get(15)!, 100)).to.equal('x86_64');
    expect(loaded.mm.copyIn(loaded.mm.image.argStart, loaded.mm.image.envEnd - loaded.mm.image.argStart)).to.deep.equal(new Uint8Array(Buffer.from('prog\0a b\0X=1\0')));
  });

  it('places position-independent programs and their interpreter below 4 GiB', () => {
    const system = makeSystem();
    const pie = makeElf(3, [{ ...TEXT, vaddr: 0 }, { ...DATA, vaddr: 0x1000 }], '/lib/ld.so');
    const asked: string[] = [];
    const open = (path: string): ProgramFile => {
      asked.push(path);
      return programOf(system, makeElf(3, [{ ...TEXT, vaddr: 0 }]));
    };
    const loaded = load(pie, { open }, system);
    const { auxv } = readStack(loaded);
    expect(asked).to.deep.equal(['/lib/ld.so']);
    expect(auxv.get(9)).to.equal(PIE_BASE + 0x100);
    expect(auxv.get(3)).to.equal(PIE_BASE + 64);
    expect(loaded.entry).to.equal(auxv.get(7)! + 0x100);
    expect(loaded.entry).to.be.lessThan(2 ** 32);
  });

  it('loads what the host runs', function () {
    const system = makeSystem();
    const loaded = load(readFileSync('/bin/sh'), { open: (path) => programOf(system, readFileSync(path)) }, system);
    const head = loaded.mm.copyIn(readStack(loaded).auxv.get(7)!, 4);
    expect(Buffer.from(head).toString('latin1')).to.equal('\x7fELF');
  });

  it('refuses broken files and leaves no frame behind', () => {
    const good = makeElf(2, [TEXT, DATA]);
    const broken = (at: number, value: number, reason: string): void => {
      const bytes = good.slice();
      bytes[at] = value;
      expect(() => parseElf((off, len) => bytes.slice(off, off + len)), reason).to.throw(ElfError, reason);
      const system = makeSystem();
      const args = argsOf(system, bytes);
      const before = system.frames.framesInUse;
      expect(loadExecutable(args)).to.equal(-Errno.ENOEXEC);
      expect(system.frames.framesInUse).to.equal(before);
    };
    broken(0, 0, 'bad magic');
    broken(16, 1, 'wrong type');
    broken(18, 3, 'wrong machine');
    broken(54, 55, 'bad program header size');
    broken(56, 0, 'no program headers');
    broken(38, 0xff, 'program headers past the end');
    broken(64 + 32 + 2, 1, 'file size over memory size');
    broken(64 + 16 + 6, 1, 'segment outside of user space');
    broken(64 + 8, 1, 'segment misaligned');
    expect(loadExecutable(argsOf(makeSystem(), new Uint8Array(0)))).to.equal(-Errno.ENOEXEC);
    expect(loadExecutable(argsOf(makeSystem(), good.slice(0, 100)))).to.equal(-Errno.ENOEXEC);
  });

  it('never crashes on mutated files', () => {
    const system = makeSystem();
    const good = makeElf(3, [{ ...TEXT, vaddr: 0 }, { ...DATA, vaddr: 0x1000 }], '/lib/ld.so');
    let seed = 1;
    const random = (below: number): number => (seed = (seed * 48271) % 0x7fff_ffff) % below;
    for (let round = 0; round < 300; round++) {
      const bytes = good.slice(0, random(20) === 0 ? random(good.length) : good.length);
      for (let n = random(4) + 1; n > 0; n--) bytes[random(Math.min(256, bytes.length || 1))] = random(256);
      const args = argsOf(system, bytes);
      const loaded = loadExecutable({ ...args, open: () => args.file });
      if (typeof loaded === 'number') expect(loaded).to.be.lessThan(0);
      else loaded.mm.destroy();
      (args.file.mapping as SharedObject).decRef();
    }
    expect(system.spaces.size).to.equal(0);
  });

  it('limits arguments', () => {
    const elf = makeElf(2, [TEXT, DATA]);
    expect(loadExecutable(argsOf(makeSystem(), elf, { argv: ['x'.repeat(131072)] }))).to.equal(-Errno.E2BIG);
    expect(loadExecutable(argsOf(makeSystem(), elf, { argv: Array.from({ length: 17 }, () => 'x'.repeat(131000)) }))).to.equal(-Errno.E2BIG);
    expect(readStack(load(elf, { argv: ['x'.repeat(131071)] })).argv[0]).to.have.length(131071);
    expect(readStack(load(elf, { argv: [] })).argv).to.deep.equal(['']);
  });
});

describe('Interpreter scripts', () => {
  const script = (text: string): Uint8Array => Buffer.from(text, 'latin1');

  it('splits the first line as Linux does', () => {
    expect(parseScript(script('#!/bin/sh\nx'))).to.deep.equal({ interpreter: '/bin/sh', argument: null });
    expect(parseScript(script('#! \t/bin/sh  -e -x \t\n'))).to.deep.equal({ interpreter: '/bin/sh', argument: '-e -x' });
    expect(parseScript(script('#!/bin/sh'))).to.deep.equal({ interpreter: '/bin/sh', argument: null });
    expect(() => parseScript(script('#!\n'))).to.throw(ElfError);
    expect(() => parseScript(script('#!/' + 'x'.repeat(300)))).to.throw(ElfError);
    expect(parseScript(script('#!/bin/sh ' + 'x'.repeat(300))).argument).to.equal('x'.repeat(246));
  });

  it('runs the interpreter with the script as argument, through scripts of scripts', () => {
    const system = makeSystem();
    const files: Record<string, ProgramFile> = {
      '/b': programOf(system, script('#!/elf two words\n')),
      '/elf': programOf(system, makeElf(2, [TEXT, DATA])),
      '/loop': programOf(system, script('#!/loop\n')),
    };
    const open = (path: string): ProgramFile | number => files[path] ?? -Errno.ENOENT;
    const loaded = load(script('#!/b -x\n'), { open, path: './a.sh' }, system);
    expect(readStack(loaded).argv).to.deep.equal(['/elf', 'two words', '/b', '-x', './a.sh', 'a b']);
    expect(loaded.name).to.equal('a.sh');
    expect(loaded.file).to.equal(files['/elf']);
    expect(loadExecutable(argsOf(system, script('#!/loop\n'), { open }))).to.equal(-Errno.ELOOP);
    expect(loadExecutable(argsOf(system, script('#!/none\n'), { open }))).to.equal(-Errno.ENOENT);
  });
});

describe('vDSO', () => {
  it('is mapped read-only behind its parameter page', () => {
    const loaded = load(makeElf(2, [TEXT, DATA]));
    const base = readStack(loaded).auxv.get(33)!;
    const image = parseElf((off, len) => loaded.mm.copyIn(base + off, len));
    expect(image.loads).to.have.length(1);
    expect(loaded.mm.handleFault(base - PAGE_SIZE, READ_FAULT)).to.equal('ok');
    expect(loaded.mm.handleFault(base - PAGE_SIZE, WRITE_FAULT)).to.have.property('signal', 11);
    expect(loaded.mm.mprotect(base - PAGE_SIZE, PAGE_SIZE, 3)).to.equal(-Errno.EACCES);
  });
});
