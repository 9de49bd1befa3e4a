/**
 * Address spaces that map, write, protect, move, fork and exit, move their break, whose frames are absent at times, and
 * whose cores fill fresh pages themselves and use memory windows, against a model that keeps the contents of every page as a plain value.
 * Afterwards no frame may be missing.
 */
import { ADDEND_BIAS, ErrnoError, LOCAL_CORE, MAX_FRAMES, PAGE_SIZE, PageRun, Reg, TCB, Vector, WindowKind, windowOffset } from '@troupe/abi';
import { Madv, MapFlag, Mremap, Prot } from '@troupe/abi/linux/mman.js';
import { FreshPages } from '@troupe/cpu-worker/worker/fresh-pages.js';
import { InCoreCalls } from '@troupe/cpu-worker/worker/in-core-calls.js';
import { MemoryManager } from '@troupe/kernel/mm/memory-manager.js';
import type { MemorySystem } from '@troupe/kernel/mm/memory-system.js';
import { AbsentPages, runsOf } from '@troupe/kernel/save/absent-pages.js';
import { bytesSource } from '@troupe/state';
import { expect } from 'chai';
import fc from 'fast-check';
import { FETCH_FAULT, makeSystem, WRITE_FAULT } from '../unit/kernel/mm/fixture.js';

const PAGES = 24;
const BASE = 0x2000_0000;

/** Contents of one page: shared pages are the same object in several spaces. */
interface Cell {
  value: number;
}

interface ModelPage {
  cell: Cell;
  readonly shared: boolean;
  prot: number;
}

interface World {
  readonly mm: MemoryManager;
  readonly pages: (ModelPage | undefined)[];
  /** Of its task. */
  readonly tcb: number;
  /** The program break, which starts at BASE. */
  breakEnd: number;
}

/** What a core does, on this thread. */
interface Core {
  /** For tasks. */
  readonly tcbs: number[];
  readonly fresh: FreshPages;
  readonly calls: InCoreCalls;
  /** Faults and calls that it answered. */
  answered: number;
  /** Pages seen in windows. */
  windowPages: number;
}

const KINDS = ['map', 'mapShared', 'unmap', 'protect', 'write', 'write', 'write', 'read', 'fetch', 'map', ...Array<'coreWrite'>(10).fill('coreWrite'), 'brk', 'coreBrk', 'coreBrk', 'coreBrk', 'look', 'fork', 'exit', 'dontneed', 'move', 'evict', 'sendAway', 'fill'] as const;
const step = fc.record({
  kind: fc.constantFrom(...KINDS), world: fc.nat(5), first: fc.nat(PAGES - 1), count: fc.integer({ min: 1, max: 8 }), to: fc.nat(PAGES - 1), value: fc.integer({ min: 1, max: 255 }),
  prot: fc.constantFrom(0, 1, 3, 3, 3, 3, 3, 7, 7, 5),
});
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

const addrOf = (page: number): number => BASE + page * PAGE_SIZE;

function map(world: World, { first, count, prot, value }: Step, shared: boolean): void {
  const end = Math.min(PAGES, first + count);
  const type = shared ? MapFlag.SHARED : MapFlag.PRIVATE;
  const at = world.mm.mmap({ addr: addrOf(first), lengthBytes: (end - first) * PAGE_SIZE, prot, flags: type | MapFlag.ANONYMOUS | MapFlag.FIXED, isEager: value % 2 === 0 });
  expect(at).to.equal(addrOf(first));
  for (let page = first; page < end; page++) world.pages[page] = { cell: { value: 0 }, shared, prot };
}

function protect(world: World, { first, count, prot }: Step): void {
  const result = world.mm.mprotect(addrOf(first), count * PAGE_SIZE, prot);
  let complete = true;
  for (let page = first; page < first + count; page++) {
    const at = world.pages[page];
    if (at === undefined) {
      complete = false;
      break;
    }
    at.prot = prot;
  }
  expect(result === 0).to.equal(complete);
}

function write(world: World, { first, value }: Step): void {
  const page = world.pages[first];
  const allowed = page !== undefined && (page.prot & Prot.WRITE) !== 0;
  if (allowed) {
    world.mm.writeU8(addrOf(first) + 17, value);
    page.cell.value = value;
  } else {
    expect(() => world.mm.writeU8(addrOf(first) + 17, value)).to.throw(ErrnoError);
  }
}

/** A write of guest code: through the write table, after a fault that the core or else the kernel answers. */
function coreWrite(core: Core, { mm, pages, tcb }: World, { first, value }: Step): void {
  const { u8, u32, u64 } = mm.system.shared;
  const page = pages[first];
  const addr = addrOf(first) + 17;
  const entryOf = (): number => (mm.tables === null ? 0 : u32[mm.tables.writeWord + (addr >>> 12)]!);
  mm.activate(tcb);
  if (entryOf() === 0) {
    u32[(tcb + TCB.off.trapVector) >> 2] = Vector.PF;
    u32[(tcb + TCB.off.trapErrorCode) >> 2] = WRITE_FAULT;
    u64[(tcb + TCB.off.trapAddr) / 8] = BigInt(addr);
    const isAnswered = core.fresh.answer(tcb);
    const allowed = page !== undefined && (page.prot & Prot.WRITE) !== 0;
    if (isAnswered) core.answered++;
    expect(isAnswered || mm.handleFault(addr, WRITE_FAULT) === 'ok').to.equal(allowed);
    if (!allowed || entryOf() === 0) return;
  }
  const at = (entryOf() + addr + ADDEND_BIAS) >>> 0;
  expect(u8[at], `page ${first}`).to.equal(page!.cell.value);
  for (let byte = 0; byte < 17; byte++) expect(u8[at - 17 + byte]).to.equal(0);
  u8[at] = value;
  page!.cell.value = value;
}

/** brk(2) to the middle of a page, or a page boundary; downwards at times. */
function moveBreak(core: Core | undefined, world: World, { first, value }: Step): void {
  const { mm, pages, tcb } = world;
  const wanted = addrOf(first) + (value % 2) * value;
  const [from, to] = [pageOf(world.breakEnd), pageOf(wanted)];
  const isRefused = pages.slice(from, Math.max(from, to)).some((page) => page !== undefined);
  const result = (core === undefined ? undefined : answeredBreak(core, mm, tcb, wanted)) ?? mm.setBreak(wanted);
  expect(result).to.equal(isRefused ? world.breakEnd : wanted);
  if (isRefused) return;
  world.breakEnd = wanted;
  if (to < from) pages.fill(undefined, to, from);
  for (let page = from; page < to; page++) pages[page] = { cell: { value: 0 }, shared: false, prot: Prot.READ | Prot.WRITE };
}

/** Index of the first page above an address. */
const pageOf = (addr: number): number => Math.ceil((addr - BASE) / PAGE_SIZE);

function answeredBreak({ calls }: Core, mm: MemoryManager, tcb: number, wanted: number): number | undefined {
  const { u64 } = mm.system.shared;
  mm.activate(tcb);
  u64[(tcb + TCB.off.gpr) / 8 + Reg.RAX] = 12n;
  u64[(tcb + TCB.off.gpr) / 8 + Reg.RDI] = BigInt(wanted);
  return calls.answer(tcb) ? Number(u64[(tcb + TCB.off.gpr) / 8 + Reg.RAX]) : undefined;
}

/** What /proc and mincore(2) say does not depend on whether the kernel has looked before. */
function look({ mm, pages }: World): void {
  const before = mm.rssPages;
  const resident = mm.usage().rssBytes / PAGE_SIZE;
  expect(before).to.equal(resident);
  expect(mm.rssAnonPages + mm.rssFilePages).to.equal(resident);
  expect(mm.peakRssPages).to.be.at.least(resident);
  let mapped = 0;
  for (const page of pages) if (page !== undefined) mapped++;
  expect(mm.usage().sizeBytes).to.equal(mapped * PAGE_SIZE);
}

function fork(core: Core, world: World): World {
  const mm = world.mm.fork();
  return { mm, tcb: taskOf(core, mm), breakEnd: world.breakEnd, pages: world.pages.map((page) => page && { ...page, cell: page.shared ? page.cell : { ...page.cell } }) };
}

function dontNeed(world: World, { first, count }: Step): void {
  world.mm.madvise(addrOf(first), count * PAGE_SIZE, Madv.DONTNEED);
  for (let page = first; page < Math.min(PAGES, first + count); page++) {
    const at = world.pages[page];
    if (at !== undefined && !at.shared) at.cell = { value: 0 };
  }
}

/** Moves one page. */
function move(world: World, { first, to }: Step): void {
  const page = world.pages[first];
  if (page === undefined || first === to) return;
  const request = { addr: addrOf(first), oldBytes: PAGE_SIZE, newBytes: PAGE_SIZE, flags: Mremap.MAYMOVE | Mremap.FIXED, newAddr: addrOf(to) };
  expect(world.mm.mremap(request)).to.equal(addrOf(to));
  world.pages[to] = page;
  world.pages[first] = undefined;
}

/** As after loading an image: no translation is left, and what is in use is elsewhere. */
function sendAway(system: MemorySystem): void {
  const { frames, shared, zeroFrame } = system;
  for (const space of system.spaces.values()) {
    const { tables } = space;
    if (tables === null) continue;
    space.giveUpTables();
    system.tables.release(tables);
  }
  const present = [...frames.usedFrames()].filter((frame, at) => at % 2 === 0 && frame * PAGE_SIZE !== zeroFrame && !frames.isAbsent(frame * PAGE_SIZE));
  const contents = Buffer.concat(present.map((frame) => shared.u8.slice(frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE)));
  for (const frame of present) shared.u8.fill(0xee, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  for (const run of runsOf(bytesSource(contents).again!, 0, present)) (frames.absent as AbsentPages).add(run);
}

function check({ mm, pages }: World): void {
  pages.forEach((page, index) => {
    if (page === undefined || page.prot === 0) expect(mm.copyInPartial(addrOf(index), new Uint8Array(1))).to.equal(0);
    else expect(mm.readU8(addrOf(index) + 17), `page ${index}`).to.equal(page.cell.value);
    const { tables } = mm;
    if (tables !== null && tables.hasExec(addrOf(index) / PAGE_SIZE)) {
      expect(tables.hasWrite(addrOf(index) / PAGE_SIZE)).to.equal(false);
      expect((page?.prot ?? 0) & Prot.EXEC).to.equal(Prot.EXEC);
    }
  });
}

/** A task of the address space. */
function taskOf({ tcbs }: Core, mm: MemoryManager): number {
  const tcb = tcbs.pop()!;
  mm.attach(tcb);
  return tcb;
}

/** The task ends, and the address space with it. */
function exit({ tcbs }: Core, { mm, tcb }: World): void {
  mm.detach(tcb);
  tcbs.push(tcb);
}

/** What the windows of a task have is mapped for writing, where they say. */
function checkWindows(core: Core, { mm, tcb }: World): void {
  for (const kind of Object.values(WindowKind)) {
    const window = PageRun.ofWindow(mm.system.shared.u32, tcb + windowOffset(kind));
    for (let page = window.first; page < window.end; page++) expect(mm.tables?.writeEntry(page), `page ${page} of window ${kind}`).to.equal(window.entry);
    core.windowPages += window.sizePages;
  }
}

function firstWorld(core: Core, system: MemorySystem): World {
  const mm = new MemoryManager(system);
  mm.brk.start = mm.brk.end = BASE;
  return { mm, tcb: taskOf(core, mm), breakEnd: BASE, pages: Array.from({ length: PAGES }, () => undefined) };
}

function run(system: MemorySystem, core: Core, list: readonly Step[]): void {
  const worlds = [firstWorld(core, system)];
  for (const action of list) {
    const world = worlds[action.world % worlds.length]!;
    switch (action.kind) {
      case 'map': map(world, action, false); break;
      case 'mapShared': map(world, action, true); break;
      case 'unmap':
        world.mm.munmap(addrOf(action.first), action.count * PAGE_SIZE);
        world.pages.fill(undefined, action.first, action.first + action.count);
        break;
      case 'protect': protect(world, action); break;
      case 'write': write(world, action); break;
      case 'coreWrite': coreWrite(core, world, action); break;
      case 'brk': moveBreak(undefined, world, action); break;
      case 'coreBrk': moveBreak(core, world, action); break;
      case 'look': look(world); break;
      case 'read': world.mm.copyInPartial(addrOf(action.first), new Uint8Array(1)); break;
      case 'fetch': world.mm.handleFault(addrOf(action.first), FETCH_FAULT); break;
      case 'fork': if (worlds.length < 5) worlds.push(fork(core, world)); break;
      case 'exit':
        if (worlds.length > 1) exit(core, worlds.splice(worlds.indexOf(world), 1)[0]!);
        break;
      case 'dontneed': dontNeed(world, action); break;
      case 'move': move(world, action); break;
      case 'evict': new MemoryManager(system).ownTables(); break;
      case 'sendAway': sendAway(system); break;
      case 'fill': (system.frames.absent as AbsentPages).bringNext(); break;
    }
    for (const each of worlds) checkWindows(core, each);
  }
  worlds.forEach(check);
  for (const world of worlds) exit(core, world);
  for (const space of [...system.spaces.values()]) space.destroy();
}

function makeCore({ frames, shared }: MemorySystem): Core {
  const tcbs = Array.from({ length: 5 }, () => frames.allocChunk(PAGE_SIZE));
  for (const tcb of tcbs) shared.i32[(tcb + TCB.off.inCore) >> 2] = 1;
  return { tcbs, fresh: new FreshPages(shared, frames, LOCAL_CORE), calls: new InCoreCalls(shared, LOCAL_CORE), answered: 0, windowPages: 0 };
}

describe('MemoryManager', () => {
  it('agrees with a model of page contents and loses no frame', () => {
    const system = makeSystem({ maxTableSets: 3 });
    const absent = new AbsentPages(system.shared);
    absent.reach(MAX_FRAMES);
    system.frames.absent = absent;
    const core = makeCore(system);
    const before = system.frames.framesInUse;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (list) => {
        run(system, core, list);
        expect(system.frames.framesInUse).to.equal(before);
        expect(absent.count).to.equal(0);
      }),
      { numRuns: 600 },
    );
    expect(core.answered).to.be.above(200);
    expect(core.windowPages).to.be.above(1000);
  });
});
