/**
 * Locked instructions from two cores at once on the same bytes: nothing may be lost, whatever the
 * size, the alignment and the page boundary.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { headerWord } from '@troupe/abi/layout/header.js';
import { TCB, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import { FramePool } from '@troupe/abi/shared/frames.js';
import { createMemory, viewMemory, type SharedMemory } from '@troupe/abi/shared/shared-memory.js';
import { expect } from 'chai';
import { CODE_ADDR, DATA_ADDR } from '../support/oracle/layout.js';
import type { AtomicWorkerData } from './engine/atomic-worker.js';
import { GuestPages } from './engine/guest-pages.js';

const CORES = 2;
const ROUNDS = 100_000;
const MEMORY_LIMIT_BYTES = 256 * 1024 * 1024;
const SLOT_BYTES = 64;
const INT3 = 0xcc;
const RCX = 1;
const RSP = 4;
const RSI = 6;
const RDI = 7;
const R8 = 8;

interface Program {
  readonly name: string;
  /** Loop body; rdi = the contended location, rsi = 64 bytes further on; rcx and r8 hold the number of rounds. */
  readonly body: string;
  /** Register that counts the rounds. */
  readonly counter: 'rcx' | 'r8';
  readonly offset: number;
  /** What the location holds at the end, as hex of the bytes. */
  readonly expected: string;
  readonly at?: 'rsi';
}

const TOTAL = CORES * ROUNDS;

function little(value: number, bytes: number): string {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer.toString('hex', 0, bytes);
}

/** At the start of a page, unaligned within it, and across the page end. */
const PLACES: readonly [name: string, offset: number][] = [['aligned', 0x100], ['unaligned', 0x101], ['across a cache line', 0x13f], ['across the page end', 0xfff]];

const SIZED: readonly [name: string, body: string, bytes: number][] = [
  ['lock inc word', '66f0ff07', 2],
  ['lock inc dword', 'f0ff07', 4],
  ['lock add qword', 'f048830701', 8],
  ['lock xadd dword', 'b801000000f00fc107', 4],
  ['lock sub dword', 'f0832fff', 4],
  ['lock cmpxchg dword', '8b078d5001f00fb11775f7', 4],
  ['lock cmpxchg qword', '488b07488d5001f0480fb11775f5', 8],
];

const PROGRAMS: readonly Program[] = [
  { name: 'lock inc byte', body: 'f0fe07', counter: 'rcx', offset: 0x100, expected: little(TOTAL & 0xff, 1) },
  ...SIZED.flatMap(([name, body, bytes]) => PLACES.map(([place, offset]): Program => ({ name: `${name}, ${place}`, body, counter: 'rcx', offset, expected: little(bytes === 2 ? TOTAL & 0xffff : TOTAL, bytes) }))),
  { name: 'lock cmpxchg16b', body: '488b07488b5708488d5801488d4a01f0480fc70f75f1', counter: 'r8', offset: 0x200, expected: little(TOTAL, 8) + little(TOTAL, 8) },
  { name: 'xchg as a spin lock', body: 'b801000000870785c075faff06c70700000000', counter: 'rcx', offset: 0x300, expected: little(TOTAL, 4), at: 'rsi' },
];

/** body ; dec counter ; jnz body ; int3 */
function assemble({ body, counter }: Program): Buffer {
  const bytes = Buffer.from(body, 'hex');
  const decrement = Buffer.from(counter === 'rcx' ? '48ffc9' : '49ffc8', 'hex');
  const back = -(bytes.length + decrement.length + 2);
  return Buffer.concat([bytes, decrement, Buffer.from([0x75, back & 0xff, INT3])]);
}

describe('locked instructions on two cores', function () {
  this.timeout(60_000);
  let shared: SharedMemory;
  let pages: GuestPages;
  let workers: Worker[];
  let tcbs: number[];

  before(async () => {
    const memory = createMemory();
    shared = viewMemory(memory);
    const frames = FramePool.initialise(shared, MEMORY_LIMIT_BYTES);
    shared.i32[headerWord('coreCount')] = CORES;
    pages = new GuestPages(frames);
    PROGRAMS.forEach((program, i) => pages.code.set(assemble(program), SLOT_BYTES * i));
    tcbs = Array.from({ length: CORES }, () => frames.alloc());
    workers = tcbs.map((_, coreId) => new Worker(new URL('engine/atomic-worker.js', import.meta.url), { workerData: { memory, coreId } satisfies AtomicWorkerData }));
    await Promise.all(workers.map((worker) => once(worker, 'message')));
  });

  after(() => Promise.all(workers.map((worker) => worker.terminate())));

  function prepare(tcb: number, codeAddr: number, program: Program): void {
    const { view } = shared;
    const { off } = TCB;
    const set = (reg: number, value: number): void => view.setBigUint64(tcb + off.gpr + 8 * reg, BigInt(value), true);
    view.setUint32(tcb + off.tableRead, pages.tableRead, true);
    view.setUint32(tcb + off.tableWrite, pages.tableWrite, true);
    view.setUint32(tcb + off.tableExec, pages.tableExec, true);
    view.setUint32(tcb + off.asId, 1, true);
    view.setUint32(tcb + off.flagsRest, 0x202, true);
    view.setUint32(tcb + off.mxcsr, 0x1f80, true);
    view.setBigUint64(tcb + off.rip, BigInt(codeAddr), true);
    set(RCX, ROUNDS);
    set(R8, ROUNDS);
    set(RSP, DATA_ADDR + 0x800);
    set(RDI, DATA_ADDR + program.offset);
    set(RSI, DATA_ADDR + program.offset + 64);
  }

  PROGRAMS.forEach((program, i) => {
    it(program.name, async () => {
      pages.data.fill(0);
      tcbs.forEach((tcb) => prepare(tcb, CODE_ADDR + SLOT_BYTES * i, program));
      const done = workers.map((worker) => once(worker, 'message'));
      workers.forEach((worker, core) => worker.postMessage(tcbs[core]));
      const traps = (await Promise.all(done)).flat();
      expect(traps).to.deep.equal([Trap.EXCEPTION, Trap.EXCEPTION]);
      expect(tcbs.map((tcb) => shared.view.getUint32(tcb + TCB.off.trapVector, true))).to.deep.equal([Vector.BP, Vector.BP]);
      const at = program.offset + (program.at === 'rsi' ? 64 : 0);
      const bytes = pages.data.slice(at, at + program.expected.length / 2);
      expect(Buffer.from(bytes).toString('hex')).to.equal(program.expected);
    });
  });
});
