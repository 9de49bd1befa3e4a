// What a guest does wrong hurts only itself.
import { copyFileSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { compileGuest } from '../support/guest-program.js';
import { ROOT } from '../support/paths.js';
import { run, troupe } from '../support/run.js';

const SOURCES = join(ROOT, 'tests/fault/programs');
const program = (name: string): string => compileGuest(name, ['-static', '-D_GNU_SOURCE'], SOURCES);

describe('misbehaving guests', function () {
  this.timeout(180_000);

  it('wild pointers to every system call', async () => {
    const native = await run(program('wild-pointers'), [], { timeoutMs: 100_000 });
    const ours = await troupe([program('wild-pointers'), 'attack'], { cores: 2, timeoutMs: 150_000 });
    expect(ours.stdout).to.equal(native.stdout);
    expect(ours.status).to.equal(native.status);
  });

  it('unknown system calls are ENOSYS, counted and named at exit', async () => {
    const ours = await troupe([program('unknown-calls')]);
    expect(ours.stdout).to.equal('1 1\n'.repeat(4));
    expect(ours.stderr).to.match(/^troupe: unimplemented system calls: 990 \(1\), 991 \(1\), 992 \(1\), 993 \(1\)$/m);
  });

  it('a fork bomb meets the limit of processes', async () => {
    const ours = await troupe([program('fork-bomb')], { flags: ['--user', '1000'] });
    expect(ours.stdout).to.equal('refused 1, below the limit 1\nall reaped 1\nagain 7\n');
  });

  it('a memory bomb is refused or killed, its parent goes on', async () => {
    const ours = await troupe([program('memory-bomb')], { flags: ['--memory', '256M'] });
    expect(ours.stdout).to.equal('refused or killed\n'.repeat(3));
    expect(ours.status).to.equal(0);
    const alone = await troupe([program('memory-bomb'), 'x'], { flags: ['--memory', '256M'] });
    expect([12, 137]).to.include(alone.status);
  });
});

describe('bad executables', function () {
  this.timeout(120_000);
  const dir = mkdtempSync(join(tmpdir(), 'troupe-elf-'));
  after(() => rmSync(dir, { recursive: true, force: true }));

  function variant(name: string, change: (bytes: Buffer) => Buffer): string {
    const path = join(dir, name);
    writeFileSync(path, change(Buffer.from(readFileSync(compileGuest('hello', ['-static'])))), { mode: 0o755 });
    return path;
  }

  const patched = (at: number, ...values: number[]) => (bytes: Buffer): Buffer => {
    bytes.set(values, at);
    return bytes;
  };

  const CASES: readonly (readonly [string, (bytes: Buffer) => Buffer])[] = [
    ['empty', () => Buffer.alloc(0)],
    ['magic-only', (bytes) => bytes.subarray(0, 4)],
    ['cut-header', (bytes) => bytes.subarray(0, 40)],
    ['no-magic', patched(0, 0)],
    ['arm', patched(18, 40, 0)],
    ['i386', patched(18, 3, 0)],
    ['wild-phoff', patched(32, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    ['tiny-phentsize', patched(54, 1, 0)],
  ];

  for (const [name, change] of CASES) {
    it(`${name}: 126`, async () => {
      const ours = await troupe([variant(name, change)]);
      expect(ours.status, ours.stderr).to.equal(126);
      expect(ours.stderr).to.match(/^troupe: /);
    });
  }

  it('missing: 127, directory: 126', async () => {
    expect((await troupe([join(dir, 'nothing')])).status).to.equal(127);
    expect((await troupe([dir])).status).to.equal(126);
  });
});

describe('damaged executables end as they do natively', function () {
  this.timeout(60_000);
  const dir = mkdtempSync(join(tmpdir(), 'troupe-cut-'));
  after(() => rmSync(dir, { recursive: true, force: true }));

  function write(name: string, bytes: Uint8Array): string {
    writeFileSync(join(dir, name), bytes, { mode: 0o755 });
    return join(dir, name);
  }

  /** Cut at the ends of headers and within each part, and with each odd byte in its head. */
  function variants(kind: string, binary: Buffer): string[] {
    const headersEnd = Number(binary.readBigUInt64LE(32)) + binary.readUInt16LE(56) * 56;
    const cuts = [0, 20, 64, headersEnd - 1, headersEnd, headersEnd + 20, 4096, 4100, binary.length >> 1, Math.floor(binary.length * 0.9)];
    return cuts.map((cut) => write(`${kind}-cut-${cut}`, binary.subarray(0, cut)));
  }

  const IDENT: readonly (readonly [at: number, value: number])[] = [[4, 1], [4, 0], [5, 2], [6, 0], [7, 3], [16, 1], [18, 3], [20, 2], [52, 32], [54, 55], [56, 0]];

  it('cut short, or with odd headers', async () => {
    const hello = readFileSync(compileGuest('hello', ['-static']));
    const paths = [
      ...variants('static', hello),
      ...variants('dynamic', readFileSync(compileGuest('hello'))),
      ...variants('no-bss', readFileSync(compileGuest('no-bss', ['-static', '-nostdlib', '-O1'], SOURCES))),
      ...IDENT.map(([at, value]) => write(`byte-${at}-${value}`, Buffer.from(hello).fill(value, at, at + 1))),
    ];
    const native = await run(program('exec-status'), paths);
    expect(native.stdout).to.match(/signal 7/).and.match(/signal 11/).and.match(/errno 5/).and.match(/errno 8/);
    const ours = await troupe([program('exec-status'), ...paths]);
    expect(ours.stdout).to.equal(native.stdout);
  });
});

describe('volumes', function () {
  this.timeout(60_000);

  it('cannot be left by .. or by symbolic links', async () => {
    const outside = mkdtempSync(join(tmpdir(), 'troupe-outside-'));
    const inside = join(outside, 'shared');
    const rootfs = join(outside, 'root');
    mkdirSync(inside);
    mkdirSync(rootfs);
    copyFileSync(program('open-paths'), join(rootfs, 'open-paths'));
    writeFileSync(join(outside, 'secret'), 'host secret\n');
    writeFileSync(join(inside, 'plain'), 'shared\n');
    symlinkSync('../secret', join(inside, 'link'));
    symlinkSync(join(outside, 'secret'), join(inside, 'absolute'));
    const paths = ['/v/plain', '/v/link', '/v/absolute', '/v/../secret', `/v/../../..${outside}/secret`];
    const ours = await troupe(['/open-paths', ...paths], { rootfs, flags: ['--volume', `${inside}:/v`] });
    expect(ours.stdout.split('\n')).to.deep.equal(['/v/plain ok', ...paths.slice(1).map((path) => `${path} ENOENT`), '/v/made ok', '']);
    expect(readFileSync(join(inside, 'made'), 'utf8')).to.equal('made\n');
    rmSync(outside, { recursive: true, force: true });
  });
});
