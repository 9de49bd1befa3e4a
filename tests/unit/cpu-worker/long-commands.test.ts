import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KeptFiles } from '@troupe/cpu-worker/jit/kept-files.js';
import { LongCommands, MAX_COMMANDS } from '@troupe/cpu-worker/jit/long-commands.js';
import { expect } from 'chai';

const FIRST = 0xffff_ffff_ffff_fff0n;

describe('commands that ran long', () => {
  let folder: string;
  const file = (): string => join(folder, 'commands');

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-commands-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('are known the next time', () => {
    const commands = new LongCommands(folder);
    expect(commands.has(FIRST)).to.equal(false);
    commands.add([FIRST, 2n]);
    for (const known of [commands, new LongCommands(folder)]) {
      expect(known.has(FIRST)).to.equal(true);
      expect(known.has(2n)).to.equal(true);
      expect(known.has(3n)).to.equal(false);
    }
  });

  it('of other kernels stay', () => {
    const ours = new LongCommands(folder);
    expect(ours.has(1n)).to.equal(false);
    new LongCommands(folder).add([1n]);
    ours.add([2n]);
    const next = new LongCommands(folder);
    expect([1n, 2n].map((key) => next.has(key))).to.deep.equal([true, true]);
  });

  it('are bounded, the oldest ones go', () => {
    new LongCommands(folder).add(Array.from({ length: MAX_COMMANDS }, (_, i) => BigInt(i)));
    new LongCommands(folder).add([FIRST]);
    expect(statSync(file()).size).to.equal(MAX_COMMANDS * 8);
    const next = new LongCommands(folder);
    expect([0n, 1n, BigInt(MAX_COMMANDS - 1), FIRST].map((key) => next.has(key))).to.deep.equal([false, true, true, true]);
  });

  it('are written when there is a new one only', () => {
    new LongCommands(folder).add([1n]);
    const { ino } = statSync(file());
    new LongCommands(folder).add([1n]);
    expect(statSync(file()).ino).to.equal(ino);
  });

  it('are none when the file is damaged or too large, until there is a new one', () => {
    for (const bytes of [Buffer.alloc(17), Buffer.alloc((MAX_COMMANDS + 1) * 8)]) {
      writeFileSync(file(), bytes);
      const commands = new LongCommands(folder);
      expect(commands.has(0n)).to.equal(false);
      commands.add([1n]);
      expect(readFileSync(file()).length).to.equal(8);
    }
  });

  it('are neither read nor written where others may write, or there is no folder', () => {
    new LongCommands(folder).add([1n]);
    chmodSync(folder, 0o777);
    const foreign = new LongCommands(folder);
    expect(foreign.has(1n)).to.equal(false);
    foreign.add([2n]);
    expect(readFileSync(file()).length).to.equal(8);
    rmSync(folder, { recursive: true });
    new LongCommands(folder).add([1n]);
    expect(existsSync(folder)).to.equal(false);
    writeFileSync(folder, '');
    new LongCommands(folder).add([1n]);
    expect(readFileSync(folder).length).to.equal(0);
  });

  it('are not taken from a folder of another user', function () {
    if (process.getuid?.() !== 0) this.skip();
    new LongCommands(folder).add([1n]);
    const { getuid } = process;
    try {
      process.getuid = () => 1;
      expect(new LongCommands(folder).has(1n)).to.equal(false);
    } finally {
      process.getuid = getuid!;
    }
  });

  it('that cannot be written cost nothing but that', () => {
    mkdirSync(join(folder, 'commands'));
    const commands = new LongCommands(folder);
    commands.add([1n]);
    expect(commands.has(1n)).to.equal(true);
    expect(new LongCommands(folder).has(1n)).to.equal(false);
  });

  it('outlive old translators', () => {
    new LongCommands(folder).add([1n]);
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) KeptFiles.open(folder, name);
    expect(new LongCommands(folder).has(1n)).to.equal(true);
  });
});
