import { CoreCommand } from '@troupe/abi/layout/header.js';
import { PfCode, Trap, Vector } from '@troupe/abi/layout/tcb.js';
import { CodeCache } from '@troupe/cpu-worker/decode/code-cache.js';
import { expect } from 'chai';
import { BareMachine } from '../../support/cpu/bare-machine.js';

const CODE = 0x1_0000;
const DATA = 0x2_0000;
const [RAX, RCX, RSP, RSI, RDI] = [0, 1, 4, 6, 7];
const INT3 = 0xcc;

const MODES = { 'cold handlers': { eagerMain: false }, 'main loop': { eagerMain: true }, 'a region for every jump target': { jit: 'eager' } } as const;

for (const [mode, options] of Object.entries(MODES)) {
  describe(`Engine, ${mode}`, () => {
    let m: BareMachine;
    let code: number;

    beforeEach(() => {
      m = new BareMachine(options);
      code = m.map(CODE, 'rx');
      m.rip = CODE;
    });

    it('runs a counted loop and counts its instructions', () => {
      // mov ecx,1000; l: add eax,ecx; dec ecx; jnz l; int3
      m.poke(code, 0, [0xb9, 0xe8, 3, 0, 0, 0x01, 0xc8, 0xff, 0xc9, 0x75, 0xfa, INT3]);
      expect(m.run()).to.equal(Trap.EXCEPTION);
      expect(m.field('trapVector')).to.equal(Vector.BP);
      expect(m.gpr(RAX)).to.equal(500500n);
      expect(m.rip).to.equal(BigInt(CODE + 12));
      expect(m.instructions).to.equal(3002n);
    });

    it('leaves at the system call with rip behind it, rcx and r11 set', () => {
      m.poke(code, 0, [0xb8, 39, 0, 0, 0, 0x0f, 0x05]);
      expect(m.run()).to.equal(Trap.SYSCALL);
      expect(m.rip).to.equal(BigInt(CODE + 7));
      expect(m.gpr(RCX)).to.equal(BigInt(CODE + 7));
      // Fresh lazy flags are those of a zero result.
      expect(m.gpr(11)).to.equal(0x246n);
      expect(m.field('trapLenBytes')).to.equal(2);
    });

    it('leaves an endless loop when its budget is used up or the task is interrupted', () => {
      m.poke(code, 0, [0xeb, 0xfe]);
      expect(m.run(10_000)).to.equal(Trap.PREEMPT);
      expect(m.rip).to.equal(BigInt(CODE));
      m.command(CoreCommand.PREEMPT);
      expect(m.run(1e9)).to.equal(Trap.PREEMPT);
    });

    it('does not run a store that faulted in the place of other code', () => {
      // mov [rdi],rsi; int3
      m.poke(code, 0, [0x48, 0x89, 0x37, INT3]);
      m.poke(code, 64, [INT3]);
      m.setGpr(RDI, DATA);
      expect([m.run(), m.field('trapVector')]).to.deep.equal([Trap.EXCEPTION, Vector.PF]);
      // As a signal handler that puts inc eax; int3 there.
      m.rip = CODE + 64;
      expect([m.run(), m.field('trapVector')]).to.deep.equal([Trap.EXCEPTION, Vector.BP]);
      new CodeCache(m.shared, m.frames).invalidateFrame(code);
      m.map(CODE, 'rx', code);
      m.poke(code, 0, [0xff, 0xc0, INT3]);
      m.rip = CODE;
      expect([m.run(), m.field('trapVector'), m.gpr(RAX)]).to.deep.equal([Trap.EXCEPTION, Vector.BP, 1n]);
    });

    it('faults without a change of state and goes on when the page is there', () => {
      // add [rdi],rsi; int3
      m.poke(code, 0, [0x48, 0x01, 0x37, INT3]);
      m.setGpr(RDI, DATA + 8);
      m.setGpr(RSI, 5);
      m.map(DATA, 'r');
      expect(m.run()).to.equal(Trap.EXCEPTION);
      expect([m.field('trapVector'), m.field('trapErrorCode'), m.trapAddr, m.rip]).to.deep.equal([Vector.PF, PfCode.USER | PfCode.WRITE, BigInt(DATA + 8), BigInt(CODE)]);
      const data = m.map(DATA, 'rw');
      expect(m.run()).to.equal(Trap.EXCEPTION);
      expect(m.field('trapVector')).to.equal(Vector.BP);
      expect(m.shared.u8[data + 8]).to.equal(5);
    });

    it('writes nothing of an access that crosses into a page it may not write', () => {
      // mov [rdi],rax
      m.poke(code, 0, [0x48, 0x89, 0x07, INT3]);
      const first = m.map(DATA, 'rw');
      m.map(DATA + 0x1000, 'r');
      m.setGpr(RDI, DATA + 0xffc);
      m.setGpr(RAX, -1);
      m.run();
      expect(m.trapAddr).to.equal(BigInt(DATA + 0x1000));
      expect(m.shared.u32[(first + 0xffc) >> 2]).to.equal(0);
      const second = m.map(DATA + 0x1000, 'rw');
      m.run();
      expect(m.shared.u32[(first + 0xffc) >> 2]).to.equal(0xffffffff);
      expect(m.shared.u32[second >> 2]).to.equal(0xffffffff);
    });

    it('runs an instruction across a page end, also after the second page has changed', () => {
      // mov eax,imm32 with its last two bytes in the next page; jmp rdi
      m.poke(code, 0xffd, [0xb8, 0x11, 0x22]);
      const second = m.map(CODE + 0x1000, 'rx');
      m.poke(second, 0, [0x33, 0x44, INT3]);
      m.rip = CODE + 0xffd;
      m.run();
      expect(m.gpr(RAX)).to.equal(0x44332211n);
      const third = m.map(CODE + 0x1000, 'rx');
      m.poke(third, 0, [0x55, 0x66, INT3]);
      m.rip = CODE + 0xffd;
      m.run();
      expect(m.gpr(RAX)).to.equal(0x66552211n);
    });

    it('faults at the second page of an instruction when that is missing', () => {
      m.poke(code, 0xffd, [0xb8, 0x11, 0x22]);
      m.rip = CODE + 0xffd;
      expect(m.run()).to.equal(Trap.EXCEPTION);
      expect([m.field('trapVector'), m.field('trapErrorCode'), m.trapAddr, m.rip]).to.deep.equal([Vector.PF, PfCode.USER | PfCode.FETCH, BigInt(CODE + 0x1000), BigInt(CODE + 0xffd)]);
    });

    it('runs new code after invalidation', () => {
      m.poke(code, 0, [0xb8, 1, 0, 0, 0, INT3]);
      m.run();
      m.poke(code, 1, [2]);
      m.map(CODE, 'rx', code);
      m.engine.invalidateFrame(code);
      m.rip = CODE;
      m.run();
      expect(m.gpr(RAX)).to.equal(2n);
    });

    it('runs code and reads data above 4 GiB through fills', () => {
      const high = 0x7f00_0000_0000n;
      // mov rax,[rdi]; int3
      m.poke(code, 0, [0x48, 0x8b, 0x07, INT3]);
      m.rip = high;
      m.setGpr(RDI, high + 0x1008n);
      expect(m.run()).to.equal(Trap.EXCEPTION);
      expect([m.trapAddr, m.field('trapErrorCode')]).to.deep.equal([high, PfCode.USER | PfCode.FETCH]);
      m.fillHigh(high, code, 5);
      m.run();
      expect(m.trapAddr).to.equal(high + 0x1008n);
      const data = m.frames.alloc();
      m.poke(data, 8, [0x2a]);
      m.fillHigh(high + 0x1008n, data, 3);
      m.run();
      expect(m.field('trapVector')).to.equal(Vector.BP);
      expect(m.gpr(RAX)).to.equal(42n);
    });

    it('keeps the progress of rep movsb at a fault', () => {
      m.poke(code, 0, [0xf3, 0xa4, INT3]);
      const source = m.map(DATA, 'r');
      m.shared.u8.fill(7, source, source + 0x1000);
      const target = m.map(DATA + 0x2000, 'rw');
      m.setGpr(RSI, DATA + 0x10);
      m.setGpr(RDI, DATA + 0x2800);
      m.setGpr(RCX, 0x900);
      m.run();
      expect(m.trapAddr).to.equal(BigInt(DATA + 0x3000));
      expect([m.gpr(RCX), m.gpr(RSI), m.gpr(RDI)]).to.deep.equal([0x100n, BigInt(DATA + 0x810), BigInt(DATA + 0x3000)]);
      expect(m.shared.u8[target + 0xfff]).to.equal(7);
    });

    it('takes the same way through fused compares as through single ones', () => {
      // xor eax,eax; l: inc eax; cmp eax,0x40; jl l; test al,al; je e; int3; e: ud2
      m.poke(code, 0, [0x31, 0xc0, 0xff, 0xc0, 0x83, 0xf8, 0x40, 0x7c, 0xf9, 0x84, 0xc0, 0x74, 0x01, INT3, 0x0f, 0x0b]);
      m.run();
      expect(m.gpr(RAX)).to.equal(0x40n);
      expect(m.field('trapVector')).to.equal(Vector.BP);
    });

    it('calls and returns between pages', () => {
      // call +0x1000; int3   |   mov al,9; ret
      m.poke(code, 0, [0xe8, 0xfb, 0x0f, 0, 0, INT3]);
      const callee = m.map(CODE + 0x1000, 'rx');
      m.poke(callee, 0, [0xb0, 9, 0xc3]);
      m.map(DATA, 'rw');
      m.setGpr(RSP, DATA + 0x100);
      m.run();
      expect([m.gpr(RAX), m.gpr(RSP), m.rip]).to.deep.equal([9n, BigInt(DATA + 0x100), BigInt(CODE + 6)]);
    });

    it('raises #UD for what no row covers and counts it', () => {
      m.poke(code, 0, [0xc5, 0xf8, 0x77]);
      expect(m.run()).to.equal(Trap.EXCEPTION);
      expect(m.field('trapVector')).to.equal(Vector.UD);
      expect(Object.keys(m.engine.stats()).some((name) => name.startsWith('unsupported c5 f8 77'))).to.equal(true);
    });
  });
}
