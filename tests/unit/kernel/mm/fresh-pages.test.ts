/** Pages that cores fill: what the kernel finds when it looks at any moment of a core's work. */
import { ADDEND_BIAS, CoreBlock, coreBlockAddr, FLAT_SET, LOCAL_CORE, PAGE_SIZE, PageRun, TCB, Vector, WindowKind, windowOffset, zeroMemory } from '@troupe/abi';
import { FreshPages } from '@troupe/cpu-worker/worker/fresh-pages.js';
import { InCoreCalls } from '@troupe/cpu-worker/worker/in-core-calls.js';
import type { MemoryManager } from '@troupe/kernel/mm/memory-manager.js';
import { expect } from 'chai';
import { Worker } from 'node:worker_threads';
import { makeSpace, makeSystem, mapAnon, RW, RWX, WRITE_FAULT } from './fixture.js';

const AT = 0x3000_0000;
const BRK = 12n;

interface Core {
  readonly mm: MemoryManager;
  readonly tcb: number;
  readonly fresh: FreshPages;
  readonly calls: InCoreCalls;
}

function makeCore(mm: MemoryManager): Core {
  const { frames, shared } = mm.system;
  const tcb = frames.allocChunk(PAGE_SIZE);
  shared.i32[(tcb + TCB.off.inCore) >> 2] = 1;
  return { mm, tcb, fresh: new FreshPages(shared, frames, LOCAL_CORE), calls: new InCoreCalls(shared, LOCAL_CORE) };
}

/** The core answers a first write to the address. */
function answers({ mm, tcb, fresh }: Core, addr: number): boolean {
  const { u32, u64 } = mm.system.shared;
  mm.activate(tcb);
  u32[(tcb + TCB.off.trapVector) >> 2] = Vector.PF;
  u32[(tcb + TCB.off.trapErrorCode) >> 2] = WRITE_FAULT;
  u64[(tcb + TCB.off.trapAddr) / 8] = BigInt(addr);
  return fresh.answer(tcb);
}

/** rax after brk(2), undefined when the core leaves it to the kernel. */
function brk({ mm, tcb, calls }: Core, wanted: number): number | undefined {
  const { u64 } = mm.system.shared;
  mm.activate(tcb);
  u64[(tcb + TCB.off.gpr) / 8] = BRK;
  u64[(tcb + TCB.off.gpr) / 8 + 7] = BigInt(wanted);
  return calls.answer(tcb) ? Number(u64[(tcb + TCB.off.gpr) / 8]) : undefined;
}

const mapped = (mm: MemoryManager, pages: number, prot: number = RW): void => void mm.mmap({ addr: AT, lengthBytes: pages * PAGE_SIZE, prot, flags: 0x32, isEager: true });
const hasWrite = (mm: MemoryManager, page: number): boolean => mm.tables!.hasWrite(AT / PAGE_SIZE + page);

describe('pages that cores fill', () => {
  it('are zeros, counted, and known to the page table when it is asked', () => {
    const mm = makeSpace();
    const core = makeCore(mm);
    const before = mm.system.frames.framesInUse;
    mapped(mm, 64);
    expect(answers(core, AT + 5 * PAGE_SIZE)).to.equal(true);
    expect([hasWrite(mm, 5), hasWrite(mm, 12)]).to.deep.equal([true, false]);
    const filled = mm.rssPages;
    expect(filled).to.equal(4);
    expect(mm.pages.get(AT / PAGE_SIZE + 5)).to.equal(0);
    expect([...(mm.mincore(AT, 8 * PAGE_SIZE) as Uint8Array)]).to.deep.equal([0, 0, 0, 0, 1, 1, 1, 1]);
    expect([mm.rssAnonPages, mm.rssPages, mm.peakRssPages]).to.deep.equal([filled, filled, filled]);
    expect(mm.munmap(AT, 64 * PAGE_SIZE)).to.equal(0);
    expect([mm.rssPages, mm.system.frames.framesInUse]).to.deep.equal([0, before]);
  });

  it('lengthen a window of the task, but not while the kernel withdraws entries', () => {
    const mm = makeSpace();
    const core = makeCore(mm);
    const { u32 } = mm.system.shared;
    const windowOf = (): PageRun => PageRun.ofWindow(u32, core.tcb + windowOffset(WindowKind.DATA));
    mapped(mm, 256);
    mm.attach(core.tcb);
    expect(answers(core, AT)).to.equal(true);
    const first = AT / PAGE_SIZE;
    expect([windowOf().first, windowOf().end]).to.deep.equal([first, first + 4]);
    mm.tables!.beginWithdraw();
    expect(answers(core, AT + 4 * PAGE_SIZE)).to.equal(true);
    expect(windowOf().end).to.equal(first + 4);
    mm.tables!.endWithdraw();
    expect(answers(core, AT + 40 * PAGE_SIZE)).to.equal(true);
    const { end } = windowOf();
    expect(mm.munmap(AT, PAGE_SIZE)).to.equal(0);
    expect(windowOf().sizePages === 0 || windowOf().first > first, `window up to ${end}`).to.equal(true);
    mm.detach(core.tcb);
  });

  it('are none of executable, shared and read-only mappings', () => {
    for (const [prot, flags] of [[RWX, 0x32], [RW, 0x31], [1, 0x32]] as const) {
      const mm = makeSpace();
      mm.mmap({ addr: AT, lengthBytes: 64 * PAGE_SIZE, prot, flags, isEager: true });
      if (prot !== 1) expect(mm.handleFault(AT, WRITE_FAULT)).to.equal('ok');
      expect(answers(makeCore(mm), AT + 40 * PAGE_SIZE)).to.equal(false);
    }
  });

  it('are none after fork, protection, and loss of the tables', () => {
    const mm = makeSpace(makeSystem({ maxTableSets: 1 }));
    const core = makeCore(mm);
    const grants = (): boolean => answers(core, AT + 40 * PAGE_SIZE);
    const takeAway: (() => void)[] = [() => mm.fork().destroy(), () => mm.mprotect(AT, 64 * PAGE_SIZE, 1), () => void makeSpace(mm.system).ownTables()];
    for (const take of takeAway) {
      mm.munmap(AT, 64 * PAGE_SIZE);
      mapped(mm, 64);
      take();
      expect(grants()).to.equal(false);
      for (const space of [...mm.system.spaces.values()]) if (space !== mm) space.destroy();
    }
  });

  it('become granted around a first write that the kernel has answered', () => {
    const mm = makeSpace();
    mapAnon(mm, 200, RW, 0x32, AT);
    const core = makeCore(mm);
    expect(answers(core, AT + 100 * PAGE_SIZE)).to.equal(false);
    expect(mm.handleFault(AT, WRITE_FAULT)).to.equal('ok');
    expect(answers(core, AT + 100 * PAGE_SIZE)).to.equal(true);
  });

  it('take no frame above the limit', () => {
    const mm = makeSpace(makeSystem({ limitMib: 1 }));
    const core = makeCore(mm);
    mm.mmap({ addr: AT, lengthBytes: 400 * PAGE_SIZE, prot: RW, flags: 0x4032, isEager: true });
    let page = 0;
    while (answers(core, AT + page * PAGE_SIZE)) while (hasWrite(mm, page)) page++;
    expect(mm.system.frames.framesInUse).to.equal(mm.system.frames.limitFrames);
    expect(mm.handleFault(AT + page * PAGE_SIZE, WRITE_FAULT)).to.have.property('signal', 9);
  });

  it('of a core that died in between are fresh again', () => {
    const mm = makeSpace();
    const core = makeCore(mm);
    mapped(mm, 64);
    mm.activate(core.tcb);
    claim(mm, 7);
    expect(mm.handleFault(AT + 7 * PAGE_SIZE, WRITE_FAULT)).to.equal('ok');
    expect(mm.readU32(AT + 7 * PAGE_SIZE)).to.equal(0);
    expect(mm.pages.get(AT / PAGE_SIZE + 7)).to.not.equal(0);
  });

  it('that a core is filling are waited for', async () => {
    const mm = makeSpace();
    const { frames, shared } = mm.system;
    mapped(mm, 64);
    const page = AT / PAGE_SIZE + 9;
    const frame = frames.allocUnzeroed();
    zeroMemory(shared, frame, frame + PAGE_SIZE);
    shared.u32[frame >> 2] = 77;
    const block = coreBlockAddr(LOCAL_CORE) >> 2;
    shared.u32[block + CoreBlock.off.currentAsId / 4] = mm.asId;
    shared.i32[block + CoreBlock.off.inGuest / 4] = 1;
    claim(mm, 9);
    const source = `const { word, entry, u32 } = require('node:worker_threads').workerData; setTimeout(() => Atomics.store(u32, word, entry), 100);`;
    const worker = new Worker(source, { eval: true, workerData: { u32: shared.u32, word: mm.tables!.writeWord + page, entry: (frame - page * PAGE_SIZE - ADDEND_BIAS) >>> 0 } });
    await new Promise((resolve) => worker.once('online', resolve));
    mm.revoke(page, page + 1);
    expect(mm.pages.get(page) & ~0xfff).to.equal(frame | 0);
    expect(mm.readU32(AT + 9 * PAGE_SIZE)).to.equal(77);
    await worker.terminate();
  });
});

/** The first half of a core's work on a page. */
function claim(mm: MemoryManager, page: number): void {
  const index = AT / PAGE_SIZE + page;
  Atomics.and(mm.system.shared.u32, ((mm.tables!.base + FLAT_SET.fresh) >>> 2) + (index >>> 5), ~(1 << (index & 31)));
}

describe('a break that cores move', () => {
  function heap(pages: number): Core {
    const mm = makeSpace();
    mm.brk.start = mm.brk.end = AT;
    expect(mm.setBreak(AT + pages * PAGE_SIZE)).to.equal(AT + pages * PAGE_SIZE);
    return makeCore(mm);
  }

  it('is followed by the mapping of the heap, and by its size', () => {
    const core = heap(8);
    const { mm } = core;
    expect(brk(core, AT + 10 * PAGE_SIZE + 1)).to.equal(AT + 10 * PAGE_SIZE + 1);
    expect(mm.vmas.find(AT)!.end).to.equal(AT + 11 * PAGE_SIZE);
    expect([mm.brk.end, mm.dataBytes]).to.deep.equal([AT + 10 * PAGE_SIZE + 1, 11 * PAGE_SIZE]);
  });

  it('bounds what cores fill', () => {
    const core = heap(8);
    expect(answers(core, AT + 8 * PAGE_SIZE)).to.equal(false);
    expect(answers(core, AT + 6 * PAGE_SIZE)).to.equal(true);
    expect(brk(core, AT + 9 * PAGE_SIZE)).to.equal(AT + 9 * PAGE_SIZE);
    expect(answers(core, AT + 8 * PAGE_SIZE)).to.equal(true);
    expect([8, 9, 10, 11].map((page) => hasWrite(core.mm, page))).to.deep.equal([true, false, false, false]);
  });

  it('moves down, beyond the room, or under a limit, in the kernel only', () => {
    const core = heap(8);
    expect(brk(core, AT + 7 * PAGE_SIZE)).to.equal(undefined);
    expect(brk(core, AT + (64 << 20))).to.equal(undefined);
    core.mm.limits.set(2, { soft: 12 * PAGE_SIZE, hard: Infinity });
    core.mm.setBreak(AT + 9 * PAGE_SIZE);
    expect(brk(core, AT + 12 * PAGE_SIZE)).to.equal(AT + 12 * PAGE_SIZE);
    expect(brk(core, AT + 13 * PAGE_SIZE)).to.equal(undefined);
    expect(core.mm.setBreak(AT + 13 * PAGE_SIZE)).to.equal(AT + 12 * PAGE_SIZE);
  });

  it('stops where something is mapped', () => {
    const core = heap(8);
    expect(core.mm.mmap({ addr: AT + 20 * PAGE_SIZE, lengthBytes: PAGE_SIZE, prot: RW, flags: 0x32 })).to.equal(AT + 20 * PAGE_SIZE);
    expect(brk(core, AT + 21 * PAGE_SIZE)).to.equal(undefined);
    expect(core.mm.setBreak(AT + 21 * PAGE_SIZE)).to.equal(AT + 8 * PAGE_SIZE);
    expect(core.mm.setBreak(AT + 20 * PAGE_SIZE)).to.equal(AT + 20 * PAGE_SIZE);
  });
});
