// Which pages kept translations are looked for: those that cores tell of, and those that a body in several pages brings along.
import { createMemory, FramePool, PAGE_SIZE, viewMemory } from '@troupe/abi';
import type { RunDecoder } from '@troupe/cpu-worker/decode/run-decoder.js';
import { CODE_PAGE } from '@troupe/cpu-worker/interp/op-record.js';
import { hashOf, type KeptFile, type KeptFiles } from '@troupe/cpu-worker/jit/kept-files.js';
import { KeptRegions, type KeptDescription } from '@troupe/cpu-worker/jit/kept-regions.js';
import { expect } from 'chai';

const MEMORY_BYTES = 64 << 20;
/** Guest page numbers, all executable; page n has bytes n in frame n. */
const PAGES = [5, 6, 7];
const TABLE = 0x200_0000;
const FRAMES = 0x280_0000;
const CODE_PAGES = 0x300_0000;

describe('kept translations of pages', () => {
  const shared = viewMemory(createMemory(MEMORY_BYTES));
  const hash = (page: number): string => hashOf(new Uint8Array(PAGE_SIZE).fill(page));
  const slot = (page: number): number => (TABLE >>> 2) + page;
  let asked: string[];

  const makeCodePage = (page: number): number => {
    const codePage = CODE_PAGES + page * 0x1_0000;
    shared.i32[(codePage + CODE_PAGE.generation) >>> 2] = 1;
    shared.u32[(codePage + CODE_PAGE.frame) >>> 2] = FRAMES + page * PAGE_SIZE;
    shared.i32[slot(page)] = codePage;
    return codePage;
  };

  /** Makes code pages as RunDecoder does. */
  const decoder = {
    shared, frames: FramePool.initialise(shared, MEMORY_BYTES), onNewPage: undefined,
    codePageAt(tableExec: number, address: number): number {
      const page = Math.floor(address / PAGE_SIZE);
      const entry = shared.i32[slot(page)]!;
      if ((entry & 1) === 0) return entry;
      const made = makeCodePage(page);
      (this.onNewPage as RunDecoder['onNewPage'])?.(address, tableExec);
      return made;
    },
  };

  const keep = (modules: Readonly<Record<string, readonly number[]>>): KeptFiles<KeptDescription> => ({
    modulesOf: (page: string) => {
      asked.push(page);
      return Object.entries(modules).filter(([, pages]) => pages.some((each) => hash(each) === page)).map(([id]) => id);
    },
    read: (id: string): KeptFile<KeptDescription> => {
      const pages = modules[id]!.map((page) => [page - modules[id]![0]!, hash(page)] as const);
      return { description: { bodies: [{ pages, ops: [], instructions: 1 }], regions: [] }, wasm: new Uint8Array(), code: new Uint8Array(), bodies: new Uint8Array() };
    },
  }) as unknown as KeptFiles<KeptDescription>;

  beforeEach(() => {
    asked = [];
    for (const page of PAGES) {
      shared.u8.fill(page, FRAMES + page * PAGE_SIZE, FRAMES + (page + 1) * PAGE_SIZE);
      shared.i32[slot(page)] = (FRAMES + page * PAGE_SIZE) | 1;
    }
  });

  const find = (files: KeptFiles<KeptDescription>, page: number): string[] => {
    makeCodePage(page);
    const kept = new KeptRegions(files, decoder as unknown as RunDecoder);
    expect([...kept.find([{ rip: page * PAGE_SIZE, tableExec: TABLE }])]).to.deep.equal([]);
    return asked.sort();
  };

  it('are looked for when a page has been decoded', () => {
    expect(find(keep({ a: [5] }), 5)).to.deep.equal([hash(5)]);
  });

  it('are looked for in pages that a body needs and nobody has decoded, and in those that these need', () => {
    expect(find(keep({ a: [5, 6], b: [6, 7] }), 5)).to.deep.equal([5, 6, 7].map(hash).sort());
  });

  it('are not looked for in pages that no body needs', () => {
    expect(find(keep({ a: [5], b: [6, 7] }), 5)).to.deep.equal([hash(5)]);
  });
});
