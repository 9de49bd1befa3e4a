import { expect } from 'chai';
import { EPOLLHUP, EPOLLIN, EPOLLOUT, Errno } from '@troupe/abi';
import { PIPE_BUF, PIPE_DEFAULT_BYTES, Pipe } from '@troupe/vfs';

function openPipe(): Pipe {
  const pipe = new Pipe();
  pipe.addReader();
  pipe.addWriter();
  return pipe;
}

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');

function readText(pipe: Pipe, max = 1 << 20): string | number {
  const dst = new Uint8Array(max);
  const count = pipe.read(dst);
  return count < 0 ? count : Buffer.from(dst.subarray(0, count)).toString('latin1');
}

describe('Pipe', () => {
  it('gives bytes back in order across the wrap of its ring', () => {
    const pipe = openPipe();
    let written = 0;
    let read = 0;
    for (let round = 0; round < 300; round++) {
      const chunk = Uint8Array.from({ length: 700 }, () => written++ & 0xff);
      expect(pipe.write(chunk)).to.equal(700);
      const dst = new Uint8Array(600 + (round % 200));
      const count = pipe.read(dst);
      const expected = Uint8Array.from({ length: count }, () => read++ & 0xff);
      expect(Buffer.compare(dst.subarray(0, count), expected), `round ${round}`).to.equal(0);
    }
  });

  it('writes up to PIPE_BUF all or nothing, larger ones in part', () => {
    const pipe = openPipe();
    expect(pipe.write(new Uint8Array(PIPE_DEFAULT_BYTES - 100))).to.equal(PIPE_DEFAULT_BYTES - 100);
    expect(pipe.write(new Uint8Array(PIPE_BUF))).to.equal(-Errno.EAGAIN);
    expect(pipe.write(new Uint8Array(PIPE_BUF + 1))).to.equal(100);
    expect(pipe.pollWrite() & EPOLLOUT).to.equal(0);
  });

  it('keeps packets apart and drops the rest of one that does not fit', () => {
    const pipe = openPipe();
    pipe.write(bytes('stream'));
    pipe.write(bytes('first'), true);
    pipe.write(bytes('second'), true);
    pipe.write(bytes('tail'));
    expect(readText(pipe, 8)).to.equal('streamfi');
    expect(readText(pipe)).to.equal('second');
    expect(readText(pipe)).to.equal('tail');
  });

  it('ends when the last writer goes and fails without reader', () => {
    const pipe = openPipe();
    expect(readText(pipe)).to.equal(-Errno.EAGAIN);
    pipe.write(bytes('x'));
    pipe.removeWriter();
    expect(pipe.pollRead()).to.equal(EPOLLIN | 0x40 | EPOLLHUP);
    expect(readText(pipe)).to.equal('x');
    expect(readText(pipe)).to.equal('');
    pipe.addWriter();
    pipe.removeReader();
    expect(pipe.write(bytes('x'))).to.equal(-Errno.EPIPE);
  });

  it('changes its capacity to powers of two and refuses what it holds', () => {
    const pipe = openPipe();
    pipe.write(new Uint8Array(10000));
    expect(pipe.setCapacity(8192, false)).to.equal(-Errno.EBUSY);
    expect(pipe.setCapacity(10000, false)).to.equal(16384);
    expect(pipe.setCapacity(1 << 21, false)).to.equal(-Errno.EPERM);
    expect(pipe.setCapacity(1 << 21, true)).to.equal(1 << 21);
    expect(pipe.length).to.equal(10000);
  });

  it('wakes readers and writers with the event they wait for', () => {
    const pipe = openPipe();
    const seen: number[] = [];
    pipe.waiters.add({ events: EPOLLIN, onWake: (mask) => seen.push(mask & EPOLLIN) });
    pipe.waiters.add({ events: EPOLLOUT, onWake: (mask) => seen.push(mask & EPOLLOUT) });
    pipe.write(new Uint8Array(PIPE_DEFAULT_BYTES));
    pipe.read(new Uint8Array(PIPE_DEFAULT_BYTES));
    expect(seen).to.deep.equal([EPOLLIN, EPOLLOUT]);
  });
});
