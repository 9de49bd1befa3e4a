/** Images that are no longer what was written are refused, whatever happened to them. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { expect } from 'chai';
import { ImageError, inspectImage, Kernel } from '@troupe/kernel';
import { bytesSource, CHUNK_HEAD_BYTES, chunkCrc, decodeChunkHead, encodeCbor, decodeCbor, HEADER_BYTES, ImageReader, storeCrc } from '@troupe/state';
import { compileGuest } from '../support/guest-program.js';
import { ROOT } from '../support/paths.js';
import { Output, saveToBytes } from '../support/save.js';

/** More of them: DAMAGED_IMAGES=10000 pnpm exec mocha … */
const ROUNDS = Number(process.env['DAMAGED_IMAGES'] ?? 600);
const PROGRAM = compileGuest('waiting', ['-static'], join(ROOT, 'tests/save/programs'));

async function imageOf(kind: string, compress = false): Promise<Buffer> {
  const kernel = await Kernel.create({ cores: 1 });
  try {
    const process = kernel.createProcess({ argv: [PROGRAM, kind], stdout: 'pipe', stderr: 'pipe' });
    const output = new Output();
    output.listen(process);
    kernel.start();
    await output.saw('waiting', process);
    return await saveToBytes(kernel, compress);
  } finally {
    await kernel.close();
  }
}

async function problemOf(image: Buffer, read: (image: Buffer) => Promise<unknown> = inspectImage): Promise<ImageError> {
  try {
    await read(image);
  } catch (error) {
    if (error instanceof ImageError) return error;
    throw error;
  }
  throw new Error('was read without complaint');
}

/** Chunks as they lie in the file. */
function chunksOf(image: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = HEADER_BYTES; at < image.length; ) {
    const end = at + CHUNK_HEAD_BYTES + decodeChunkHead(image.subarray(at)).storedBytes;
    chunks.push(image.subarray(at, end));
    at = end;
  }
  return chunks;
}

/** The image with another first chunk, checksums made anew as far as one can who knows the format. */
function withInfo(image: Buffer, change: (info: Record<string, unknown>) => void): Buffer {
  const id = image.subarray(12, 28);
  const chunks = chunksOf(image);
  const info = decodeCbor(chunks[0]!.subarray(CHUNK_HEAD_BYTES), 'test') as Record<string, unknown>;
  change(info);
  const body = encodeCbor(info);
  const head = Buffer.from(chunks[0]!.subarray(0, CHUNK_HEAD_BYTES));
  head.writeUInt32LE(body.length, 12);
  head.writeUInt32LE(body.length, 16);
  storeCrc(head, chunkCrc(id, head, body));
  return Buffer.concat([image.subarray(0, HEADER_BYTES), head, body, ...chunks.slice(1)]);
}

describe('damaged images', () => {
  let image: Buffer;
  let other: Buffer;
  let compressed: Buffer;

  before(async function () {
    this.timeout(60_000);
    image = await imageOf('pipe_read');
    other = await imageOf('epoll');
    compressed = await imageOf('pipe_read', true);
  });

  it('are whole before', async () => {
    for (const whole of [image, other, compressed]) expect((await inspectImage(whole)).info.processes.length).to.be.greaterThan(0);
    expect(compressed.length).to.be.lessThan(image.length / 2);
  });

  it('are refused at random flips, truncations, insertions and splices', async function () {
    this.timeout(600_000);
    let state = 12345;
    const random = (below: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * below);
    };
    const kinds = [
      (bytes: Buffer): Buffer => {
        const copy = Buffer.from(bytes);
        for (let count = 1 + random(4); count > 0; count--) copy[random(copy.length)]! ^= 1 << random(8);
        return copy.equals(bytes) ? copy.subarray(1) : copy;
      },
      (bytes: Buffer): Buffer => bytes.subarray(0, random(bytes.length)),
      (bytes: Buffer): Buffer => Buffer.concat([bytes.subarray(0, random(bytes.length)), Buffer.alloc(1 + random(9000), random(256)), bytes]),
      (bytes: Buffer): Buffer => {
        const [mine, theirs] = [chunksOf(bytes), chunksOf(other)];
        const at = random(Math.min(mine.length, theirs.length));
        mine[at] = theirs[at]!;
        return Buffer.concat([bytes.subarray(0, HEADER_BYTES), ...mine]);
      },
      (bytes: Buffer): Buffer => {
        const mine = chunksOf(bytes);
        const [a, b] = [random(mine.length - 1), random(mine.length)];
        if (a === b) mine.splice(a, 1);
        else [mine[a], mine[b]] = [mine[b]!, mine[a]!];
        return Buffer.concat([bytes.subarray(0, HEADER_BYTES), ...mine]);
      },
      (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(1 + random(50))]),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      const source = round % 2 === 0 ? image : compressed;
      const damaged = kinds[round % kinds.length]!(source);
      const read = round % 4 < 2 ? inspectImage : (bytes: Buffer) => Kernel.readSnapshot(bytes);
      expect((await problemOf(damaged, read)).problem, `round ${round}`).to.be.oneOf(['damaged', 'format']);
    }
  });

  it('of another version, or no images, are called so', async () => {
    const newer = Buffer.from(image);
    newer.writeUInt32LE(2, 8);
    newer.writeUInt32LE(crc32(newer.subarray(0, 28)), 28);
    expect(await problemOf(newer)).to.include({ problem: 'format', message: 'header: version 2, this is version 1' });
    expect(await problemOf(Buffer.from('#!/bin/sh\n'))).to.include({ problem: 'format', message: 'header: not an image of a machine' });
    expect(await problemOf(Buffer.alloc(0))).to.include({ problem: 'format' });
  });

  it('name missing CPU features before anything else', async () => {
    const foreign = withInfo(image, (info) => (info['features'] as string[]).push('avx512f'));
    foreign[foreign.length - 3]! ^= 1;
    expect(await problemOf(foreign)).to.include({ problem: 'incompatible', message: 'featureSet: CPU features are missing: avx512f' });
    expect((await problemOf(withInfo(image, (info) => void delete info['processes']))).message).to.equal('info.processes: missing or of the wrong type');
  });

  it('leave nothing behind when they are loaded', async () => {
    const cut = image.subarray(0, image.length - 1);
    const error = await Kernel.loadFrom(cut, { cores: 1 }).catch((problem: unknown) => problem);
    expect(error).to.be.instanceOf(ImageError);
    const tight = await Kernel.loadFrom(image, { cores: 1, memoryBytes: 65536 }).catch((problem: unknown) => problem);
    expect(tight).to.be.instanceOf(ImageError).and.include({ problem: 'incompatible' });
  });

  it('say first what they are of', async () => {
    const reader = await ImageReader.open(bytesSource(image));
    const types: string[] = [];
    for await (const { type } of reader.chunks()) types.push(type);
    expect(types.slice(0, 2)).to.deep.equal(['INFO', 'KIND']);
  });
});

describe('an image that cannot be written', () => {
  let kernel: Kernel;
  let folder: string;

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'troupe-image-'));
    kernel = await Kernel.create({ cores: 1 });
  });

  afterEach(async () => {
    await kernel.close();
    rmSync(folder, { recursive: true });
  });

  it('leaves the program running and the old image as it was', async () => {
    const process = kernel.createProcess({ argv: [PROGRAM, 'poll_timeout'], stdout: 'pipe', stderr: 'pipe' });
    const output = new Output();
    output.listen(process);
    kernel.start();
    await output.saw('waiting', process);
    const place = join(folder, 'image');
    writeFileSync(place, 'old');
    const full = new Writable({ write: (_chunk, _encoding, done) => done(Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })) });
    expect(await kernel.saveTo(full).catch((error: unknown) => (error as Error).message)).to.equal('no space left on device');
    expect(await kernel.saveTo(join(folder, 'none', 'image')).catch((error: unknown) => (error as NodeJS.ErrnoException).code)).to.equal('ENOENT');
    expect(readFileSync(place, 'utf8')).to.equal('old');
    expect(readdirSync(folder)).to.deep.equal(['image']);
    expect((await process.wait()).code).to.equal(0);
    expect(output.text).to.equal('waiting\n0\n');
  });
});
