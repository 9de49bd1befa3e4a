import { expect } from 'chai';
import { EPOLLHUP, EPOLLRDHUP, Errno, Msg, O_NONBLOCK, Shut, Sock } from '@troupe/abi';
import { EventFile, UnixNamespace, createUnixPair, type FileDescription, type Socket, type UnixSocket } from '@troupe/vfs';

const CREDENTIALS = { pid: 1, uid: 2, gid: 3 };

function pair(type: number): [UnixSocket, UnixSocket] {
  const [first, second] = createUnixPair(type, O_NONBLOCK, CREDENTIALS, new UnixNamespace(), 0n);
  return [first.incRef(), second.incRef()];
}

function send(socket: Socket, text: string, rights: readonly FileDescription[] = []): number {
  return socket.send({ data: Buffer.from(text), flags: 0, to: null, rights, credentials: CREDENTIALS }, null);
}

function receive(socket: Socket, max = 100, flags = 0): { text: string; rights: readonly FileDescription[]; flags: number } | number {
  const dst = new Uint8Array(max);
  const message = socket.receive(dst, flags);
  if (typeof message === 'number') return message;
  return { text: Buffer.from(dst.subarray(0, message.count)).toString(), rights: message.rights, flags: message.flags };
}

describe('UnixSocket', () => {
  it('joins the pieces of a stream but not across passed files', () => {
    const [a, b] = pair(Sock.STREAM);
    const file = new EventFile(0n, false, 0).incRef();
    send(a, 'one');
    send(a, 'two', [file]);
    send(a, 'three');
    expect(file.refs).to.equal(2);
    const first = receive(b) as { text: string; rights: readonly FileDescription[] };
    expect(first.text).to.equal('onetwo');
    expect(first.rights).to.deep.equal([file]);
    expect(receive(b)).to.include({ text: 'three' });
  });

  it('keeps datagrams whole and tells when one was cut', () => {
    const [a, b] = pair(Sock.DGRAM);
    send(a, 'abc');
    send(a, 'defg');
    expect(receive(b, 2)).to.include({ text: 'ab', flags: Msg.TRUNC });
    expect(receive(b)).to.include({ text: 'defg', flags: 0 });
    expect(receive(b)).to.equal(-Errno.EAGAIN);
  });

  it('drops the references of files nobody received', () => {
    const [a, b] = pair(Sock.STREAM);
    const file = new EventFile(0n, false, 0).incRef();
    send(a, 'x', [file]);
    b.decRef();
    expect(file.refs).to.equal(1);
    expect(receive(a)).to.equal(-Errno.ECONNRESET);
    expect(receive(a)).to.include({ text: '' });
    expect(send(a, 'x')).to.equal(-Errno.EPIPE);
  });

  it('limits what is in flight and goes on when the peer reads', () => {
    const [a, b] = pair(Sock.STREAM);
    const big = 'x'.repeat(100_000);
    let sent = 0;
    for (let count = send(a, big); count > 0; count = send(a, big)) sent += count;
    expect(sent).to.be.within(a.sendBufferBytes - 4096, a.sendBufferBytes + 32768);
    expect(a.isWritable).to.equal(false);
    receive(b, sent);
    expect(a.isWritable).to.equal(true);
    expect(a.sentBytes).to.equal(0);
  });

  it('shuts down in one direction', () => {
    const [a, b] = pair(Sock.STREAM);
    expect(a.shutdown(Shut.WR)).to.equal(0);
    expect(b.poll() & (EPOLLRDHUP | EPOLLHUP)).to.equal(EPOLLRDHUP);
    expect(receive(b)).to.include({ text: '' });
    expect(send(b, 'still')).to.equal(5);
    expect(send(a, 'x')).to.equal(-Errno.EPIPE);
    expect(receive(a)).to.include({ text: 'still' });
  });
});
