// Regions that are compared with the interpreter: what is right passes, planted faults are found and do no harm.
import { coreBlockAddr, CoreBlock, CoreCounter, type CoreCounterName } from '@troupe/abi/layout/header.js';
import { TCB, Trap } from '@troupe/abi/layout/tcb.js';
import { CoreJit } from '@troupe/cpu-worker/jit/core-jit.js';
import { expect } from 'chai';
import { BareMachine } from '../../support/cpu/bare-machine.js';

const CODE = 0x1_0000;
const DATA = 0x2_0000;
const STACK = 0x3_0000;
const TURNS = 3000;
const [RAX, RDX, RSP, RDI] = [0, 2, 4, 7];
/** cmp eax, eax; mov [rdi], eax; sete dl; mov ecx, TURNS; xor eax, eax; l: add rax, rcx; mov [rdi + rcx * 8], rax; dec ecx; jnz l; push rax; int3 */
const LOOP = [0x39, 0xc0, 0x89, 0x07, 0x0f, 0x94, 0xc2, 0xb9, TURNS & 0xff, TURNS >> 8, 0, 0, 0x31, 0xc0, 0x48, 0x01, 0xc8, 0x48, 0x89, 0x04, 0xcf, 0xff, 0xc9, 0x75, 0xf6, 0x50, 0xcc];
const SUM = BigInt((TURNS * (TURNS + 1)) / 2);

class CheckedMachine extends BareMachine {
  readonly reports: string[];
  readonly data: number[];

  constructor(code: readonly number[] = LOOP) {
    const reports: string[] = [];
    super({ jit: 'check-eager', report: (text) => reports.push(text) });
    this.reports = reports;
    this.poke(this.map(CODE, 'rx'), 0, code);
    this.data = Array.from({ length: 6 }, (_, i) => this.map(DATA + i * 4096, 'rw'));
    this.map(STACK, 'rw');
    this.setGpr(RDI, DATA);
    this.setGpr(RSP, STACK + 4096);
    this.rip = CODE;
  }

  counter(name: CoreCounterName): number {
    return Number(this.shared.u64[(coreBlockAddr(0) + CoreBlock.off.counters) / 8 + CoreCounter.indexOf(name)]!);
  }

  /** The word of the data pages that turn `left` wrote. */
  wordOf(left: number): bigint {
    return this.shared.u64[(this.data[Math.floor((left * 8) / 4096)]! + ((left * 8) % 4096)) / 8]!;
  }
}

type Fault = (m: CheckedMachine) => void;
const original = CoreJit.prototype.regionFunction;

/** Each region does something more. */
function plant(m: CheckedMachine, fault: Fault): void {
  CoreJit.prototype.regionFunction = function (this: CoreJit) {
    const region = original.call(this);
    return region && ((tcb, rip, depth, link) => {
      const exit = region(tcb, rip, depth, link);
      fault(m);
      return exit;
    });
  };
}

const FAULTS: Readonly<Record<string, { readonly fault: Fault; readonly says: RegExp }>> = {
  'a register': { fault: (m) => m.setGpr(RAX, m.gpr(RAX) ^ 0x10n), says: /\n {2}rax: 0x[0-9a-f]{16}, interpreted 0x/ },
  'a vector register': { fault: (m) => (m.shared.u8[m.tcb + TCB.off.xmm + 37] = 1), says: /\n {2}xmm2: 0x00000000000000000000010000000000, interpreted 0x0{32}\n/ },
  'the page of the stack': { fault: (m) => m.poke(m.data[5]! + 4096, 100, [7]), says: /\n {2}\[0x30064\]: 0x7, interpreted 0x0\n/ },
  'flags that the next instruction reads': { fault: (m) => (m.shared.u64[(m.tcb + TCB.off.ccRes) / 8] = 1n), says: /\n {2}flags: / },
};

describe('CheckedRegions', () => {
  afterEach(() => {
    CoreJit.prototype.regionFunction = original;
  });

  function expectResult(m: CheckedMachine): void {
    expect(m.run(1e9)).to.equal(Trap.EXCEPTION);
    expect(m.gpr(RAX)).to.equal(SUM);
    expect(m.rip).to.equal(BigInt(CODE + LOOP.length));
    for (const left of [1, 700, TURNS]) expect(m.wordOf(left), String(left)).to.equal(BigInt(((TURNS - left + 1) * (TURNS + left)) / 2));
  }

  it('finds nothing where translated code is right', () => {
    const m = new CheckedMachine();
    expectResult(m);
    expect(m.reports).to.deep.equal([]);
    expect(m.counter('regionsChecked')).to.be.greaterThan(TURNS * 4 / 1000);
    expect(m.counter('regionInstructions')).to.be.greaterThan(TURNS * 3);
    expect(m.counter('regionDifferences')).to.equal(0);
  });

  it('follows instructions that go on from page to page, or across two', () => {
    // mov ecx, 12000; mov al, 7; rep stosb; mov [rdi - 3816], rcx; mov rdx, [rdi - 3816]; int3
    const m = new CheckedMachine([0xb9, 0xe0, 0x2e, 0, 0, 0xb0, 7, 0xf3, 0xaa, 0x48, 0x89, 0x8f, 0x18, 0xf1, 0xff, 0xff, 0x48, 0x8b, 0x97, 0x18, 0xf1, 0xff, 0xff, 0xcc]);
    m.setGpr(RDI, DATA + 4);
    expect(m.run(1e9)).to.equal(Trap.EXCEPTION);
    expect(m.reports).to.deep.equal([]);
    expect([m.gpr(RDI), m.gpr(RDX), m.wordOf(1)]).to.deep.equal([BigInt(DATA + 12004), 0n, 0x0707070707070707n]);
    expect(m.counter('regionsChecked')).to.be.greaterThan(2);
  });

  for (const [name, { fault, says }] of Object.entries(FAULTS)) {
    it(`reports a difference in ${name}, and goes on as the interpreter does`, () => {
      const m = new CheckedMachine();
      plant(m, fault);
      expectResult(m);
      expect(m.counter('regionDifferences')).to.be.greaterThan(0);
      expect(m.reports[0]).to.match(/^jit check: region at 0x100[0-9a-f]{2} left for 0x100[0-9a-f]{2} \(\w+\), interpreted up to 0x100/);
      expect(m.reports.join('\n')).to.match(says);
      expect(m.reports[0]).to.match(/\n {4}0x1000[0-9a-f] {2}\w+ /);
    });
  }
});
