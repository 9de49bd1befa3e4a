import { CoreBlock, coreBlockAddr } from '@troupe/abi/layout/header.js';
import { createMemory, FramePool, viewMemory, type SharedMemory } from '@troupe/abi';
import { CodeCache } from '@troupe/cpu-worker/decode/code-cache.js';
import { CODE_PAGE, CODE_PAGE_OPS, OP, OP_BYTES } from '@troupe/cpu-worker/interp/op-record.js';
import { BLOCK_BYTES, BLOCK_COUNT, interpretedHandler, JitArea, RegionState } from '@troupe/cpu-worker/jit/jit-area.js';
import { BlockMap } from '@troupe/cpu-worker/jit/block-map.js';
import { REGION_HANDLER, Tier, type Region } from '@troupe/cpu-worker/jit/region-abi.js';
import { markStale } from '@troupe/cpu-worker/jit/region-retirement.js';
import { RegionStore } from '@troupe/cpu-worker/jit/region-store.js';
import { RequestRing } from '@troupe/cpu-worker/jit/request-ring.js';
import { expect } from 'chai';

const WASM = new Uint8Array(100).fill(0xa5);
const HANDLER = 77;

describe('Regions in shared memory', () => {
  let shared: SharedMemory;
  let frames: FramePool;
  let cache: CodeCache;
  let area: JitArea;

  beforeEach(() => {
    shared = viewMemory(createMemory());
    frames = FramePool.initialise(shared, 64 * 1024 * 1024);
    cache = new CodeCache(shared, frames);
    area = JitArea.of(shared, frames)!;
  });

  /** A decoded op at `offset` (below 100) of the frame's code page, and a region that begins there. */
  function regionAt(frame: number, offset: number): Region {
    const codePage = cache.pageOf(frame);
    const named = ((codePage + CODE_PAGE.index) >>> 2) + offset;
    if (shared.u32[named] === 0) {
      const op = codePage + CODE_PAGE_OPS + offset * OP_BYTES;
      shared.u16[(op + OP.handler) >>> 1] = HANDLER;
      shared.u16[(op + OP.place) >>> 1] = offset;
      shared.u32[named] = op;
    }
    return { op: shared.u32[named]!, links: { pages: new Map([[0, { codePage, generation: shared.u32[(codePage + CODE_PAGE.generation) >>> 2]! }]]), ops: [] }, instructions: 1, tier: Tier.FULL, covers: [], loopHeads: [], seen: { rip: 0, tableExec: 0 } };
  }

  const handlerOf = (op: number): number => shared.u16[(op + OP.handler) >>> 1]!;
  const regionOf = (op: number): number => handlerOf(op) - REGION_HANDLER;

  it('is one area for all who ask', () => {
    expect(JitArea.of(shared, frames)!.base).to.equal(area.base);
    expect(JitArea.existing(viewMemory(shared.memory))!.base).to.equal(area.base);
  });

  it('publishes a region: the op carries its number, the descriptor the handler of before', () => {
    const region = regionAt(frames.alloc(), 8);
    const serial = new RegionStore(area).publish([region], WASM);
    expect(serial).to.be.greaterThan(0);
    const id = regionOf(region.op);
    expect(area.state(id)).to.equal(RegionState.LIVE);
    expect(area.serialOf(id)).to.equal(serial);
    expect(interpretedHandler(shared, handlerOf(region.op))).to.equal(HANDLER);
    expect(interpretedHandler(shared, HANDLER)).to.equal(HANDLER);
    const slot = shared.u16[area.regionHalf(id, 'module')]!;
    const at = shared.u32[area.moduleWord(slot, 'wasm')]!;
    expect(shared.u8.slice(at, at + WASM.length)).to.deep.equal(WASM);
  });

  it('leaves out regions whose code has changed and entries that have a region', () => {
    const frame = frames.alloc();
    const store = new RegionStore(area);
    const old = regionAt(frame, 8);
    cache.invalidateFrame(frame);
    expect(store.publish([old], WASM)).to.equal(0);
    const fresh = regionAt(frame, 8);
    const other = regionAt(frame, 9);
    expect(store.publish([fresh], WASM)).to.be.greaterThan(0);
    expect(store.publish([fresh, other], WASM)).to.be.greaterThan(0);
    expect(area.counter('regionsDiscarded')).to.equal(2);
    expect(shared.u16[area.regionHalf(regionOf(other.op), 'index')]).to.equal(1);
    expect(store.publish([fresh], WASM)).to.equal(0);
    expect(shared.i32[area.word('modulesInUse')]).to.equal(2);
  });

  it('puts a region of the full tier in the place of a quick one, and of no other', () => {
    const store = new RegionStore(area);
    const full = regionAt(frames.alloc(), 8);
    const quick = { ...full, tier: Tier.QUICK };
    store.publish([quick], WASM);
    const first = regionOf(full.op);
    expect(area.tier(first)).to.equal(Tier.QUICK);
    expect(store.publish([quick], WASM)).to.equal(0);
    expect(store.publish([full], WASM)).to.be.greaterThan(0);
    const second = regionOf(full.op);
    expect(second).not.to.equal(first);
    expect(area.tier(second)).to.equal(Tier.FULL);
    expect(interpretedHandler(shared, handlerOf(full.op))).to.equal(HANDLER);
    expect(area.state(first)).to.equal(RegionState.LIMBO);
    expect(area.counter('regionsUpgraded')).to.equal(1);
    expect(store.publish([full], WASM)).to.equal(0);
    expect(store.publish([quick], WASM)).to.equal(0);
    expect(regionOf(full.op)).to.equal(second);
  });

  it('gives the op its handler back when a core finds the region stale', () => {
    const [first, second] = [frames.alloc(), frames.alloc()];
    const region = regionAt(first, 8);
    const spanning = { ...region, links: { pages: new Map([[1, regionAt(second, 0).links.pages.get(0)!], ...region.links.pages]), ops: [] } };
    const store = new RegionStore(area);
    store.publish([spanning], WASM);
    const id = regionOf(region.op);
    cache.invalidateFrame(second);
    markStale(area, id);
    markStale(area, id);
    expect(handlerOf(region.op)).to.equal(HANDLER);
    expect(area.counter('regionsStale')).to.equal(1);
    // The next publication retires it, and its module with it.
    const serial = store.publish([regionAt(first, 9)], WASM);
    expect([...store.serials()].filter((known) => known !== 0)).to.deep.equal([serial]);
  });

  it('does not touch the op of a page that is gone', () => {
    const frame = frames.alloc();
    const region = regionAt(frame, 8);
    new RegionStore(area).publish([region], WASM);
    const patched = handlerOf(region.op);
    cache.invalidateFrame(frame);
    markStale(area, patched - REGION_HANDLER);
    expect(handlerOf(region.op)).to.equal(patched);
  });

  it('makes room: stale regions first, then the modules used least recently', () => {
    const frame = frames.alloc();
    const gone = frames.alloc();
    const store = new RegionStore(area, undefined, { regions: 8, modules: 8 });
    store.publish([regionAt(gone, 0)], WASM);
    const published = Array.from({ length: 7 }, (_, i) => {
      const region = regionAt(frame, i);
      store.publish([region], WASM);
      return { op: region.op, id: regionOf(region.op) };
    });
    cache.invalidateFrame(gone);
    expect(store.publish([regionAt(frame, 90)], WASM)).to.be.greaterThan(0);
    expect(published.map(({ op }) => handlerOf(op))).to.not.include(HANDLER);
    // All but one are entered after that.
    for (const { id } of published) if (id !== published[3]!.id) shared.i32[area.regionWord(id, 'lastUse')] = shared.i32[area.word('clock')]! + 1;
    shared.i32[area.regionWord(regionOf(regionAt(frame, 90).op), 'lastUse')] = shared.i32[area.word('clock')]! + 1;
    expect(store.publish([regionAt(frame, 91)], WASM)).to.be.greaterThan(0);
    expect(published.map(({ op }) => handlerOf(op) === HANDLER)).to.deep.equal([false, false, false, true, false, false, false]);
    expect(area.counter('regionsEvicted')).to.equal(1);
    expect(shared.i32[area.word('regionsInUse')]).to.equal(8);
  });

  it('gives nothing again while a core in guest code has not dropped it', () => {
    const frame = frames.alloc();
    const store = new RegionStore(area, undefined, { regions: 1, modules: 8 });
    const first = regionAt(frame, 0);
    store.publish([first], WASM);
    const id = regionOf(first.op);
    const core = coreBlockAddr(5) >>> 2;
    shared.i32[core + CoreBlock.off.inGuest / 4] = 1;
    expect(store.publish([regionAt(frame, 1)], WASM)).to.equal(0);
    expect(handlerOf(first.op)).to.equal(HANDLER);
    expect(area.state(id)).to.equal(RegionState.LIMBO);
    expect(interpretedHandler(shared, REGION_HANDLER + id)).to.equal(HANDLER);
    shared.i32[core + CoreBlock.off.retirementsSeen / 4] = shared.i32[area.word('retirements')]!;
    expect(store.publish([regionAt(frame, 1)], WASM)).to.be.greaterThan(0);
  });

  it('stays within its limits for ever', () => {
    const store = new RegionStore(area, undefined, { regions: 40, modules: 12 });
    const frame = frames.alloc();
    for (let round = 0; round < 400; round++) {
      const regions = Array.from({ length: 1 + (round % 5) }, (_, i) => regionAt(frame, (round * 5 + i) % 100));
      expect(store.publish(regions, new Uint8Array(3000 + round * 40))).to.be.greaterThan(0);
      if (round % 50 === 49) cache.invalidateFrame(frame);
      expect(shared.i32[area.word('regionsInUse')]).to.be.at.most(40);
      expect(shared.i32[area.word('modulesInUse')]).to.be.at.most(12);
    }
    const inUse = [...store.serials()].filter((serial) => serial !== 0).length;
    expect(inUse).to.equal(shared.i32[area.word('modulesInUse')]);
  });

  it('hands blocks out and takes them back', () => {
    const blocks = new BlockMap(area);
    const half = (BLOCK_COUNT / 2) * BLOCK_BYTES;
    const [first, second] = [blocks.alloc(half), blocks.alloc(half - 1)];
    expect(Math.abs(second - first)).to.equal(half);
    expect(blocks.alloc(1)).to.equal(0);
    blocks.free(first, half);
    expect(blocks.alloc(half + 1)).to.equal(0);
    expect([blocks.alloc(1), blocks.alloc(BLOCK_BYTES + 1), blocks.alloc(1)].map((at) => (at - first) / BLOCK_BYTES)).to.deep.equal([0, 1, 3]);
  });

  it('keeps requests in order and refuses those that do not fit', () => {
    const ring = new RequestRing(area);
    let accepted = 0;
    while (ring.push({ rip: 0x1000 + accepted, tableExec: 4 })) accepted++;
    expect(ring.waiting).to.equal(accepted);
    expect(ring.pop()).to.deep.equal({ rip: 0x1000, tableExec: 4, isNewPage: false });
    expect(ring.push({ rip: 1, tableExec: 8, isNewPage: true })).to.equal(true);
    for (let i = 1; i < accepted; i++) expect(ring.pop()!.rip).to.equal(0x1000 + i);
    expect(ring.pop()).to.deep.equal({ rip: 1, tableExec: 8, isNewPage: true });
    expect(ring.pop()).to.equal(undefined);
  });
});
