// --trace-insn: the translated code around an address, here that of a static program's first instruction.
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { compileGuest } from '../support/guest-program.js';
import { troupe } from '../support/run.js';

/** elf(5): e_entry. */
const ENTRY_AT = 24;

describe('--trace-insn', () => {
  const binary = (): string => compileGuest('hello', ['-static']);
  const entry = (): string => `0x${readFileSync(binary()).readUInt32LE(ENTRY_AT).toString(16)}`;
  const trace = (request: string) => troupe([binary()], { flags: ['--trace-insn', request], env: { ...process.env, TROUPE_JIT: 'eager' } });

  it('prints the region of the address', async () => {
    const whole = (await trace(`guest,ir,wasm@${entry()}`)).stderr;
    expect(whole).to.match(new RegExp(`^region at ${entry()} \\(full\\)\n`));
    expect(whole).to.match(new RegExp(`\n${entry()}  (endbr64|xor ebp, ebp)\n`));
    expect(whole).to.match(/\n {2}between\n {4}count := \(i32.add count 0x/);
    expect(whole).to.match(/\nwasm\n {2}local\.get \$rip .*local\.set \$origin\n/);
  });

  it('refuses what is no request with status 125', async () => {
    for (const request of ['guest', 'guest@main', 'x86@0x1000', 'guest@0x100000000']) {
      const { status, stderr } = await trace(request);
      expect(status, request).to.equal(125);
      expect(stderr).to.contain('--trace-insn');
    }
  });
});
