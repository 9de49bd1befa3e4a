import { ADDEND_BIAS, Errno, ErrnoError, PAGE_SIZE, RunState, TCB } from '@troupe/abi';
import { Rlimit, LimitSet, type Limit } from '@troupe/abi/linux/limits.js';
import { Madv, MapFlag, Mremap, Prot } from '@troupe/abi/linux/mman.js';
import type { MemoryManager } from '@troupe/kernel/mm/memory-manager.js';
import { Access } from '@troupe/kernel/mm/fault.js';
import { VmFlag } from '@troupe/kernel/mm/vma.js';
import { expect } from 'chai';
import { FETCH_FAULT, makeFile, makeSpace, makeSystem, mapAnon, PRIVATE_ANON, READ_FAULT, RW, RWX, SHARED_ANON, WRITE_FAULT } from './fixture.js';

const GIB = 2 ** 30;

function limits(resource: number, soft: number): LimitSet {
  const set = new LimitSet();
  const limit: Limit = { soft, hard: Infinity };
  set.set(resource, limit);
  return set;
}

function tableEntry(mm: MemoryManager, table: 'readWord' | 'writeWord' | 'execWord', addr: number): number {
  return mm.system.shared.u32[mm.tables![table] + addr / PAGE_SIZE]!;
}

describe('MemoryManager: anonymous memory', () => {
  it('gives zeros on demand and keeps what was written', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 4);
    expect(mm.readU64(at + 8)).to.equal(0n);
    expect(mm.rssAnonPages).to.equal(0);
    mm.writeU32(at + PAGE_SIZE - 2, 0x1122_3344);
    expect(mm.readU32(at + PAGE_SIZE - 2)).to.equal(0x1122_3344);
    expect(mm.copyIn(at + PAGE_SIZE - 3, 6)).to.deep.equal(Uint8Array.of(0, 0x44, 0x33, 0x22, 0x11, 0));
  });

  it('fills the flat tables so that entry + address + bias is the byte', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 1);
    mm.writeU8(at + 5, 77);
    const linear = (tableEntry(mm, 'writeWord', at) + at + 5 + ADDEND_BIAS) >>> 0;
    expect(mm.system.shared.u8[linear]).to.equal(77);
    expect(tableEntry(mm, 'readWord', at)).to.equal(tableEntry(mm, 'writeWord', at));
    expect(tableEntry(mm, 'execWord', at)).to.equal(0);
  });

  it('costs nothing for reservations and refuses access to them', () => {
    const mm = makeSpace();
    const before = mm.frames.framesInUse;
    const at = mapAnon(mm, (2 * GIB) / PAGE_SIZE, Prot.NONE, PRIVATE_ANON | MapFlag.NORESERVE);
    expect(at).to.be.greaterThan(0).and.lessThan(4 * GIB);
    expect(mm.frames.framesInUse).to.equal(before);
    expect(mm.handleFault(at + 100, READ_FAULT)).to.deep.equal({ signal: 11, code: 2, addr: at + 100 });
  });

  it('answers with SIGBUS and EFAULT where the contents of a page are lost, and gives its neighbours', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 4);
    for (let page = 0; page < 4; page++) mm.writeU8(at + page * PAGE_SIZE, page + 1);
    const child = mm.fork();
    const lost = mm.wordAddr(at + PAGE_SIZE, false);
    mm.system.tables.release(mm.tables!);
    mm.loseTables();
    mm.frames.absent = { isAbsent: (frame) => frame === lost, bring: (frame) => frame !== lost, bringAll: () => 1, forget: () => undefined };
    expect(mm.readU8(at)).to.equal(1);
    for (const fault of [READ_FAULT, WRITE_FAULT]) expect(mm.handleFault(at + PAGE_SIZE + 5, fault)).to.deep.equal({ signal: 7, code: 2, addr: at + PAGE_SIZE + 5 });
    expect(() => mm.readU8(at + PAGE_SIZE)).to.throw(ErrnoError).with.property('errno', Errno.EFAULT);
    expect(mm.copyInPartial(at + PAGE_SIZE - 2, new Uint8Array(10))).to.equal(2);
    expect(mm.forceTransfer(at + PAGE_SIZE, Uint8Array.of(1), Access.WRITE)).to.equal(0);
    mm.writeU8(at + 2 * PAGE_SIZE, 9);
    expect(mm.readU8(at + 3 * PAGE_SIZE)).to.equal(4);
    child.destroy();
  });

  it('answers faults without a mapping with SEGV_MAPERR and copies with EFAULT', () => {
    const mm = makeSpace();
    expect(mm.handleFault(0x1234, WRITE_FAULT)).to.deep.equal({ signal: 11, code: 1, addr: 0x1234 });
    expect(() => mm.readU8(0)).to.throw(ErrnoError);
    expect(() => mm.copyInString(2 ** 63, 10)).to.throw(ErrnoError);
    expect(mm.copyOutPartial(0x1234, new Uint8Array(4))).to.equal(0);
  });

  it('maps growing batches while writes are sequential', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 64);
    let faults = 0;
    for (let page = 0; page < 64; page++) {
      if (mm.tables !== null && tableEntry(mm, 'writeWord', at + page * PAGE_SIZE) !== 0) continue;
      expect(mm.handleFault(at + page * PAGE_SIZE, WRITE_FAULT)).to.equal('ok');
      faults++;
    }
    expect(faults).to.be.lessThan(10);
    expect(mm.rssAnonPages).to.equal(64);
  });

  it('kills with SIGKILL when frames run out', () => {
    const mm = makeSpace(makeSystem({ limitMib: 48 }));
    const at = mapAnon(mm, 16384, RW, PRIVATE_ANON | MapFlag.NORESERVE);
    let result: ReturnType<MemoryManager['handleFault']> = 'ok';
    for (let page = 0; page < 16384 && result === 'ok'; page++) result = mm.handleFault(at + page * PAGE_SIZE, WRITE_FAULT);
    expect(result).to.have.property('signal', 9);
  });

  it('returns every frame at the end', () => {
    const system = makeSystem();
    const before = system.frames.framesInUse;
    const mm = makeSpace(system);
    mm.attach(1 << 20);
    mm.copyOut(mapAnon(mm, 10), new Uint8Array(10 * PAGE_SIZE).fill(1));
    mm.copyOut(mapAnon(mm, 3, RW, SHARED_ANON), new Uint8Array(3 * PAGE_SIZE).fill(1));
    const child = mm.fork();
    child.attach(2 << 20);
    child.copyOut(mapAnon(child, 2), new Uint8Array(2 * PAGE_SIZE));
    mm.detach(1 << 20);
    child.detach(2 << 20);
    expect(system.frames.framesInUse).to.equal(before);
    expect(system.spaces.size).to.equal(0);
  });
});

describe('MemoryManager: placement', () => {
  it('searches downwards, honours free hints below 4 GiB and ignores others', () => {
    const mm = makeSpace();
    const first = mapAnon(mm, 2);
    expect(mapAnon(mm, 2)).to.equal(first - 2 * PAGE_SIZE);
    expect(mapAnon(mm, 1, RW, PRIVATE_ANON, 0x1234_5678)).to.equal(0x1234_6000);
    expect(mapAnon(mm, 1, RW, PRIVATE_ANON, 0x1234_6000)).to.not.equal(0x1234_6000);
    expect(mapAnon(mm, 1, RW, PRIVATE_ANON, 0xc0_0000_0000)).to.be.lessThan(4 * GIB);
  });

  it('places what does not fit below 4 GiB above, and translates there', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, (8 * GIB) / PAGE_SIZE, RW, PRIVATE_ANON | MapFlag.NORESERVE);
    expect(at).to.be.greaterThan(4 * GIB);
    mm.writeU64(at + 5 * GIB, 5n);
    expect(mm.readU64(at + 5 * GIB)).to.equal(5n);
    const tcb = mm.frames.alloc();
    expect(mm.handleFault(at + 5 * GIB, WRITE_FAULT, tcb)).to.equal('ok');
    const { u32, u64 } = mm.system.shared;
    expect(u64[(tcb + TCB.off.fillPage) / 8]).to.equal(BigInt(at + 5 * GIB));
    expect(u32[(tcb + TCB.off.fillPerms) >> 2]).to.equal(RW);
    expect(u64[u32[(tcb + TCB.off.fillFrame) >> 2]! / 8]).to.equal(5n);
  });

  it('replaces with MAP_FIXED and refuses with MAP_FIXED_NOREPLACE', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 4);
    mm.writeU8(at + PAGE_SIZE, 9);
    expect(mapAnon(mm, 1, RW, PRIVATE_ANON | MapFlag.FIXED_NOREPLACE, at + PAGE_SIZE)).to.equal(-Errno.EEXIST);
    expect(mapAnon(mm, 1, RW, PRIVATE_ANON | MapFlag.FIXED, at + PAGE_SIZE)).to.equal(at + PAGE_SIZE);
    expect(mm.readU8(at + PAGE_SIZE)).to.equal(0);
    expect(mapAnon(mm, 1, RW, PRIVATE_ANON | MapFlag.FIXED, at + 1)).to.equal(-Errno.EINVAL);
  });

  it('obeys RLIMIT_AS and RLIMIT_DATA', () => {
    const mm = makeSpace();
    mm.limits = limits(Rlimit.AS, 1 << 20);
    expect(mapAnon(mm, 257)).to.equal(-Errno.ENOMEM);
    expect(mapAnon(mm, 256)).to.be.greaterThan(0);
    mm.limits = limits(Rlimit.DATA, 2 << 20);
    expect(mapAnon(mm, 257)).to.equal(-Errno.ENOMEM);
    expect(mapAnon(mm, 257, Prot.READ)).to.be.greaterThan(0);
  });
});

describe('MemoryManager: mprotect, mremap, brk, madvise', () => {
  it('splits and merges mappings and enforces the new protection', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 4);
    mm.copyOut(at, new Uint8Array(4 * PAGE_SIZE).fill(3));
    expect(mm.mprotect(at + PAGE_SIZE, PAGE_SIZE, Prot.READ)).to.equal(0);
    expect(mm.vmas.count).to.equal(3);
    expect(mm.handleFault(at + PAGE_SIZE, WRITE_FAULT)).to.have.property('code', 2);
    expect(mm.copyOutPartial(at + PAGE_SIZE - 4, new Uint8Array(8))).to.equal(4);
    expect(mm.mprotect(at + PAGE_SIZE, PAGE_SIZE, RW)).to.equal(0);
    expect(mm.vmas.count).to.equal(1);
    mm.writeU8(at + PAGE_SIZE, 4);
    expect(mm.mprotect(at, 5 * PAGE_SIZE, Prot.READ)).to.equal(-Errno.ENOMEM);
    expect(mm.handleFault(at, WRITE_FAULT)).to.have.property('signal', 11);
  });

  it('moves, grows and shrinks with mremap', () => {
    const mm = makeSpace();
    const upper = mapAnon(mm, 2);
    const at = mapAnon(mm, 2);
    mm.writeU32(at + PAGE_SIZE, 42);
    expect(mm.mremap({ addr: at, oldBytes: 2 * PAGE_SIZE, newBytes: 3 * PAGE_SIZE, flags: 0, newAddr: 0 })).to.equal(-Errno.ENOMEM);
    mm.mprotect(upper, 2 * PAGE_SIZE, Prot.READ);
    const moved = mm.mremap({ addr: at, oldBytes: 2 * PAGE_SIZE, newBytes: 8 * PAGE_SIZE, flags: Mremap.MAYMOVE, newAddr: 0 });
    expect(moved).to.be.greaterThan(0).and.not.equal(at);
    expect(mm.readU32(moved + PAGE_SIZE)).to.equal(42);
    expect(() => mm.readU8(at)).to.throw(ErrnoError);
    expect(mm.mremap({ addr: moved, oldBytes: 8 * PAGE_SIZE, newBytes: PAGE_SIZE, flags: 0, newAddr: 0 })).to.equal(moved);
    expect(mm.mremap({ addr: moved, oldBytes: PAGE_SIZE, newBytes: 2 * PAGE_SIZE, flags: 0, newAddr: 0 })).to.equal(moved);
    expect(mm.readU32(moved + PAGE_SIZE)).to.equal(0);
  });

  it('moves the break and refuses to run into other mappings', () => {
    const mm = makeSpace();
    mm.brk.start = mm.brk.end = 0x1000_0000;
    expect(mm.setBreak(0)).to.equal(0x1000_0000);
    expect(mm.setBreak(0x1000_1234)).to.equal(0x1000_1234);
    mm.writeU8(0x1000_1fff, 1);
    mapAnon(mm, 1, RW, PRIVATE_ANON | MapFlag.FIXED, 0x1000_4000);
    expect(mm.setBreak(0x1000_5000)).to.equal(0x1000_1234);
    expect(mm.setBreak(0x1000_0000)).to.equal(0x1000_0000);
    expect(mm.handleFault(0x1000_1000, READ_FAULT)).to.have.property('code', 1);
  });

  it('drops contents on MADV_DONTNEED', () => {
    const mm = makeSpace();
    const at = mapAnon(mm, 2);
    mm.writeU8(at, 1);
    expect(mm.madvise(at, 2 * PAGE_SIZE, Madv.DONTNEED)).to.equal(0);
    expect(mm.readU8(at)).to.equal(0);
    expect(mm.madvise(at, 3 * PAGE_SIZE, Madv.DONTNEED)).to.equal(-Errno.ENOMEM);
    expect(mm.madvise(at, PAGE_SIZE, 999)).to.equal(-Errno.EINVAL);
  });

  it('grows the stack down to its limit and keeps a guard gap', () => {
    const mm = makeSpace();
    mm.mmap({ addr: 0x8000_0000, lengthBytes: 4 * PAGE_SIZE, prot: RW, flags: PRIVATE_ANON | MapFlag.FIXED, vmFlags: VmFlag.GROWSDOWN });
    expect(mm.handleFault(0x8000_0000 - 70_000, WRITE_FAULT)).to.equal('ok');
    expect(mm.handleFault(0x8000_0000 - (8 << 20), WRITE_FAULT)).to.have.property('signal', 11);
    mapAnon(mm, 1, RW, PRIVATE_ANON | MapFlag.FIXED, 0x8000_0000 - (3 << 20));
    expect(mm.handleFault(0x8000_0000 - (3 << 20) + (1 << 19), WRITE_FAULT)).to.have.property('code', 1);
    expect(mm.handleFault(0x8000_0000 - (1 << 20), WRITE_FAULT)).to.equal('ok');
  });
});

describe('MemoryManager: fork', () => {
  it('shares private pages until one side writes', () => {
    const parent = makeSpace();
    const at = mapAnon(parent, 64);
    parent.copyOut(at, new Uint8Array(64 * PAGE_SIZE).fill(1));
    const before = parent.frames.framesInUse;
    const child = parent.fork();
    expect(parent.frames.framesInUse).to.equal(before);
    child.writeU8(at, 2);
    parent.writeU8(at + PAGE_SIZE, 3);
    expect([parent.readU8(at), child.readU8(at), parent.readU8(at + PAGE_SIZE), child.readU8(at + PAGE_SIZE)]).to.deep.equal([1, 2, 3, 1]);
    expect(parent.frames.framesInUse).to.be.greaterThan(before).and.lessThan(before + 10);
    child.destroy();
    const frame = parent.wordAddr(at, false);
    parent.writeU8(at, 9);
    expect(parent.wordAddr(at, false)).to.equal(frame);
  });

  it('copies at once what was written soon after an earlier fork, so that neither side faults', () => {
    const parent = makeSpace();
    parent.attach(1 << 20);
    const at = mapAnon(parent, 64);
    parent.copyOut(at, new Uint8Array(64 * PAGE_SIZE).fill(1));
    const first = parent.fork();
    first.attach(2 << 20);
    first.writeU8(at + 5 * PAGE_SIZE, 2);
    first.detach(2 << 20);
    const child = parent.fork();
    child.attach(3 << 20);
    const isWritable = (mm: MemoryManager, page: number): boolean => mm.tables!.writeEntry(at / PAGE_SIZE + page) !== 0;
    expect([parent, child].map((mm) => [4, 5, 6].map((page) => isWritable(mm, page)))).to.deep.equal([[false, true, false], [false, true, false]]);
    child.writeU8(at + 5 * PAGE_SIZE, 3);
    parent.writeU8(at + 5 * PAGE_SIZE + 1, 4);
    expect([parent, child].map((mm) => [0, 1, 2].map((byte) => mm.readU8(at + 5 * PAGE_SIZE + byte)))).to.deep.equal([[1, 4, 1], [3, 1, 1]]);
  });

  it('keeps shared memory shared, wipes and leaves out what was asked', () => {
    const parent = makeSpace();
    const shared = mapAnon(parent, 1, RW, SHARED_ANON);
    const wiped = mapAnon(parent, 1);
    const left = mapAnon(parent, 1);
    parent.writeU8(wiped, 1);
    parent.madvise(wiped, PAGE_SIZE, Madv.WIPEONFORK);
    parent.madvise(left, PAGE_SIZE, Madv.DONTFORK);
    const child = parent.fork();
    child.writeU32(shared + 8, 1234);
    expect(parent.readU32(shared + 8)).to.equal(1234);
    expect(parent.sharedWordKey(shared + 8)).to.equal(child.sharedWordKey(shared + 8)).and.not.equal(0);
    expect(child.readU8(wiped)).to.equal(0);
    expect(() => child.readU8(left)).to.throw(ErrnoError);
    expect(parent.sharedWordKey(wiped)).to.equal(0);
  });
});

describe('MemoryManager: files', () => {
  it('maps file pages privately and shared, with SIGBUS past the end', () => {
    const mm = makeSpace();
    const file = makeFile(mm.system, 3);
    const own = mm.mmap({ addr: 0, lengthBytes: 4 * PAGE_SIZE, prot: RW, flags: MapFlag.PRIVATE, file, offBytes: PAGE_SIZE });
    const shared = mm.mmap({ addr: 0, lengthBytes: 3 * PAGE_SIZE, prot: RW, flags: MapFlag.SHARED, file });
    expect([mm.readU8(own), mm.readU8(shared)]).to.deep.equal([2, 1]);
    mm.writeU8(own, 100);
    mm.writeU8(shared + 2 * PAGE_SIZE, 200);
    expect([mm.readU8(own), mm.readU8(shared + PAGE_SIZE), mm.readU8(own + PAGE_SIZE)]).to.deep.equal([100, 2, 200]);
    expect(mm.handleFault(own + 2 * PAGE_SIZE, READ_FAULT)).to.deep.equal({ signal: 7, code: 2, addr: own + 2 * PAGE_SIZE });
    expect(file.mappers.has(mm)).to.equal(true);
    mm.munmap(own, 4 * PAGE_SIZE);
    mm.munmap(shared, 3 * PAGE_SIZE);
    expect(file.mappers.size).to.equal(0);
  });

  it('loses the pages that the file loses', () => {
    const mm = makeSpace();
    const file = makeFile(mm.system, 3);
    const at = mm.mmap({ addr: 0, lengthBytes: 3 * PAGE_SIZE, prot: Prot.READ, flags: MapFlag.SHARED, file });
    expect(mm.readU8(at + 2 * PAGE_SIZE)).to.equal(3);
    file.punch(2, Infinity);
    expect(mm.readU8(at + 2 * PAGE_SIZE)).to.equal(0);
    expect(mm.readU8(at + PAGE_SIZE)).to.equal(2);
  });

  it('prints maps as Linux does', () => {
    const mm = makeSpace();
    const file = makeFile(mm.system, 1);
    mm.mmap({ addr: 0x40_0000, lengthBytes: PAGE_SIZE, prot: Prot.READ | Prot.EXEC, flags: MapFlag.PRIVATE | MapFlag.FIXED, file, maxProt: 7 });
    expect(mm.mapsText()).to.equal(`00400000-00401000 r-xp 00000000 08:01 ${file.ino} `.padEnd(73) + '/a file\n');
    expect(mm.statmText()).to.match(/^1 0 0 1 0 0 0\n$/);
    expect(mm.smapsText()).to.contain('Size:                  4 kB');
  });
});

describe('MemoryManager: flat tables', () => {
  it('takes tables from the address space that ran least recently', () => {
    const system = makeSystem({ maxTableSets: 2 });
    const spaces = Array.from({ length: 5 }, () => makeSpace(system));
    const tcbs = spaces.map((mm) => {
      const tcb = system.frames.alloc();
      mm.attach(tcb);
      return tcb;
    });
    const at = spaces.map((mm, i) => {
      const addr = mapAnon(mm, 1, RW, PRIVATE_ANON, 0x1000_0000);
      mm.writeU8(addr, i + 1);
      mm.activate(tcbs[i]!);
      return addr;
    });
    expect(spaces.filter((mm) => mm.tables !== null)).to.have.length(2);
    const word = (tcbs[0]! + TCB.off.tableRead) >> 2;
    expect(system.shared.u32[word]).to.equal(system.tables.empty.base);
    expect(spaces.map((mm, i) => mm.readU8(at[i]!))).to.deep.equal([1, 2, 3, 4, 5]);
    spaces[0]!.handleFault(at[0]!, WRITE_FAULT);
    spaces[0]!.activate(tcbs[0]!);
    expect(system.shared.u32[word]).to.equal(spaces[0]!.tables!.base).and.not.equal(system.tables.empty.base);
  });

  it('leaves tables to address spaces that want to run and have not had their turn, and says so', () => {
    const system = makeSystem({ maxTableSets: 1 });
    const [first, second] = [makeSpace(system), makeSpace(system)];
    const tcb = system.frames.alloc();
    let denials = 0;
    system.onTablesDenied = () => denials++;
    first!.attach(tcb);
    first!.handleFault(mapAnon(first!, 1), WRITE_FAULT);
    system.shared.i32[(tcb + TCB.off.runState) >> 2] = RunState.RUNNABLE;
    const addr = mapAnon(second!, 1);
    expect(second!.handleFault(addr, WRITE_FAULT)).to.equal('ok');
    expect([second!.tables, denials]).to.deep.equal([null, 1]);
    system.shared.u32[(tcb + TCB.off.cpuTimeNs) >> 2] = 1_000_000;
    expect(second!.handleFault(addr, WRITE_FAULT)).to.equal('ok');
    expect([second!.tables !== null, first!.tables, denials]).to.deep.equal([true, null, 1]);
  });

  it('never lets a page be written and executed at the same time', () => {
    const mm = makeSpace();
    const dropped: number[] = [];
    mm.system.onCodeWrite = (frame) => dropped.push(frame);
    const at = mapAnon(mm, 2, RWX);
    mm.writeU8(at, 0xc3);
    const frame = mm.wordAddr(at, false);
    expect(mm.handleFault(at, FETCH_FAULT)).to.equal('ok');
    expect(tableEntry(mm, 'execWord', at)).to.equal(frame | 1);
    expect(tableEntry(mm, 'writeWord', at)).to.equal(0);
    expect(mm.handleFault(at, WRITE_FAULT)).to.equal('ok');
    expect(tableEntry(mm, 'execWord', at)).to.equal(0);
    expect(tableEntry(mm, 'writeWord', at)).to.not.equal(0);
    expect(dropped).to.deep.equal([frame]);
  });

  it('drops decoded code when a frame with code is freed or written by the kernel', () => {
    const mm = makeSpace();
    const dropped: number[] = [];
    mm.system.onCodeWrite = (frame) => dropped.push(frame);
    const file = makeFile(mm.system, 1);
    const at = mm.mmap({ addr: 0, lengthBytes: PAGE_SIZE, prot: Prot.READ | Prot.EXEC, flags: MapFlag.PRIVATE, file });
    mm.handleFault(at, FETCH_FAULT);
    const frame = file.peekPage(0);
    mm.frames.onWrite!(frame);
    expect(dropped).to.deep.equal([frame]);
    expect(tableEntry(mm, 'execWord', at)).to.equal(0);
    mm.handleFault(at, FETCH_FAULT);
    mm.munmap(at, PAGE_SIZE);
    file.decRef();
    expect(dropped).to.deep.equal([frame, frame]);
  });
});
