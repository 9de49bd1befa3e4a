/** The oracle itself: hand-made cases whose results are known. */
import { expect } from 'chai';
import { Batch } from '../support/oracle/batch.js';
import { HostOracle, oracleUnavailable } from '../support/oracle/host.js';
import { CaseIn, CaseOut, CODE_ADDR, DATA_ADDR, Fx, GUARD_ADDR, RO_ADDR, TIMEOUT_SIGNAL } from '../support/oracle/layout.js';

/** Page-fault error code bits; PRESENT depends on whether the host touched the page. */
const WRITE_USER = 6;
const START = CODE_ADDR + 16;
const GPR_ORDER = ['rax', 'rcx', 'rdx', 'rbx', 'rsp', 'rbp', 'rsi', 'rdi'] as const;
type Registers = Partial<Record<(typeof GPR_ORDER)[number], number>>;

function caseOf(code: string, registers: Registers = {}): Batch {
  const batch = new Batch(1);
  const at = batch.add();
  const bytes = Buffer.from(code, 'hex');
  batch.view.setUint32(at + CaseIn.off.codeAddr, START, true);
  batch.view.setUint32(at + CaseIn.off.codeSize, bytes.length, true);
  batch.bytes.set(bytes, at + CaseIn.off.code);
  batch.view.setUint16(at + CaseIn.off.fx + Fx.fcw, 0x37f, true);
  batch.view.setUint32(at + CaseIn.off.fx + Fx.mxcsr, 0x1f80, true);
  GPR_ORDER.forEach((name, i) => batch.view.setBigUint64(at + CaseIn.off.gpr + 8 * i, BigInt(registers[name] ?? 0), true));
  return batch;
}

class Result {
  constructor(readonly bytes: Buffer) {}
  u32 = (field: 'vector' | 'error' | 'signo' | 'rflags' | 'diffStart' | 'diffEnd'): number => this.bytes.readUInt32LE(CaseOut.off[field]);
  u64 = (field: 'faultAddr' | 'rip'): number => Number(this.bytes.readBigUInt64LE(CaseOut.off[field]));
  gpr = (index: number): number => Number(this.bytes.readBigUInt64LE(CaseOut.off.gpr + 8 * index));
}

const unavailable = oracleUnavailable();

describe(`host-CPU oracle${unavailable ? ` (skipped: ${unavailable})` : ''}`, () => {
  let oracle: HostOracle;
  const run = async (code: string, registers?: Registers): Promise<Result> => new Result(await oracle.run(caseOf(code, registers)));

  before(function () {
    if (unavailable) this.skip();
    oracle = new HostOracle();
  });
  after(() => oracle?.close());

  it('reports registers, flags and the address after the trap', async () => {
    const r = await run('4801d8', { rax: 5, rbx: 7 });
    expect(r.gpr(0)).to.equal(12);
    expect(r.u32('vector')).to.equal(3);
    expect(r.u64('rip')).to.equal(START + 4);
    expect(r.u32('rflags') & 0x8d5).to.equal(4);
  });

  it('reports the changed bytes of the data pages', async () => {
    const r = await run('f00101', { rax: 0x0100_0001, rcx: DATA_ADDR + 0xffe });
    expect([r.u32('diffStart'), r.u32('diffEnd')]).to.deep.equal([0xffe, 0x1002]);
    expect(r.bytes.subarray(CaseOut.off.diff, CaseOut.off.diff + 4).toString('hex')).to.equal('01000001');
  });

  it('restores the data pages after each case', async () => {
    const r = await run('8b01', { rcx: DATA_ADDR + 0xffe });
    expect(r.gpr(0)).to.equal(0);
  });

  it('reports page faults with error code and address', async () => {
    const read = await run('8b06', { rsi: GUARD_ADDR - 2 });
    expect([read.u32('vector'), read.u32('error'), read.u64('faultAddr'), read.u64('rip')]).to.deep.equal([14, 4, GUARD_ADDR, START]);
    const write = await run('8906', { rsi: RO_ADDR });
    expect([write.u32('vector'), write.u32('error') & WRITE_USER, write.u64('faultAddr')]).to.deep.equal([14, WRITE_USER, RO_ADDR]);
  });

  it('reports the other vectors', async () => {
    expect((await run('f7f1')).u32('vector')).to.equal(0);
    expect((await run('0f0b')).u32('vector')).to.equal(6);
    expect((await run('f4')).u32('vector')).to.equal(13);
    expect((await run('8b4500')).u32('vector')).to.equal(14);
  });

  it('loads and stores x87 state', async () => {
    const r = await run('d9e8');
    expect(r.bytes.readUInt16LE(CaseOut.off.fx + Fx.fsw)).to.equal(7 << 11);
    expect(r.bytes.readUInt8(CaseOut.off.fx + Fx.ftw)).to.equal(0x80);
    expect(r.bytes.subarray(CaseOut.off.fx + Fx.st, CaseOut.off.fx + Fx.st + 10).toString('hex')).to.equal('0000000000000080ff3f');
  });

  it('ends endless loops', async () => {
    expect((await run('ebfe')).u32('signo')).to.equal(TIMEOUT_SIGNAL);
  });
});
