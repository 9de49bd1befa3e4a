import { BLOCK_PAGES, createMemory, FramePool, PAGE_SIZE, viewMemory } from '@troupe/abi';
import { BLOCK_BYTES, FrameArenas } from '@troupe/kernel/mm/frame-arenas.js';
import { expect } from 'chai';

const makePool = (limitBytes: number): FramePool => FramePool.initialise(viewMemory(createMemory()), limitBytes);

describe('frames in places that are asked for', () => {
  it('are reserved beside their neighbours, with room between those that have none', () => {
    const arenas = new FrameArenas(makePool(2 ** 30));
    const first = arenas.reserve(0);
    const second = arenas.reserve(0);
    expect(second - first).to.be.above(8 * BLOCK_BYTES);
    expect(arenas.reserve(first + BLOCK_BYTES)).to.equal(first + BLOCK_BYTES);
    expect(arenas.reserve(first - BLOCK_BYTES)).to.equal(first - BLOCK_BYTES);
    expect(arenas.reserve(first)).to.not.equal(first);
    arenas.release(first);
    expect(arenas.reserve(first)).to.equal(first);
  });

  it('run out at the end, and only then', () => {
    const pool = makePool(2 ** 30);
    const arenas = new FrameArenas(pool);
    const blocks = Math.floor((pool.endFrame - pool.arenaStart) / BLOCK_PAGES);
    const bases = new Set(Array.from({ length: blocks }, () => arenas.reserve(0)));
    expect([bases.size, bases.has(0), arenas.reserve(0)]).to.deep.equal([blocks, false, 0]);
  });

  it('are taken one by one, within the bound of memory', () => {
    const pool = makePool(3 * PAGE_SIZE);
    const place = pool.arenaStart * PAGE_SIZE;
    expect([pool.claim(place), pool.claim(place)]).to.deep.equal([true, false]);
    const wanted = [place, place + PAGE_SIZE, 0];
    expect(pool.takeMany(wanted)).to.equal(2);
    expect([wanted[0] === place, wanted[1] === place + PAGE_SIZE, wanted[2], pool.framesInUse]).to.deep.equal([false, true, 0, 3]);
    pool.decRef(place);
    expect([pool.claim(place), pool.refCount(place), pool.framesInUse]).to.deep.equal([true, 1, 3]);
    expect(pool.usedFrames()).to.have.lengthOf(6);
  });

  it('are nobody\'s while they are being freed', () => {
    const pool = makePool(2 ** 30);
    const place = pool.arenaStart * PAGE_SIZE;
    const seen: boolean[] = [];
    pool.onFree = (frame) => {
      const wanted = [frame];
      seen.push(pool.claim(frame), pool.takeMany(wanted) === 1 && wanted[0] !== frame);
    };
    expect(pool.claim(place)).to.equal(true);
    pool.incRef(place);
    expect([pool.decRef(place), pool.decRef(place)]).to.deep.equal([false, true]);
    expect(seen).to.deep.equal([false, true]);
    expect([pool.claim(place), pool.refCount(place)]).to.deep.equal([true, 1]);
  });

  it('are for everybody when the others are used up', () => {
    const pool = makePool(2 ** 32);
    const place = (pool.endFrame - 1) * PAGE_SIZE;
    expect(pool.claim(place)).to.equal(true);
    let frame = pool.allocUnzeroed();
    while (frame < pool.arenaStart * PAGE_SIZE) frame = pool.allocUnzeroed();
    expect(frame).to.equal(place - PAGE_SIZE);
    pool.decRef(place);
    expect([pool.allocUnzeroed(), pool.claim(place)]).to.deep.equal([place - 2 * PAGE_SIZE, true]);
    expect(pool.allocChunk(200 * 2 ** 20)).to.be.above(0);
  });

  it('come back from an image in their places', () => {
    const pool = makePool(2 ** 30);
    const place = (pool.arenaStart + 7) * PAGE_SIZE;
    expect(pool.claim(place)).to.equal(true);
    const low = pool.alloc();
    const restored = FramePool.restore(viewMemory(createMemory()), 2 ** 30, pool.usedFrames());
    expect([restored.claim(place), restored.framesInUse, restored.refCount(low)]).to.deep.equal([false, 2, 1]);
    expect(restored.alloc()).to.not.equal(low);
  });
});
